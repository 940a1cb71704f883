"""The scan of a rescoring: pages of scorecards as they come over the wire → columns.

botocore would turn each page into nested dictionaries, which takes some ten times as long as what is done here. So for
this one operation it is handed an empty document, the page's bytes are kept beside it, and msgspec reads from their
JSON the few members that matter, into objects of fixed members.
"""

import gc
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import numpy as np
from msgspec import Struct, json

from shared.core import dynamodb
from shared.core.dynamodb import SCORECARDS
from shared.core.months import month_of, months_after
from shared.forecasting.bands import CHURN_BANDS, VALUE_BANDS
from shared.forecasting.histories import Histories
from shared.scorecards.rfm import SEGMENTS
from shared.scorecards.score import Score
from shared.scorecards.scorecard import MAX_ORDER_DAYS, WINDOW_MONTHS
from shared.scoring.lifecycle import Cohorts
from shared.scoring.plan import DRAWN_OF
from shared.scoring.rescoring import NONE, Classification, Part

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RAW: Final = "RawBody"
_EPOCH: Final = date(1970, 1, 1)
_RECENT_MONTHS: Final = 12
# In the order in which they are taken in.
_NUMBERS: Final = (
    "recency_days", "frequency", "monetary", "recent", "orders", "spent", "repeats", "active_days", "age_days",
)  # fmt: skip
# Stands beside the months of a cohort.
_NEWCOMERS: Final = ""
_PROSPECT: Final = (-1, *[0] * (len(_NUMBERS) - 1))
_SEGMENT_CODES: Final = {name: code for code, name in enumerate(SEGMENTS)}
_CHURN_CODES: Final = {name: code for code, name in enumerate(CHURN_BANDS)}
_VALUE_CODES: Final = {name: code for code, name in enumerate(VALUE_BANDS)}


class _Text(Struct, frozen=True, gc=False):
    S: str


class _Number(Struct, frozen=True, gc=False):
    N: int


class _Numbers(Struct, frozen=True, gc=False):
    NS: list[int]


class _Texts(Struct, frozen=True, gc=False):
    M: dict[str, _Text]


class Item(Struct, frozen=True, gc=False):
    """A scorecard as DynamoDB writes it, each member below the name of its type."""

    customer_id: _Text
    orders: _Number = _Number(0)
    spent: _Number = _Number(0)
    first_order_on: _Text | None = None
    last_order_on: _Text | None = None
    order_days: _Numbers = _Numbers([])
    months: _Texts = _Texts({})
    score: _Text = _Text("")


class _Capacity(Struct, frozen=True):
    CapacityUnits: float


class Page(Struct, frozen=True):
    """One answer to a Scan."""

    Items: list[Item]
    ConsumedCapacity: _Capacity
    LastEvaluatedKey: dict[str, dict[str, str]] | None = None


# Numbers come as text.
_DECODER: Final = json.Decoder(Page, strict=False)


@dataclass(frozen=True, slots=True)
class Scanned:
    """One segment of the table: the customers, the cohorts they belong to, those drawn for the fit, and of each move
    whose fact may be missing the customer and the text of their score.
    """

    part: Part
    cohorts: Cohorts
    drawn: Histories
    unrecorded: list[tuple[str, str]]
    read_units: float


def decode(raw: bytes) -> Page:
    """The page that these bytes are."""
    return _DECODER.decode(raw)


def pages(segment: int, total_segments: int) -> Iterator[Page]:
    """One segment, page by page (½ read unit per 4 KB)."""
    request: dict[str, Any] = {
        "TableName": SCORECARDS.name,
        "Segment": segment,
        "TotalSegments": total_segments,
        "ProjectionExpression": ", ".join(f"#{name}" for name in Item.__struct_fields__),
        "ExpressionAttributeNames": {f"#{name}": name for name in Item.__struct_fields__},
        "ReturnConsumedCapacity": "TOTAL",
    }
    while True:
        answer: Any = _client().scan(**request)
        page = decode(answer[_RAW])
        yield page
        if page.LastEvaluatedKey is None:
            return
        request["ExclusiveStartKey"] = page.LastEvaluatedKey


def scan(segment: int, total_segments: int, as_of: date, sample: int, unfinished: frozenset[str]) -> Scanned:
    """Scan one segment for a day. `sample` in DRAWN_OF of the customers are drawn for a fit; the moves of the
    rescorings `unfinished` come back as `unrecorded`.
    """
    columns = _Columns(as_of, sample, unfinished)
    units = 0.0
    with _no_collection():
        for page in pages(segment, total_segments):
            columns.add(page.Items)
            units += page.ConsumedCapacity.CapacityUnits
    return columns.result(units)


