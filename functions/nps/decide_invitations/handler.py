"""Invitations, second step: one segment of the customers → who is asked which survey, and why the others are not."""

import os
from collections.abc import Mapping
from typing import Any

from shared.core.facts import from_timestamp
from shared.core.settings import Settings
from shared.nps.store import decisions as invitations


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it finds every decision made."""
    run, zone = event["run"], Settings.from_environment(os.environ).zone
    started_at = from_timestamp(run["started_at"])
    return invitations.invite(run["run_id"], event["segment"], run["total_segments"], started_at, zone)
