"""Settlement, first step: the number of customers → the segments in which their accounts are processed."""

from collections.abc import Mapping
from typing import Any

from shared.scorecards.store import cards


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Every customer who may have points has a scorecard."""
    segments = cards.plan_scan()
    run = {"settlement_id": event["run_id"], "started_at": event["started_at"], "total_segments": segments}
    return {"wait": False, "run": run, "segments": list(range(segments))}
