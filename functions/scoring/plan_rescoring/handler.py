"""Rescoring, first step: the size of the table → for which day, in how many segments, and whether a model is fitted."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.core import clock, environment
from shared.core.codec import from_members
from shared.edge import jobs
from shared.edge.jobs import Execution
from shared.scoring.actions import planning


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """`as_of` of the input is the day asked for, else the shop's today when the execution started. One rescoring runs
    at a time: `wait` is true while another does, and it starts when its turn has come.
    """
    as_of = date.fromisoformat(day) if (day := event["input"].get("as_of")) else None
    zone = environment.settings().zone
    return jobs.to_answer(planning.plan(from_members(Execution, event), as_of, zone, clock.now()))
