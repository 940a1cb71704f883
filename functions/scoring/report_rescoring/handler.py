"""Rescoring, last step: the tallies of all segments → the reports that are served, the day's snapshot, the result."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.core import clock, environment
from shared.core.facts import from_timestamp
from shared.forecasting.forecast import Forecaster
from shared.scoring import report as rescoring_report
from shared.scoring.store import parts as rescoring_parts
from shared.scoring.store import runs as rescorings


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Repeating it replaces what it wrote; the whole is at GET /reports/… and GET /rescorings/{rescoring_id}."""
    run = event["run"]
    rescoring_id = run["rescoring_id"]
    figures = rescorings.figures_of(rescoring_id)
    if figures is None:
        rescorings.check_lease(rescoring_id)
        figures = _report(run)
    # What gave way may be a move of theirs from after the scan: then the next rescoring looks again.
    rescorings.close(rescoring_id, [] if figures["given_way"] else run["unfinished"])
    return {"rescoring_id": rescoring_id}


def _report(run: Mapping[str, Any]) -> dict[str, Any]:
    """Save the reports, the snapshot and the result; the result."""
    currency = environment.settings().currency
    rescoring_id, segments = run["rescoring_id"], run["total_segments"]
    as_of, started_at = date.fromisoformat(run["as_of"]), from_timestamp(run["started_at"])
    tally, stages, expected, cohorts = rescoring_parts.tallies(rescoring_id, segments)
    _, caveats = rescoring_parts.ranks_of(rescoring_id)
    forecaster = Forecaster.from_data(json.loads(rescoring_parts.forecaster(rescoring_id)))
    finished_at = clock.now()
    head = rescoring_report.head(rescoring_id, as_of, started_at, finished_at, currency)
    reports = {
        "SEGMENTS": rescoring_report.segments(tally, caveats),
        "FORECAST": rescoring_report.forecast(forecaster, expected),
        "LIFECYCLE": rescoring_report.lifecycle_stages(stages),
        "COHORTS": rescoring_report.cohorts(cohorts, as_of),
    }
    for name, report in reports.items():
        rescorings.save_report(name, started_at, {**head, **report})
    rescoring_parts.publish_snapshots(rescoring_id, as_of, segments)
    scans, writes = (rescorings.parts_of(rescoring_id, step) for step in ("SCAN", "WRITE"))
    figures = {
        "segments_scanned": len(scans),
        "segments_written": len(writes),
        "scanned": sum(one["scanned"] for one in scans),
        "changed": sum(one["changed"] for one in writes),
        "seconds": round((finished_at - started_at).total_seconds(), 1),
        "customers": reports["SEGMENTS"]["customers"],
        "moves": reports["SEGMENTS"]["moves"],
        "given_way": sum(one["given_way"] for one in writes),
        "read_units": sum(one["half_read_units"] for one in scans) / 2,
        "write_units": {
            "scorecards": sum(one["score_units"] for one in writes),
            "facts": sum(one["fact_units"] for one in writes),
        },
        "forecast": {
            "fitted": run["fits"],
            "purchases_by": forecaster.count_model,
            "chance_by": forecaster.chance_model,
        },
        "caveats": caveats,
    }
    rescorings.finish(rescoring_id, finished_at, figures)
    return figures
