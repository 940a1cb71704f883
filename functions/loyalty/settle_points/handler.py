"""Settlement, second step: a segment of the customers → their accounts settled, and the statement of these."""

from collections.abc import Mapping
from typing import Any

from shared.core import environment
from shared.core.codec import to_members
from shared.core.facts import from_timestamp
from shared.core.shop_time import ShopTime
from shared.loyalty.actions import settling


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Repeating it posts nothing more and states the same."""
    run = event["run"]
    time = ShopTime(from_timestamp(run["started_at"]), environment.settings().zone)
    return to_members(settling.settle_segment(event["segment"], run["total_segments"], time))
