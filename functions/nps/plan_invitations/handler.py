"""Invitations, first step: the number of customers → the segments in which they are gone through."""

from collections.abc import Mapping
from typing import Any

from shared.scorecards.store import cards as scorecards


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Whoever has confirmed or bought has a scorecard."""
    segments = scorecards.plan_scan()
    run = {"run_id": event["run_id"], "started_at": event["started_at"], "total_segments": segments}
    return {"wait": False, "run": run, "segments": list(range(segments))}
