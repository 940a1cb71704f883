"""Invitations, first step: the number of customers → the segments in which they are processed."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock, environment
from shared.core.codec import from_members
from shared.edge import jobs
from shared.edge.jobs import Execution
from shared.nps.job import INVITING
from shared.scorecards.actions import plan_run


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One run decides at a time: `wait` is true while another does."""
    plan = plan_run(INVITING, from_members(Execution, event), environment.settings().zone, clock.now())
    return jobs.to_answer(plan)
