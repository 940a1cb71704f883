"""Rescoring, last step: the tallies of all segments → the reports that are served, the day's snapshot, the result."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock, environment
from shared.core.codec import from_members
from shared.scoring.actions import reporting
from shared.scoring.plan import Plan


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Repeating it replaces what it wrote; the whole is at GET /reports/… and GET /rescorings/{rescoring_id}."""
    plan = from_members(Plan, event["run"])
    reporting.finish(plan, environment.settings().currency, clock.now())
    return {"rescoring_id": plan.rescoring_id}
