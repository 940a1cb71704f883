"""The second half of a rescoring: the scores that changed, the facts of moves, a snapshot and the sums, by segment."""

import json
from datetime import datetime

from shared.forecasting import bands, forecast
from shared.forecasting.forecast import Forecaster
from shared.scoring import demand, lifecycle, rescoring
from shared.scoring.job import RESCORING, WrittenSegment
from shared.scoring.plan import Plan
from shared.scoring.store import parts, scan, writes


def write_segment(plan: Plan, segment: int, began: datetime) -> int:
    """Write the scores of a segment's customers that changed (1 write unit each, 2 with a move); how many did.

    Repeating it writes nothing new and sums up the same, for the sums follow from what was scanned. Raises Superseded
    where another rescoring has taken over, Busy where a table takes nothing for long.
    """
    rescoring_id = plan.rescoring_id
    least, _ = parts.thresholds(rescoring_id)
    forecaster = Forecaster.from_data(json.loads(parts.forecaster(rescoring_id)))
    part = parts.part(rescoring_id, segment)
    expected = forecast.predict(forecaster, part.repeats, part.active_days, part.age_days, part.orders, part.spent)
    churn = bands.churn_band(expected.p_buy)
    value = bands.value_band(expected.clv_12m, forecaster.value_cuts)
    now = rescoring.classify(part, least, churn, value)

    missing = rescoring.facts_of_moves(parts.unrecorded(rescoring_id, segment), plan.unfinished)
    missing_units = writes.record(missing)
    # A try that died has written some already: what is paid for once need not be paid for to hear that it is there.
    is_first = RESCORING.is_first_try(rescoring_id, segment, began)
    written_before = frozenset[str]() if is_first else scan.written_by(rescoring_id, segment, plan.total_segments)
    written = writes.write(
        rescoring.changes(part, now, rescoring_id, plan.as_of, plan.started_at),
        written_before,
        lambda: RESCORING.check_lease(rescoring_id),
    )
    parts.save_snapshot(rescoring_id, segment, part, now, expected.expected_purchases, expected.p_buy, expected.clv_12m)
    sums = demand.demand(
        part, now, expected.expected_purchases, expected.day_value, expected.clv_12m, forecaster.horizon_days
    )
    parts.save_tally(rescoring_id, segment, rescoring.tally(part, now), lifecycle.tally(part), sums)
    noted = WrittenSegment(
        run_id=rescoring_id,
        segment=segment,
        changed=written.written,
        given_way=written.refused,
        score_units=round(written.score_units),
        fact_units=round(written.fact_units + missing_units),
    )
    RESCORING.note_part(noted, began)
    return written.written
