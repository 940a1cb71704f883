"""Rescorings: pk `RESCORING#<id>`, sk `RUN`, `SCAN#<segment>`, `BEGUN#…`, `WRITE#…`; who runs now, whose moves may be
untold and how many objects a day's snapshot has at pk `RESCORINGS`, sk `LEASE`, `UNFINISHED#<id>`, `SNAPSHOT#<day>`;
what forecasts at pk `FORECASTER`, the last reports at pk `REPORT#<name>`, sk `LATEST`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from shared import forecasting as prediction
from shared.core import old_table as table
from shared.core.errors import Conflict, NotFound
from shared.core.facts import from_timestamp, to_timestamp

# Customers are drawn for a fit by a hash of their id, so many in these: the same ones in however many segments.
DRAWN_OF: Final = 10_000
KEEP_RUN_DAYS: Final = 400
KEEP_PARTS_DAYS: Final = 30

_RUNS: Final = "RESCORINGS"
_LEASE: Final = {"pk": _RUNS, "sk": "LEASE"}
_FORECASTER: Final = {"pk": "FORECASTER", "sk": "LATEST"}
_UNFINISHED: Final = "UNFINISHED#"
_DAY: Final = 86_400
# Between the record of a run and its execution lies a single call.
_TO_BEGIN: Final = timedelta(minutes=1)


class Superseded(Conflict):
    """Another rescoring holds the lease: this one was given up and has nothing more to write."""


@dataclass(frozen=True, slots=True)
class Run:
    """A rescoring as planned: for which day, in how many segments, by which execution."""

    rescoring_id: str
    started_at: datetime
    as_of: date
    segments: int
    execution_arn: str


def request(rescoring_id: str, execution_arn: str, requested_at: datetime) -> None:
    """Put a run on record that is about to be started, so that whoever started it finds it."""
    item = {
        **_run(rescoring_id),
        "status": "QUEUED",
        "requested_at": to_timestamp(requested_at),
        "execution_arn": execution_arn,
        "expires_at": _after(requested_at, KEEP_RUN_DAYS),
    }
    try:
        table.apply(table.put_new(table.customers_table(), item))
    except table.Cancelled:
        return


def take_lease(
    rescoring_id: str, execution_arn: str, now: datetime, is_running: Callable[[str], bool]
) -> datetime | None:
    """Become the one rescoring that runs; the moment from which on it is, or None while another is running."""
    for _ in table.tries():
        held = table.get(table.customers_table(), _LEASE)
        if held and held["rescoring_id"] == rescoring_id:
            return from_timestamp(held["started_at"])
        if held and is_running(held["execution_arn"]):
            return None
        item = {
            **_LEASE,
            "rescoring_id": rescoring_id,
            "execution_arn": execution_arn,
            "started_at": to_timestamp(now),
        }
        condition = "rescoring_id = :held" if held else "attribute_not_exists(sk)"
        values = {":held": held["rescoring_id"]} if held else {}
        try:
            table.apply(table.put(table.customers_table(), item, condition, values))
        except table.Cancelled:
            continue
        return now
    return None


def check_lease(rescoring_id: str) -> None:
    """Raises Superseded where another rescoring has taken over."""
    held = table.get(table.customers_table(), _LEASE)
    if held is None or held["rescoring_id"] != rescoring_id:
        raise Superseded("another rescoring has taken over")


def begin(run: Run) -> None:
    """Put the plan of a run on record (2 write units); until it has finished its moves may be untold.

    Raises Superseded where it has finished already.
    """
    item = {
        **_run(run.rescoring_id),
        "status": "RUNNING",
        "as_of": run.as_of.isoformat(),
        "started_at": to_timestamp(run.started_at),
        "segments": run.segments,
        "execution_arn": run.execution_arn,
        "expires_at": _after(run.started_at, KEEP_RUN_DAYS),
    }
    try:
        table.apply(table.put(table.customers_table(), item, "attribute_not_exists(finished_at)"))
    except table.Cancelled as cancelled:
        raise Superseded("this rescoring has finished") from cancelled
    unfinished = {"pk": _RUNS, "sk": f"{_UNFINISHED}{run.rescoring_id}", "started_at": to_timestamp(run.started_at)}
    table.apply(table.put(table.customers_table(), unfinished))


def unfinished(but: str) -> dict[str, datetime]:
    """The rescorings that began and never came to their end, and when they began; not the one named."""
    found = table.query(table.customers_table(), _RUNS, _UNFINISHED)
    started = {item["sk"].removeprefix(_UNFINISHED): from_timestamp(item["started_at"]) for item in found}
    return {rescoring_id: at for rescoring_id, at in started.items() if rescoring_id != but}


def is_first_try(rescoring_id: str, segment: int, now: datetime) -> bool:
    """Put on record that a segment's scores are being written; False where an earlier try had begun to."""
    item = {
        "pk": f"RESCORING#{rescoring_id}",
        "sk": f"BEGUN#{segment:05d}",
        "expires_at": _after(now, KEEP_PARTS_DAYS),
    }
    try:
        table.apply(table.put_new(table.customers_table(), item))
    except table.Cancelled:
        return False
    return True


def note_part(rescoring_id: str, step: str, segment: int, now: datetime, **figures: int) -> None:
    """Put on record what a step (`SCAN` or `WRITE`) did with a segment; a repeat replaces it."""
    key = {"pk": f"RESCORING#{rescoring_id}", "sk": f"{step}#{segment:05d}"}
    table.apply(table.put(table.customers_table(), {**key, **figures, "expires_at": _after(now, KEEP_PARTS_DAYS)}))


