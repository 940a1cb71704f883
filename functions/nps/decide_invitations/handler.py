"""Invitations, second step: a segment of the customers → invitations, and the reasons of refusals."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock, environment
from shared.core.codec import from_members
from shared.nps.actions import inviting
from shared.scorecards.actions import Plan


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it finds every decision made."""
    plan, zone = from_members(Plan, event["run"]), environment.settings().zone
    return {"customers": inviting.decide_segment(plan, event["segment"], zone, clock.now())}
