"""Rescoring, fourth step: one part → the scores that changed, and the part's tally."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.domain import rescoring
from shared.domain.facts import from_timestamp
from shared.domain.rfm import Thresholds
from shared.store import rescorings


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Repeating it writes nothing new and tallies the same: the tally follows from what was scanned."""
    thresholds = Thresholds(**{name: tuple(cuts) for name, cuts in event["thresholds"].items()})
    as_of = date.fromisoformat(event["as_of"])
    rows = [(row, rescoring.score(row.rfm, thresholds, as_of)) for row in rescorings.rows_of(event["part"])]
    rescorings.write_scores(rows, event["rescoring_id"], from_timestamp(event["started_at"]))
    return {"tally": rescorings.save_tally(event["part"], rescoring.tally(rows))}
