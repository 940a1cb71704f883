"""Rescoring, second step: one segment of the table → its rows and counts in the bucket."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.store import rescorings


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Repeating it overwrites the same objects."""
    rows = list(rescorings.scan(event["segment"], event["total_segments"], date.fromisoformat(event["as_of"])))
    return {"part": rescorings.save_part(event["rescoring_id"], event["segment"], rows)}
