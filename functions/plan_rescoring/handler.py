"""Rescoring, first step: the size of the table → into how many segments it is scanned, and for which day."""

import os
from collections.abc import Mapping
from typing import Any

from shared.domain.facts import from_timestamp
from shared.settings import Settings
from shared.store import scorecards


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """`as_of` is the day asked for, else the shop's today at the start of the run."""
    settings = Settings.from_environment(os.environ)
    started_at = from_timestamp(event["started_at"])
    as_of = event["as_of"] or started_at.astimezone(settings.zone).date().isoformat()
    return {
        "rescoring_id": event["rescoring_id"],
        "started_at": event["started_at"],
        "as_of": as_of,
        "segments": scorecards.plan_scan(),
    }
