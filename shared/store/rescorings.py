"""Rescorings: parts in the bucket below `rescorings/<id>/`; the report at pk `REPORT#SEGMENTS`, sk `LATEST`."""

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from shared import aws
from shared.domain import rescoring
from shared.domain.facts import to_timestamp
from shared.domain.rescoring import Counts, Row, Sums, Tally
from shared.domain.rfm import SEGMENTS, Score
from shared.domain.scorecard import Rfm, rfm
from shared.store import facts, scorecards, table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_REPORT_KEY: Final = {"pk": "REPORT#SEGMENTS", "sk": "LATEST"}
_WRITERS: Final = 16


def scan(segment: int, total_segments: int, as_of: date) -> Iterator[Row]:
    """The customers of one segment of the table (half a read unit per 4 KB)."""
    for page in scorecards.scan(segment, total_segments):
        for item in page:
            card = scorecards.from_item(item)
            yield Row(card.customer_id, rfm(card, as_of), card.score)


def save_part(rescoring_id: str, segment: int, rows: list[Row]) -> str:
    """Keep what was scanned, and its counts beside it; the key to both."""
    key = f"rescorings/{rescoring_id}/part-{segment:05d}"
    counts = rescoring.count(rows)
    _put(f"{key}.rows.json.gz", [_row_to_list(row) for row in rows])
    _put(f"{key}.counts.json.gz", [list(one.items()) for one in (counts.recency, counts.frequency, counts.monetary)])
    return key


def counts_of(parts: Iterable[str]) -> Counts:
    """The counts of all parts together."""
    return rescoring.merge_counts(Counts(*map(dict, _get(f"{key}.counts.json.gz"))) for key in parts)


def rows_of(part: str) -> list[Row]:
    """What was scanned."""
    return [_row_from_list(row) for row in _get(f"{part}.rows.json.gz")]


def write_scores(rows: list[tuple[Row, Score]], rescoring_id: str, started_at: datetime) -> None:
    """Write the scores that changed (1 write unit each), where the segment did with its fact (4).

    Repeating it does nothing; where another rescoring has been there since the scan, its score stays.
    """
    changed = [(row, now) for row, now in rows if not now.same_as(row.before)]

    def write(one: tuple[Row, Score]) -> None:
        row, now = one
        score = scorecards.set_score(row.customer_id, now, row.before)
        moved = row.before is None or row.before.segment != now.segment
        fact = rescoring.segment_fact(row, now, rescoring_id, started_at)
        for _ in table.tries():
            try:
                if moved:
                    table.transact([score, facts.record(fact)])
                else:
                    table.apply(score)
            except table.Cancelled as cancelled:
                # Scored by another run since, or this very fact written by an earlier try of this one.
                if not (cancelled.refused(0) or (moved and cancelled.refused(1))):
                    continue
            return

    with ThreadPoolExecutor(_WRITERS) as pool:
        for _ in pool.map(write, changed):
            pass


def save_tally(part: str, tally: Tally) -> str:
    """Keep the tally of a part; its key."""
    key = f"{part}.tally.json"
    content = {
        "segments": {name: astuple(sums) for name, sums in tally.segments.items()},
        "moves": [[was, now, n] for (was, now), n in tally.moves.items()],
        "changed": tally.changed,
    }
    _put(key, content)
    return key


def tallies_of(keys: Iterable[str]) -> Tally:
    """The tallies of all parts together."""
    return rescoring.merge_tallies(
        Tally(
            {name: Sums(*sums) for name, sums in content["segments"].items()},
            {(was, now): n for was, now, n in content["moves"]},
            content["changed"],
        )
        for content in map(_get, keys)
    )


def save_report(rescoring_id: str, as_of: date, started_at: datetime, finished_at: datetime, tally: Tally) -> None:
    """Make this the report that is served, unless a later rescoring has reported already."""
    item = {
        **_REPORT_KEY,
        "rescoring_id": rescoring_id,
        "as_of": as_of.isoformat(),
        "started_at": to_timestamp(started_at),
        "finished_at": to_timestamp(finished_at),
        "changed": tally.changed,
        "segments": {name: list(astuple(sums)) for name, sums in tally.segments.items()},
        "moves": [
            {"from": was, "to": now, "customers": n}
            for (was, now), n in sorted(tally.moves.items(), key=lambda move: (-move[1], str(move[0])))
        ],
    }
    condition = "attribute_not_exists(pk) OR started_at <= :started_at"
    try:
        table.apply(table.put(table.customers_table(), item, condition, {":started_at": item["started_at"]}))
    except table.Cancelled:
        return


def latest_report(currency: str) -> dict[str, Any] | None:
    """The last rescoring's report, or None before the first."""
    item = table.get(table.customers_table(), _REPORT_KEY)
    if item is None:
        return None
    sums = {name: Sums(*values) for name, values in item["segments"].items()}
    customers = sum(one.customers for one in sums.values())
    return {
        "rescoring_id": item["rescoring_id"],
        "as_of": item["as_of"],
        "started_at": item["started_at"],
        "finished_at": item["finished_at"],
        "currency": currency,
        "customers": customers,
        "buyers": customers - sums.get(SEGMENTS[-1], Sums()).customers,
        "changed": item["changed"],
        "segments": [_describe(name, sums[name], customers) for name in SEGMENTS if name in sums],
        "moves": [{"from": move.get("from"), **move} for move in item["moves"]],
    }


def _describe(name: str, sums: Sums, customers: int) -> dict[str, Any]:
    def mean(total: int) -> float:
        return round(total / sums.customers, 2)

    described: dict[str, Any] = {
        "segment": name,
        "customers": sums.customers,
        "share": round(sums.customers / customers, 4),
        "revenue": sums.monetary,
    }
    if name != SEGMENTS[-1]:
        described["average"] = {
            "recency_days": mean(sums.recency_days),
            "frequency": mean(sums.frequency),
            "monetary": mean(sums.monetary),
            "r": mean(sums.r),
            "f": mean(sums.f),
            "m": mean(sums.m),
        }
    return described


def _row_to_list(row: Row) -> list[Any]:
    found = astuple(row.rfm) if row.rfm else None
    score = (row.before.segment, row.before.r, row.before.f, row.before.m) if row.before else None
    return [row.customer_id, found, score]


def _row_from_list(row: list[Any]) -> Row:
    customer_id, found, score = row
    return Row(customer_id, Rfm(*found) if found else None, Score(*score) if score else None)


@cache
def _s3() -> "S3Client":
    return aws.client("s3")


def _put(key: str, content: Any) -> None:
    body = json.dumps(content, separators=(",", ":")).encode()
    if key.endswith(".gz"):
        body = gzip.compress(body, compresslevel=1, mtime=0)
    _s3().put_object(Bucket=os.environ["DATA_BUCKET"], Key=key, Body=body)


def _get(key: str) -> Any:
    body = _s3().get_object(Bucket=os.environ["DATA_BUCKET"], Key=key)["Body"].read()
    return json.loads(gzip.decompress(body) if key.endswith(".gz") else body)
