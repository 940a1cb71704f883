"""Settlement, second step: one segment of the customers → their accounts settled, and what they hold then."""

import os
from collections.abc import Mapping
from typing import Any

from shared.core.facts import from_timestamp
from shared.core.settings import Settings
from shared.loyalty.store import statements as settlements


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Repeating it finds nothing due and states the same."""
    zone = Settings.from_environment(os.environ).zone
    started_at = from_timestamp(event["run"]["started_at"])
    found = settlements.settle(event["segment"], event["run"]["total_segments"], started_at, zone)
    return settlements.to_members(found)