def written_by(rescoring_id: str, segment: int, total_segments: int) -> frozenset[str]:
    """The customers of one segment whose score is that of a rescoring."""
    customer_ids: set[str] = set()
    with _no_collection():
        for page in pages(segment, total_segments):
            customer_ids.update(
                item.customer_id.S
                for item in page.Items
                if item.score.S and Score.from_text(item.score.S).rescoring_id == rescoring_id
            )
    return frozenset(customer_ids)


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
        self._numbers = array("q")
        # Of each customer which of the texts below: many share one, for a night scores many alike.
        self._stored = array("q")
        self._texts: dict[str, int] = {"": 0}
        self._classifications: list[tuple[int, ...]] = [(NONE, 0, 0, 0, NONE, NONE)]
        self._unrecorded_codes: set[int] = set()
        self._active: dict[str, dict[str, int]] = {}
        self._drawn: list[tuple[int, list[int], int, int, int]] = []
        self._unrecorded: list[tuple[str, str]] = []

    def add(self, items: list[Item]) -> None:
        """Take in a page."""
        # A million rows go through here: what is looked up more than once per row has a name of its own.
        ids, stored, texts, numbers, active = self._ids, self._stored, self._texts, self._numbers, self._active
        as_of, today, sample, unrecorded = self._as_of, self._today, self._sample, self._unrecorded_codes
        last_month, recent_month = self._last_month, self._recent_month
        for item in items:
            customer_id, text, orders = item.customer_id.S, item.score.S, item.orders.N
            ids.append(customer_id)
            code = texts[text] if text in texts else self._take_in(text)
            stored.append(code)
            if code in unrecorded:
                self._unrecorded.append((customer_id, text))
            if item.last_order_on is None or item.first_order_on is None or orders <= 0:
                numbers.extend(_PROSPECT)
                continue
            first_on, last_on, spent, months = item.first_order_on.S, item.last_order_on.S, item.spent.N, item.months.M
            # The set as written lists each day once; a full set has forgotten older days.
            ordered, unseen = item.order_days.NS, 0
            if len(ordered) >= MAX_ORDER_DAYS:
                unseen = max(orders - len(ordered), 0)
            if last_on > as_of:
                ordered = [day for day in ordered if day <= today]
                if not ordered:
                    numbers.extend(_PROSPECT)
                    continue
                last_day = max(ordered)
            else:
                last_day = _day(last_on)
            cohort, first_day = first_on[:7], min(_day(first_on), last_day)
            if cohort >= recent_month and last_on <= as_of:
                # The whole life lies within: no need to add up its months.
                rfm = (today - last_day, orders, spent, spent)
            else:
                rfm = (today - last_day, *self._of_months(months))
            # Purchase days after the first, days from there to the last, and to the day asked for.
            numbers.extend((*rfm, orders, spent, len(ordered) + unseen - 1, last_day - first_day, today - first_day))
            row = active.get(cohort)
            if row is None:
                row = active[cohort] = {}
            row[_NEWCOMERS] = row.get(_NEWCOMERS, 0) + 1
            for month, value in months.items():
                # `-1|…` and `0|…` sort before `1`: nothing is left of what was ordered in that month.
                if month <= last_month and value.S >= "1":
                    row[month] = row.get(month, 0) + 1
            if sample and crc32(customer_id.encode()) % DRAWN_OF < sample:
                known = {*ordered, first_day}
                # Of the days that are not known the first is.
                forgotten = max(unseen - (len(known) - len(ordered)), 0)
                self._drawn.append((first_day, sorted(known), forgotten, orders, spent))

    def result(self, units: float) -> Scanned:
        """All that was taken in."""
        numbers = np.array(self._numbers, dtype=np.int64).reshape(-1, len(_NUMBERS)).T.copy()
        # There cannot be more purchase days after the first day than days after it.
        repeats, active_days = (numbers[_NUMBERS.index(name)] for name in ("repeats", "active_days"))
        np.clip(repeats, 0, active_days, out=repeats)
        stored = np.array(self._stored, dtype=np.int64)
        codes = np.array(self._classifications, dtype=np.uint8).T[:, stored]
        part = Part(
            customer_ids=self._ids,
            **dict(zip(_NUMBERS, numbers, strict=True)),
            before=Classification(*codes),
            stored=stored,
            texts=tuple(self._texts),
        )
        newcomers = {cohort: row.pop(_NEWCOMERS) for cohort, row in self._active.items()}
        return Scanned(part, Cohorts(newcomers, self._active), self._histories(), self._unrecorded, units)

    def _take_in(self, text: str) -> int:
        """A text that comes for the first time."""
        code = self._texts[text] = len(self._texts)
        score = Score.from_text(text)
        self._classifications.append(
            (
                _SEGMENT_CODES[score.segment],
                *(points or 0 for points in (score.r, score.f, score.m)),
                _CHURN_CODES[score.churn_band] if score.churn_band else NONE,
                _VALUE_CODES[score.value_band] if score.value_band else NONE,
            )
        )
        if score.is_move and score.rescoring_id in self._unfinished:
            self._unrecorded_codes.add(code)
        return code

    def _of_months(self, months: Mapping[str, _Text]) -> tuple[int, int, int]:
        """Orders and money of the window, and money of its last 12 months."""
        frequency = monetary = recent = 0
        for month, value in months.items():
            if self._first_month <= month <= self._last_month:
                counted, _, money = value.S.partition("|")
                frequency += int(counted)
                amount = int(money)
                monetary += amount
                if month >= self._recent_month:
                    recent += amount
        return frequency, monetary, recent

    def _histories(self) -> Histories:
        rows = self._drawn
        ends = np.cumsum([0, *(len(row[1]) for row in rows)], dtype=np.int64)
        first, unseen, orders, spent = (np.array([row[at] for row in rows], dtype=np.int64) for at in (0, 2, 3, 4))
        days = np.array([day for row in rows for day in row[1]], dtype=np.int64)
        return Histories(first=first, offsets=ends, days=days, unseen=unseen, orders=orders, spent=spent)


@contextmanager
def _no_collection() -> Iterator[None]:
    """No search for reference cycles meanwhile: a page is many objects and has none, and Python would look
    through them again and again, for twice the time that reading them takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def _day(text: str) -> int:
    return (date.fromisoformat(text) - _EPOCH).days


@cache
def _client() -> "DynamoDBClient":
    client = dynamodb.new_client()
    client.meta.events.register("before-parse.dynamodb.Scan", _keep_raw)
    return client


def _keep_raw(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_rest: object) -> None:
    if response_dict["status_code"] == 200:
        customized_response_dict[_RAW] = response_dict["body"]
        response_dict["body"] = b"{}"
