"""Rescoring, last but one: one segment → the scores that changed, the facts of moves, a snapshot and its tally."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock
from shared.core.codec import from_members
from shared.scoring.actions import writing
from shared.scoring.plan import Plan


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it writes nothing new and sums up the same."""
    segment = event["segment"]
    return {
        "segment": segment,
        "changed": writing.write_segment(from_members(Plan, event["run"]), segment, clock.now()),
    }
