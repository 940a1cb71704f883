"""A rescoring: every part of the customers is reduced to counts, the counts give thresholds, these give scores.

Counts and tallies of parts merge by adding, so the result is the same for any number of parts. Parts are numpy columns,
one row a customer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Final

import numpy as np

from shared.core.facts import Fact
from shared.forecasting import bands
from shared.scorecards.rfm import SEGMENTS, Score
from shared.scoring import ranks as scoring
from shared.scoring.facts import SEGMENT_CHANGED
from shared.scoring.ranks import Bytes, Cuts, Ints, Scored, Thresholds

# In place of a code where there is none: not scored yet, or a prospect's band.
NONE: Final = 255

_SCORES: Final = ("r", "f", "m")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is held of each customer: `segments` are positions in SEGMENTS, `r`, `f`, `m` 0 to 5 (0 for a prospect),
    `churn` and `value` positions in the bands' names; NONE where there is none.
    """

    segments: Bytes
    r: Bytes
    f: Bytes
    m: Bytes
    churn: Bytes
    value: Bytes

    def differ(self, other: "Verdicts") -> Any:
        """Which customers (a mask) are held to be something else."""
        return np.logical_or.reduce([getattr(self, one.name) != getattr(other, one.name) for one in fields(self)])

    def score(self, row: int, scored_on: date) -> Score:
        """One customer's, with names in place of codes."""
        r, f, m = (int(getattr(self, name)[row]) or None for name in _SCORES)
        churn, value = int(self.churn[row]), int(self.value[row])
        return Score(
            SEGMENTS[self.segments[row]],
            r,
            f,
            m,
            scored_on,
            bands.CHURN_BANDS[churn] if churn != NONE else None,
            bands.VALUE_BANDS[value] if value != NONE else None,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Customers as scanned, on the day asked for.

    `recency_days` is negative for prospects, whose other numbers are 0. `frequency` (orders) and `monetary` (minor
    units) are of the last 24 calendar months, `recent` the money of the last 12 of them; `orders` and `spent` of the
    whole life. `repeats`, `active_days`, `age_days` are x, t_x and T: days with an order after the first such day,
    from there to the last one, and from there to the day asked for. `before` is what was held of them, and
    `texts[held]` how that was stored, "" for nothing.
    """

    customer_ids: list[str]
    recency_days: Ints
    frequency: Ints
    monetary: Ints
    recent: Ints
    orders: Ints
    spent: Ints
    repeats: Ints
    active_days: Ints
    age_days: Ints
    before: Verdicts
    held: Ints
    texts: tuple[str, ...]

    @property
    def buyers(self) -> Any:
        """The mask of those who are no prospects."""
        return self.recency_days >= 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many buyers have which recency in days and frequency, and whose money lies in which `scoring.bucket`; the
    `least` and the `most` money of one buyer, None without buyers.
    """

    recency: Mapping[int, int] = field(default_factory=dict)
    frequency: Mapping[int, int] = field(default_factory=dict)
    buckets: Mapping[int, int] = field(default_factory=dict)
    least: int | None = None
    most: int | None = None

    @property
    def buyers(self) -> int:
        """How many have bought."""
        return sum(self.recency.values())

    @property
    def caveats(self) -> list[str]:
        """Why the scores say little, as sentences."""
        equal = [("recency", len(self.recency) == 1), ("frequency", len(self.frequency) == 1)]
        return scoring.caveats(self.buyers, [*equal, ("monetary value", self.least == self.most)])


@dataclass(frozen=True, slots=True)
class Sums:
    """What a segment's customers add up to: days, orders, minor units, and points of score."""

    customers: int = 0
    recency_days: int = 0
    frequency: int = 0
    monetary: int = 0
    r: int = 0
    f: int = 0
    m: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """What a rescoring found: sums by segment, how many moved from which segment to which, how many changed."""

    segments: Mapping[str, Sums] = field(default_factory=dict)
    moves: Mapping[tuple[str | None, str], int] = field(default_factory=dict)
    changed: int = 0


def count(part: Part) -> Counts:
    """The counts of a part."""
    buyers = part.buyers
    money = part.monetary[buyers]
    least, most = (int(money.min()), int(money.max())) if len(money) else (None, None)
    return Counts(
        _histogram(part.recency_days[buyers]),
        _histogram(part.frequency[buyers]),
        _histogram(scoring.bucket(money)),
        least,
        most,
    )


def merge_counts(parts: Iterable[Counts]) -> Counts:
    """The counts of all parts together."""
    recency: Counter[int] = Counter()
    frequency: Counter[int] = Counter()
    buckets: Counter[int] = Counter()
    ends: list[int] = []
    for part in parts:
        recency.update(part.recency)
        frequency.update(part.frequency)
        buckets.update(part.buckets)
        ends += [end for end in (part.least, part.most) if end is not None]
    return Counts(recency, frequency, buckets, min(ends, default=None), max(ends, default=None))


def thresholds(counts: Counts, monetary: Cuts) -> Thresholds:
    """The thresholds, from the counts and the exact cuts of the money (`scoring.cuts_of_buckets`)."""
    goodness = {-days: customers for days, customers in counts.recency.items()}
    return Thresholds(scoring.cuts_of_counts(goodness), scoring.cuts_of_counts(counts.frequency), monetary)


def verdicts(part: Part, least: Thresholds, churn: Bytes, value: Bytes) -> Verdicts:
    """What is found of each customer; the bands are of buyers only."""
    found: Scored = scoring.score(part.recency_days, part.frequency, part.monetary, least)
    none = np.uint8(NONE)
    buyers = part.buyers
    return Verdicts(
        found.segments, found.r, found.f, found.m, np.where(buyers, churn, none), np.where(buyers, value, none)
    )


def tally(part: Part, now: Verdicts) -> Tally:
    """The tally of a part."""
    segments: dict[str, Sums] = {}
    numbers = np.maximum(part.recency_days, 0), part.frequency, part.monetary, now.r, now.f, now.m
    for code, name in enumerate(SEGMENTS):
        inside = now.segments == code
        if customers := int(np.count_nonzero(inside)):
            segments[name] = Sums(customers, *(int(column[inside].sum(dtype=np.int64)) for column in numbers))
    pairs = _histogram(part.before.segments.astype(np.int64) * (NONE + 1) + now.segments)
    moves: dict[tuple[str | None, str], int] = {}
    for pair, customers in pairs.items():
        was, is_now = divmod(pair, NONE + 1)
        if was != is_now:
            moves[None if was == NONE else SEGMENTS[was], SEGMENTS[is_now]] = customers
    return Tally(segments, moves, int(np.count_nonzero(now.differ(part.before))))


def merge_tallies(parts: Iterable[Tally]) -> Tally:
    """The tally of all parts together."""
    segments: dict[str, Sums] = {}
    moves: Counter[tuple[str | None, str]] = Counter()
    changed = 0
    for part in parts:
        for name, sums in part.segments.items():
            segments[name] = _add(segments.get(name, Sums()), sums)
        moves.update(part.moves)
        changed += part.changed
    return Tally(segments, moves, changed)


def segment_fact(customer_id: str, now: Score, was: str | None, rescoring_id: str, started_at: datetime) -> Fact:
    """`SegmentChanged`, at the start of the rescoring, so that a repeated part writes the same fact; `was` is the
    segment before, None the first time.
    """
    data: dict[str, Any] = {
        "from": was,
        "to": now.segment,
        "r": now.r,
        "f": now.f,
        "m": now.m,
        "as_of": now.scored_on.isoformat() if now.scored_on else None,
    }
    return SEGMENT_CHANGED.fact(id=rescoring_id, customer_id=customer_id, now=started_at, data=data)


def _histogram(values: Ints) -> dict[int, int]:
    names, counts = np.unique(values, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _add(a: Sums, b: Sums) -> Sums:
    return Sums(*(getattr(a, one.name) + getattr(b, one.name) for one in fields(Sums)))
