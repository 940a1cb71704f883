"""Rescoring, first step: the size of the table → for which day, in how many segments, and whether a model is fitted."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from shared.core import clock, environment
from shared.core.facts import from_timestamp, to_timestamp
from shared.edge import executions
from shared.scorecards.store import cards as scorecards
from shared.scoring.store import runs as rescorings
from shared.scoring.store.runs import DRAWN_OF, Run

# What one function scans, and at the very first run writes, well within its fifteen minutes.
CUSTOMERS_PER_SEGMENT: Final = 100_000
MIN_SEGMENTS: Final = 4
# What all of them answer has to fit into the 256 KB of a state, even where it is thrown away.
MAX_SEGMENTS: Final = 5_000
FIT_EVERY_DAYS: Final = 7
# What a fit gains by more customers than these is less than it forgets from one week to the next.
CUSTOMERS_IN_FIT: Final = 100_000


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """`as_of` is the day asked for, else the shop's today when it was asked. One rescoring runs at a time: `wait` is
    true while another does, and it starts when its turn has come, so that facts and reports stand in that order.
    """
    settings = environment.settings()
    rescoring_id, arn, asked_for = event["run_id"], event["execution_arn"], event["input"].get("as_of")
    asked_at = from_timestamp(event["started_at"])
    rescorings.request(rescoring_id, arn, asked_at)
    started_at = rescorings.take_lease(rescoring_id, arn, clock.now(), executions.is_running)
    if started_at is None:
        return {"wait": True}
    as_of = date.fromisoformat(asked_for) if asked_for else asked_at.astimezone(settings.zone).date()
    customers = scorecards.estimate()
    segments = min(max(math.ceil(customers / CUSTOMERS_PER_SEGMENT), MIN_SEGMENTS), MAX_SEGMENTS)
    fitted_on = rescorings.forecaster_fitted_on()
    fits = fitted_on is None or abs((as_of - fitted_on).days) >= FIT_EVERY_DAYS
    unfinished = rescorings.unfinished(but=rescoring_id)
    rescorings.begin(Run(rescoring_id, started_at, as_of, segments, arn))
    return {
        "wait": False,
        "run": {
            "rescoring_id": rescoring_id,
            "started_at": to_timestamp(started_at),
            "as_of": as_of.isoformat(),
            "total_segments": segments,
            "fits": fits,
            "sample": _share(customers) if fits else 0,
            "unfinished": {name: to_timestamp(began) for name, began in unfinished.items()},
        },
        "segments": list(range(segments)),
    }


def _share(customers: int) -> int:
    """How many in DRAWN_OF customers are drawn for the fit."""
    return min(DRAWN_OF, DRAWN_OF * CUSTOMERS_IN_FIT // max(customers, 1) + 1)
