"""Invitations, second step: one segment of the customers → who is asked which survey, and why the others are not."""

import os
from collections.abc import Mapping
from typing import Any

from shared.domain.facts import from_timestamp
from shared.settings import Settings
from shared.store import invitations


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it finds every decision made."""
    zone = Settings.from_environment(os.environ).zone
    started_at = from_timestamp(event["started_at"])
    return invitations.invite(event["run_id"], event["segment"], event["total_segments"], started_at, zone)
