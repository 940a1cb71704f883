"""The end of a rescoring: the reports that are served, the day's snapshot, the result."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from shared.core.dynamodb import Cancelled, apply
from shared.forecasting.forecast import Forecaster
from shared.scoring import demand, lifecycle, report, rescoring
from shared.scoring.demand import Demand
from shared.scoring.job import RESCORING, ScannedSegment, WrittenSegment
from shared.scoring.lifecycle import Cohorts, Stage
from shared.scoring.plan import Plan
from shared.scoring.rescoring import Tally
from shared.scoring.store import parts, reports, snapshots
from shared.scoring.store.reports import StoredReport
from shared.scoring.store.snapshots import Snapshot


def finish(plan: Plan, currency: str, finished_at: datetime) -> None:
    """Report on a rescoring and let the next one begin. Repeating it replaces what it wrote.

    Raises Superseded where another rescoring has taken over before this one reported.
    """
    figures = RESCORING.figures(plan.rescoring_id)
    if figures is None:
        RESCORING.check_lease(plan.rescoring_id)
        figures = _report(plan, currency, finished_at)
    # What gave way may be a move of an unfinished rescoring from after the scan: then the next rescoring looks again.
    RESCORING.close(plan.rescoring_id, () if figures["given_way"] else plan.unfinished)


def _report(plan: Plan, currency: str, finished_at: datetime) -> Mapping[str, Any]:
    """Save the reports, the snapshot and the result; the result."""
    tally, stages, expected, cohorts = _sums(plan)
    _, caveats = parts.thresholds(plan.rescoring_id)
    forecaster = Forecaster.from_data(json.loads(parts.forecaster(plan.rescoring_id)))
    head = report.head(plan.rescoring_id, plan.as_of, plan.started_at, finished_at, currency)
    contents = {
        "SEGMENTS": report.segments(tally, caveats),
        "FORECAST": report.forecast(forecaster, expected),
        "LIFECYCLE": report.lifecycle_stages(stages),
        "COHORTS": report.cohorts(cohorts, plan.as_of),
    }
    for name, content in contents.items():
        # Refused where a later rescoring has reported already.
        with suppress(Cancelled):
            apply(reports.put(StoredReport(name=name, started_at=plan.started_at, content={**head, **content})))
    _publish_snapshot(plan)
    scanned = RESCORING.parts(ScannedSegment, plan.rescoring_id)
    written = RESCORING.parts(WrittenSegment, plan.rescoring_id)
    figures = {
        "segments_scanned": len(scanned),
        "segments_written": len(written),
        "scanned": sum(part.scanned for part in scanned),
        "changed": sum(part.changed for part in written),
        "seconds": round((finished_at - plan.started_at).total_seconds(), 1),
        "customers": contents["SEGMENTS"]["customers"],
        "moves": contents["SEGMENTS"]["moves"],
        "given_way": sum(part.given_way for part in written),
        "read_units": sum(part.half_read_units for part in scanned) / 2,
        "write_units": {
            "scorecards": sum(part.score_units for part in written),
            "facts": sum(part.fact_units for part in written),
        },
        "forecast": {
            "fitted": plan.fits,
            "purchases_by": forecaster.count_model,
            "chance_by": forecaster.chance_model,
        },
        "caveats": caveats,
    }
    RESCORING.finish(plan.rescoring_id, finished_at, figures)
    return figures


def _sums(plan: Plan) -> tuple[Tally, dict[str, Stage], Demand, Cohorts]:
    """The sums over all customers."""
    whole = Tally(), lifecycle.merge([]), Demand(), Cohorts()
    for window in parts.read_all(parts.tally, plan.rescoring_id, plan.total_segments):
        tally, stages, expected, cohorts = zip(whole, *window, strict=True)
        whole = (
            rescoring.merge_tallies(tally),
            lifecycle.merge(stages),
            demand.merge(expected),
            lifecycle.merge_cohorts(cohorts),
        )
    return whole


def _publish_snapshot(plan: Plan) -> None:
    """Make the scores of a finished rescoring those of its day, in place of any that an earlier one left."""
    before = snapshots.get(plan.as_of)
    most = max(plan.total_segments, before.parts if before else 0)
    # Whoever dies in between has left no object of which nothing is known.
    apply(snapshots.put(Snapshot(as_of=plan.as_of, parts=most)))
    parts.copy_snapshot(plan.rescoring_id, plan.as_of, plan.total_segments)
    parts.delete_snapshot(plan.as_of, range(plan.total_segments, most))
    apply(snapshots.put(Snapshot(as_of=plan.as_of, parts=plan.total_segments)))
