"""Invitations, second step: a segment of the customers → invitations, and the reasons of refusals."""

from collections.abc import Mapping
from typing import Any

from shared.core import environment
from shared.core.facts import from_timestamp
from shared.core.shop_time import ShopTime
from shared.nps.actions import inviting


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it finds every decision made."""
    run = event["run"]
    time = ShopTime(from_timestamp(run["started_at"]), environment.settings().zone)
    return inviting.decide_segment(run["run_id"], event["segment"], run["total_segments"], time)
