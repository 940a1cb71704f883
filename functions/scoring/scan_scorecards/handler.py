"""Rescoring, second step: one segment of the table → its customers and what they add up to, in the bucket."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.core import clock
from shared.scoring.store import parts as rescoring_parts
from shared.scoring.store import runs as rescorings
from shared.scoring.store import scan as scorecard_scan


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it overwrites the same objects."""
    began = clock.now()
    run, segment = event["run"], event["segment"]
    rescoring_id = run["rescoring_id"]
    scanned = scorecard_scan.scan(
        segment,
        run["total_segments"],
        date.fromisoformat(run["as_of"]),
        run["sample"],
        frozenset(run["unfinished"]),
    )
    rescoring_parts.save_scan(rescoring_id, segment, scanned)
    customers, now = len(scanned.part.customer_ids), clock.now()
    milliseconds = round((now - began).total_seconds() * 1000)
    # Numbers of items are whole: half units as twice as many halves.
    halves = round(2 * scanned.read_units)
    rescorings.note_part(
        rescoring_id, "SCAN", segment, now, scanned=customers, half_read_units=halves, milliseconds=milliseconds
    )
    return {"segment": segment, "scanned": customers}
