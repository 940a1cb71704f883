"""Settlement, second step: one segment of the customers → their accounts settled, and what they hold then."""

from collections.abc import Mapping
from typing import Any

from shared.core import environment
from shared.core.facts import from_timestamp
from shared.loyalty.store import statements as settlements


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Repeating it finds nothing due and states the same."""
    zone = environment.settings().zone
    started_at = from_timestamp(event["started_at"])
    found = settlements.settle(event["segment"], event["total_segments"], started_at, zone)
    return settlements.to_members(found)
