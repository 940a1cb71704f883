"""Settlement, second step: a segment of the customers → their accounts settled, and the statement of these."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock, environment
from shared.core.codec import from_members
from shared.loyalty.actions import settling
from shared.scorecards.actions import Plan


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it posts nothing more and states the same."""
    plan, zone = from_members(Plan, event["run"]), environment.settings().zone
    return {"customers": settling.settle_segment(plan, event["segment"], zone, clock.now())}
