"""Rescoring, last step: the tallies of all parts → the report that is served."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from shared import clock
from shared.domain.facts import from_timestamp
from shared.store import rescorings


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """What was found, in short; the whole is at GET /reports/segments."""
    tally = rescorings.tallies_of(one["tally"] for one in event["tallies"])
    rescorings.save_report(
        event["rescoring_id"],
        date.fromisoformat(event["as_of"]),
        from_timestamp(event["started_at"]),
        clock.now(),
        tally,
    )
    customers = sum(sums.customers for sums in tally.segments.values())
    return {"rescoring_id": event["rescoring_id"], "customers": customers, "changed": tally.changed}
