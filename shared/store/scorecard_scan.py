"""The scan of a rescoring: pages of scorecards as they come over the wire → columns.

botocore would turn each page into nested dictionaries twenty times slower than orjson reads its JSON, so for this one
operation it is handed an empty document, and the page's bytes are kept beside it.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import numpy as np
import orjson

from shared.domain.lifecycle import Cohorts
from shared.domain.months import month_of, months_after
from shared.domain.prediction import bands
from shared.domain.prediction.histories import Histories
from shared.domain.rescoring import NONE, Part, Verdicts
from shared.domain.rfm import SEGMENTS
from shared.domain.scorecard import MAX_ORDER_DAYS, WINDOW_MONTHS
from shared.store import table
from shared.store.rescorings import DRAWN_OF

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RAW: Final = "RawBody"
_EPOCH: Final = date(1970, 1, 1)
_RECENT_MONTHS: Final = 12
_MEMBERS: Final = (
    "customer_id", "orders", "spent", "first_order_on", "last_order_on", "order_days", "months", "score",
)  # fmt: skip
# In the order in which they are taken in.
_NUMBERS: Final = (
    "recency_days", "frequency", "monetary", "recent", "orders", "spent", "repeats", "active_days", "age_days",
)  # fmt: skip
_SEGMENT_CODES: Final = {name: code for code, name in enumerate(SEGMENTS)}
_CHURN_CODES: Final = {name: code for code, name in enumerate(bands.CHURN_BANDS)}
_VALUE_CODES: Final = {name: code for code, name in enumerate(bands.VALUE_BANDS)}

Items = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Owed:
    """A move that a rescoring wrote and may never have told: it did not come to its end."""

    customer_id: str
    rescoring_id: str
    was: str | None
    told: Mapping[str, Any]
    as_of: date


@dataclass(frozen=True, slots=True)
class Scanned:
    """One segment of the table: the customers, the cohorts they belong to, those drawn for the fit, moves not told."""

    part: Part
    cohorts: Cohorts
    drawn: Histories
    owed: list[Owed]
    read_units: float


def pages(segment: int, total_segments: int) -> Iterator[tuple[Items, float]]:
    """The items of one segment, page by page, as DynamoDB writes them, and the read units of each (½ per 4 KB)."""
    request: dict[str, Any] = {
        "TableName": table.scorecards_table(),
        "Segment": segment,
        "TotalSegments": total_segments,
        "ProjectionExpression": ", ".join(f"#{name}" for name in _MEMBERS),
        "ExpressionAttributeNames": {f"#{name}": name for name in _MEMBERS},
        "ReturnConsumedCapacity": "TOTAL",
    }
    while True:
        answer: dict[str, Any] = _client().scan(**request)  # type: ignore[assignment]
        page = orjson.loads(answer[_RAW])
        yield page["Items"], page["ConsumedCapacity"]["CapacityUnits"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def scan(segment: int, total_segments: int, as_of: date, sample: int, unfinished: frozenset[str]) -> Scanned:
    """Scan one segment for a day. `sample` in DRAWN_OF of the customers are drawn for a fit; of the rescorings
    `unfinished` the moves come back too.
    """
    columns = _Columns(as_of, sample, unfinished)
    units = 0.0
    with _no_collection():
        for items, page_units in pages(segment, total_segments):
            columns.add(items)
            units += page_units
    return columns.result(units)


def written_by(rescoring_id: str, segment: int, total_segments: int) -> frozenset[str]:
    """The customers of one segment whose score is that of a rescoring."""
    found: set[str] = set()
    with _no_collection():
        for items, _ in pages(segment, total_segments):
            found.update(
                item["customer_id"]["S"]
                for item in items
                if "score" in item and item["score"]["M"]["by"]["S"] == rescoring_id
            )
    return frozenset(found)


class _Columns:
    """Rows as lists while they come in."""

    def __init__(self, as_of: date, sample: int, unfinished: frozenset[str]) -> None:
        self._as_of = as_of.isoformat()
        self._today = (as_of - _EPOCH).days
        self._last_month = month_of(as_of)
        self._first_month = months_after(self._last_month, 1 - WINDOW_MONTHS)
        self._recent_month = months_after(self._last_month, 1 - _RECENT_MONTHS)
        self._sample, self._unfinished = sample, unfinished
        self._ids: list[str] = []
        self._buyers: list[tuple[int, ...]] = []
        self._buyer_rows: list[int] = []
        self._held: list[tuple[int, ...]] = []
        self._writers: dict[str, int] = {"": 0}
        self._newcomers: dict[str, int] = {}
        self._active: dict[str, dict[str, int]] = {}
        self._drawn: list[tuple[int, list[int], int, int, int]] = []
        self._owed: list[Owed] = []

    def add(self, items: Items) -> None:
        """Take in a page."""
        for item in items:
            customer_id = item["customer_id"]["S"]
            row = len(self._ids)
            self._ids.append(customer_id)
            self._held.append(self._verdict(customer_id, item["score"]["M"]) if "score" in item else _UNHELD)
            last = item.get("last_order_on")
            if last is None:
                continue
            orders, spent = int(item["orders"]["N"]), int(item["spent"]["N"])
            first_on, last_on = item["first_order_on"]["S"], last["S"]
            # The set as written lists each day once; a full one has forgotten older days.
            days = [int(day) for day in item["order_days"]["NS"]] if "order_days" in item else []
            unseen = max(orders - len(days), 0) if len(days) >= MAX_ORDER_DAYS else 0
            if last_on > self._as_of:
                days = [day for day in days if day <= self._today]
                if not days:
                    continue
                last_day = max(days)
            else:
                last_day = _day(last_on)
            if orders <= 0:
                continue
            months = item["months"]["M"] if "months" in item else {}
            first_day = min(_day(first_on), last_day)
            found = self._of_months(months, first_on, last_on, orders, spent)
            active_days = last_day - first_day
            repeats = min(max(len(days) + unseen - 1, 0), active_days)
            self._buyers.append(
                (self._today - last_day, *found, orders, spent, repeats, active_days, self._today - first_day)
            )
            self._buyer_rows.append(row)
            self._count_cohort(first_on[:7], months)
            if self._sample and crc32(customer_id.encode()) % DRAWN_OF < self._sample:
                self._drawn.append((first_day, sorted({*days, first_day}), unseen, orders, spent))

    def result(self, units: float) -> Scanned:
        """All that was taken in."""
        numbers = np.zeros((len(_NUMBERS), len(self._ids)), dtype=np.int64)
        numbers[0] = -1
        if self._buyers:
            numbers[:, self._buyer_rows] = np.array(self._buyers, dtype=np.int64).T
        held = np.array(self._held, dtype=np.int64).reshape(-1, 7).T
        codes = held[:6].astype(np.uint8)
        part = Part(
            customer_ids=self._ids,
            **dict(zip(_NUMBERS, numbers, strict=True)),
            before=Verdicts(*codes),
            by=held[6],
            writers=tuple(self._writers),
        )
        return Scanned(part, Cohorts(self._newcomers, self._active), self._histories(), self._owed, units)

    def _verdict(self, customer_id: str, held: Mapping[str, Any]) -> tuple[int, ...]:
        by = held["by"]["S"]
        if by in self._unfinished and "moved" in held:
            self._owe(customer_id, by, held)
        writer = self._writers.setdefault(by, len(self._writers))
        segment = _SEGMENT_CODES[held["segment"]["S"]]
        if "r" not in held:
            return segment, 0, 0, 0, NONE, NONE, writer
        return (
            segment,
            int(held["r"]["N"]),
            int(held["f"]["N"]),
            int(held["m"]["N"]),
            _CHURN_CODES[held["churn_band"]["S"]],
            _VALUE_CODES[held["value_band"]["S"]],
            writer,
        )

    def _owe(self, customer_id: str, by: str, held: Mapping[str, Any]) -> None:
        told = {"segment": held["segment"]["S"]}
        told |= {name: int(held[name]["N"]) for name in ("r", "f", "m") if name in held}
        was = held["from"]["S"] if "from" in held else None
        self._owed.append(Owed(customer_id, by, was, told, date.fromisoformat(held["scored_on"]["S"])))

    def _of_months(
        self, months: Mapping[str, Any], first_on: str, last_on: str, orders: int, spent: int
    ) -> tuple[int, int, int]:
        """Orders and money of the window, and money of its last 12 months."""
        first_month, last_month = first_on[:7], last_on[:7]
        if last_month <= self._last_month:
            # The whole life lies within: no need to look at its months.
            if first_month >= self._recent_month:
                return orders, spent, spent
            if last_month < self._first_month:
                return 0, 0, 0
        frequency = monetary = recent = 0
        for month, value in months.items():
            if self._first_month <= month <= self._last_month:
                counted, money = value["L"]
                frequency += int(counted["N"])
                amount = int(money["N"])
                monetary += amount
                if month >= self._recent_month:
                    recent += amount
        return frequency, monetary, recent

    def _count_cohort(self, cohort: str, months: Mapping[str, Any]) -> None:
        self._newcomers[cohort] = self._newcomers.get(cohort, 0) + 1
        row = self._active.setdefault(cohort, {})
        for month, value in months.items():
            if month <= self._last_month and value["L"][0]["N"] > "0":
                row[month] = row.get(month, 0) + 1

    def _histories(self) -> Histories:
        rows = self._drawn
        ends = np.cumsum([0, *(len(row[1]) for row in rows)], dtype=np.int64)
        first, unseen, orders, spent = (np.array([row[at] for row in rows], dtype=np.int64) for at in (0, 2, 3, 4))
        days = np.array([day for row in rows for day in row[1]], dtype=np.int64)
        return Histories(first=first, offsets=ends, days=days, unseen=unseen, orders=orders, spent=spent)


@contextmanager
def _no_collection() -> Iterator[None]:
    """No search for reference cycles meanwhile: a page is a million dictionaries and has none, and Python would look
    through them again and again, for twice the time that reading them takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


_UNHELD: Final = (NONE, 0, 0, 0, NONE, NONE, 0)


@cache
def _day(text: str) -> int:
    return (date.fromisoformat(text) - _EPOCH).days


@cache
def _client() -> "DynamoDBClient":
    client = table.new_client()
    client.meta.events.register("before-parse.dynamodb.Scan", _keep_raw)
    return client


def _keep_raw(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_rest: object) -> None:
    if response_dict["status_code"] == 200:
        customized_response_dict[_RAW] = response_dict["body"]
        response_dict["body"] = b"{}"