def finish(rescoring_id: str, finished_at: datetime, figures: Mapping[str, Any]) -> None:
    """Put the result on record, once."""
    change = "SET #status = :done, finished_at = :finished_at, figures = :figures"
    values = {
        ":done": "SUCCEEDED",
        ":finished_at": to_timestamp(finished_at),
        ":figures": json.dumps(figures, separators=(",", ":")),
    }
    # Refused where it is on record already.
    with suppress(table.Cancelled):
        table.apply(
            table.update(
                table.customers_table(),
                _run(rescoring_id),
                change,
                "attribute_exists(sk) AND attribute_not_exists(finished_at)",
                values,
                {"#status": "status"},
            )
        )


def figures_of(rescoring_id: str) -> dict[str, Any] | None:
    """The result of a rescoring, None before it has finished."""
    item = table.get(table.customers_table(), _run(rescoring_id))
    figures: dict[str, Any] | None = json.loads(item["figures"]) if item and "figures" in item else None
    return figures


def close(rescoring_id: str, told: Iterable[str]) -> None:
    """Let the next rescoring begin, and forget whose moves were untold: its own and those of `told`."""
    for one in (*told, rescoring_id):
        table.apply(table.delete(table.customers_table(), {"pk": _RUNS, "sk": f"{_UNFINISHED}{one}"}))
    with suppress(table.Cancelled):
        table.apply(table.delete(table.customers_table(), _LEASE, "rescoring_id = :mine", {":mine": rescoring_id}))


def find(rescoring_id: str, is_running: Callable[[str], bool], now: datetime) -> dict[str, Any] | None:
    """A rescoring's plan, progress and result (1 read unit and more per 4 KB); None where there is none of this id.

    `status` is QUEUED, RUNNING, SUCCEEDED, or FAILED where its execution ended before its work.
    """
    items = {item["sk"]: item for item in table.query(table.customers_table(), f"RESCORING#{rescoring_id}")}
    run = items.pop("RUN", None)
    if run is None:
        return None
    status = run["status"]
    begins = status == "QUEUED" and now - from_timestamp(run["requested_at"]) <= _TO_BEGIN
    if status != "SUCCEEDED" and not begins and not is_running(run["execution_arn"]):
        status = "FAILED"
    scans, writes = ([item for sk, item in items.items() if sk.startswith(step)] for step in ("SCAN#", "WRITE#"))
    progress = {
        "segments": run.get("segments"),
        "segments_scanned": len(scans),
        "segments_written": len(writes),
        "scanned": sum(item["scanned"] for item in scans),
        "changed": sum(item["changed"] for item in writes),
    }
    result = json.loads(run["figures"]) if "figures" in run else {}
    return {
        "rescoring_id": rescoring_id,
        "status": status,
        "as_of": run.get("as_of"),
        "started_at": run.get("started_at"),
        "finished_at": run.get("finished_at"),
        **progress,
        **result,
    }


def parts_of(rescoring_id: str, step: str) -> list[table.Item]:
    """What a step put on record of its segments."""
    return table.query(table.customers_table(), f"RESCORING#{rescoring_id}", f"{step}#")


def claim_snapshot(as_of: date, parts: int) -> int:
    """How many objects the snapshot of a day may have once this one has been put over it."""
    held = table.get(table.customers_table(), _snapshot(as_of))
    most = max(parts, held["parts"] if held else 0)
    table.apply(table.put(table.customers_table(), {**_snapshot(as_of), "parts": most}))
    return most


def settle_snapshot(as_of: date, parts: int) -> None:
    """The snapshot of a day has exactly so many objects."""
    table.apply(table.put(table.customers_table(), {**_snapshot(as_of), "parts": parts}))


def save_report(name: str, started_at: datetime, content: Mapping[str, Any]) -> None:
    """Make this the report that is served, unless a later rescoring has reported already."""
    item = {
        **_report(name),
        "started_at": to_timestamp(started_at),
        "content": json.dumps(content, separators=(",", ":"), ensure_ascii=False),
    }
    condition = "attribute_not_exists(pk) OR started_at <= :started_at"
    try:
        table.apply(table.put(table.customers_table(), item, condition, {":started_at": item["started_at"]}))
    except table.Cancelled:
        return


def report(name: str) -> dict[str, Any]:
    """What the last rescoring found (1 read unit per 4 KB). Raises NotFound before the first."""
    item = table.get(table.customers_table(), _report(name))
    if item is None:
        raise NotFound("no rescoring has run yet; one runs every night, POST /rescorings starts one now")
    content: dict[str, Any] = json.loads(item["content"])
    return content


def save_forecaster(fitted_on: date, content: str) -> None:
    """Keep what was fitted, as JSON."""
    item = {**_FORECASTER, "fitted_on": fitted_on.isoformat(), "format": prediction.FORMAT, "content": content}
    table.apply(table.put(table.customers_table(), item))


def forecaster_fitted_on() -> date | None:
    """For which day the forecaster that is kept was fitted; None where none is, or one of another version."""
    item = table.get(table.customers_table(), _FORECASTER)
    return date.fromisoformat(item["fitted_on"]) if item and item["format"] == prediction.FORMAT else None


def forecaster() -> str | None:
    """The forecaster that is kept, as JSON."""
    item = table.get(table.customers_table(), _FORECASTER)
    return item["content"] if item else None


def _run(rescoring_id: str) -> dict[str, str]:
    return {"pk": f"RESCORING#{rescoring_id}", "sk": "RUN"}


def _snapshot(as_of: date) -> dict[str, str]:
    return {"pk": _RUNS, "sk": f"SNAPSHOT#{as_of.isoformat()}"}


def _report(name: str) -> dict[str, str]:
    return {"pk": f"REPORT#{name}", "sk": "LATEST"}


def _after(moment: datetime, days: int) -> int:
    return int(moment.timestamp()) + days * _DAY
