"""Rescoring, first step: the size of the table → into how many segments it is scanned, and for which day."""

import math
import os
from collections.abc import Mapping
from typing import Any, Final

from shared.domain.facts import from_timestamp
from shared.settings import Settings
from shared.store import rescorings

# What one function scans and writes well within its fifteen minutes; 40 is how many an inline Map runs at once.
CUSTOMERS_PER_SEGMENT: Final = 25_000
MIN_SEGMENTS: Final = 4
MAX_SEGMENTS: Final = 40


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """`as_of` is the day asked for, else the shop's today at the start of the run."""
    settings = Settings.from_environment(os.environ)
    started_at = from_timestamp(event["started_at"])
    as_of = event["as_of"] or started_at.astimezone(settings.zone).date().isoformat()
    wanted = math.ceil(rescorings.count_customers() / CUSTOMERS_PER_SEGMENT)
    # The count is up to six hours old, and 0 after a first import.
    total = min(max(wanted, MIN_SEGMENTS), MAX_SEGMENTS)
    return {
        "rescoring_id": event["rescoring_id"],
        "started_at": event["started_at"],
        "as_of": as_of,
        "segments": [{"segment": segment, "total_segments": total} for segment in range(total)],
    }
