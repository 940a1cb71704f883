"""Rescoring, second step: one segment of the table → its customers and what they add up to, in the bucket."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock
from shared.core.codec import from_members
from shared.scoring.actions import scanning
from shared.scoring.plan import Plan


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it replaces the same objects."""
    segment = event["segment"]
    return {
        "segment": segment,
        "scanned": scanning.scan_segment(from_members(Plan, event["run"]), segment, clock.now()),
    }
