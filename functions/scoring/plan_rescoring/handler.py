"""Rescoring, first step: the size of the table → for which day, in how many segments, and whether a model is fitted."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.core import clock, environment
from shared.core.codec import to_members
from shared.core.facts import from_timestamp
from shared.core.shop_time import ShopTime
from shared.scoring.actions import planning


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """`as_of` is the day asked for, else the shop's today when it was asked. One rescoring runs at a time: `wait` is
    true while another does, and it starts when its turn has come.
    """
    requested = ShopTime(from_timestamp(event["started_at"]), environment.settings().zone)
    as_of = date.fromisoformat(day) if (day := event["input"].get("as_of")) else None
    plan = planning.plan(event["run_id"], event["execution_arn"], as_of, requested, clock.now())
    if plan is None:
        return {"wait": True}
    return {"wait": False, "run": to_members(plan), "segments": list(range(plan.total_segments))}
