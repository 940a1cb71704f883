"""Rescoring, last but one: one segment → the scores that changed, the facts of moves, a snapshot and its tally."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.core import clock
from shared.core.facts import from_timestamp
from shared.forecasting import bands, forecast
from shared.forecasting.forecast import Forecaster
from shared.scoring import demand, lifecycle, rescoring
from shared.scoring.store import (
    parts as rescoring_parts,
)
from shared.scoring.store import (
    runs as rescorings,
)
from shared.scoring.store import (
    scan as scorecard_scan,
)
from shared.scoring.store import (
    writes as score_writes,
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it writes nothing new and tallies the same: the tally follows from what was scanned."""
    began = clock.now()
    run, segment = event["run"], event["segment"]
    rescoring_id = run["rescoring_id"]
    as_of, started_at = date.fromisoformat(run["as_of"]), from_timestamp(run["started_at"])
    least, _ = rescoring_parts.ranks_of(rescoring_id)
    forecaster = Forecaster.from_data(json.loads(rescoring_parts.forecaster(rescoring_id)))
    part = rescoring_parts.part(rescoring_id, segment)
    expected = forecast.predict(forecaster, part.repeats, part.active_days, part.age_days, part.orders, part.spent)
    churn = bands.churn_band(expected.p_buy)
    value = bands.value_band(expected.clv_12m, forecaster.value_cuts)
    now = rescoring.verdicts(part, least, churn, value)

    unfinished = {name: from_timestamp(at) for name, at in run["unfinished"].items()}
    owed_units = score_writes.tell(rescoring_parts.owed(rescoring_id, segment, unfinished))
    # A try that died has written some already: what is paid for once need not be paid for to hear that it is there.
    is_first = rescorings.is_first_try(rescoring_id, segment, began)
    done = frozenset[str]() if is_first else scorecard_scan.written_by(rescoring_id, segment, run["total_segments"])
    written = score_writes.write(
        rescoring_parts.changes(part, now, rescoring_id, as_of, started_at),
        done,
        lambda: rescorings.check_lease(rescoring_id),
    )
    rescoring_parts.save_snapshot(
        rescoring_id, segment, part, now, expected.expected_purchases, expected.p_buy, expected.clv_12m
    )
    sums = demand.demand(
        part, now, expected.expected_purchases, expected.day_value, expected.clv_12m, forecaster.horizon_days
    )
    tally = rescoring.tally(part, now)
    rescoring_parts.save_tally(rescoring_id, segment, tally, lifecycle.tally(part), sums)
    ended = clock.now()
    rescorings.note_part(
        rescoring_id,
        "WRITE",
        segment,
        ended,
        changed=written.written,
        given_way=written.given_way,
        score_units=round(written.score_units),
        fact_units=round(written.fact_units + owed_units),
        milliseconds=round((ended - began).total_seconds() * 1000),
    )
    return {"segment": segment, "changed": written.written}
