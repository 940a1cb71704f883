"""Invitations, last step: the decisions of all segments → the record of the night, and the next one's turn."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock
from shared.core.codec import from_members
from shared.nps.actions import inviting
from shared.scorecards.actions import Plan


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Repeating it answers the same."""
    plan = from_members(Plan, event["run"])
    return {"run_id": plan.run_id, "decisions": inviting.close(plan, clock.now())["decisions"]}
