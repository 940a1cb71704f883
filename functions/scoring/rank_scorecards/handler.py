"""Rescoring, third step: the counts of all segments → the thresholds of the scores."""

from collections.abc import Mapping
from typing import Any

from shared.core.codec import from_members
from shared.scoring.actions import scanning
from shared.scoring.plan import Plan


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it replaces the same objects."""
    return {"buyers": scanning.rank(from_members(Plan, event["run"]))}
