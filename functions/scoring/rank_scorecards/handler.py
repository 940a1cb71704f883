"""Rescoring, third step: the counts of all segments → the thresholds of the scores."""

from collections.abc import Mapping
from typing import Any

from shared.scoring import rescoring
from shared.scoring.store import parts as rescoring_parts
from shared.scoring.store import runs as rescorings


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """The thresholds over all customers; where nothing is fitted this time, the forecaster that is kept."""
    run = event["run"]
    rescoring_id = run["rescoring_id"]
    counts, monetary = rescoring_parts.ranks(rescoring_id, run["total_segments"])
    least = rescoring.thresholds(counts, monetary)
    rescoring_parts.save_ranks(rescoring_id, least, counts.caveats)
    if not run["fits"]:
        kept = rescorings.forecaster()
        if kept is None:
            raise LookupError("no forecaster is kept, although the plan found one")
        rescoring_parts.save_forecaster(rescoring_id, kept)
    return {"buyers": counts.buyers}
