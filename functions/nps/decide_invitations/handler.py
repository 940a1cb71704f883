"""Invitations, second step: one segment of the customers → who is asked which survey, and why the others are not."""

from collections.abc import Mapping
from typing import Any

from shared.core import environment
from shared.core.facts import from_timestamp
from shared.nps.store import decisions as invitations


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it finds every decision made."""
    zone = environment.settings().zone
    started_at = from_timestamp(event["started_at"])
    return invitations.invite(event["run_id"], event["segment"], event["total_segments"], started_at, zone)
