"""Every minute → the messages on the due index whose time has come are sent to their queues."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock
from shared.core.facts import from_timestamp
from shared.edge import due


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """An event with `now`, a time such as 2026-11-21T20:14:00.000Z, sends what is due then."""
    now = from_timestamp(event["now"]) if "now" in event else clock.now()
    return {"sent": due.send_due(now)}
