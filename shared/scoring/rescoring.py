"""A rescoring: every part of the customers is reduced to counts, the counts give thresholds, these give scores.

Counts and tallies of parts merge by adding, so the result is the same for any number of parts. Parts are numpy columns,
one row a customer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any, Final

import numpy as np

from shared.core.facts import Fact
from shared.forecasting.bands import CHURN_BANDS, VALUE_BANDS
from shared.scorecards.rfm import SEGMENTS
from shared.scorecards.score import Score
from shared.scoring import ranks
from shared.scoring.facts import SEGMENT_CHANGED
from shared.scoring.ranks import Bytes, Cuts, Ints, Scored, Thresholds

# In place of a code where there is none: not scored yet, or a prospect's band.
NONE: Final = 255

_SCORES: Final = ("r", "f", "m")


@dataclass(frozen=True, slots=True)
class Classification:
    """The segment, scores and bands of each customer: `segments` are positions in SEGMENTS, `r`, `f`, `m` 0 to 5 (0 for
    a prospect), `churn` and `value` positions in the bands' names; NONE where there is none.
    """

    segments: Bytes
    r: Bytes
    f: Bytes
    m: Bytes
    churn: Bytes
    value: Bytes

    def differ(self, other: "Classification") -> Any:
        """The mask of the customers who are classified otherwise."""
        return np.logical_or.reduce([getattr(self, each.name) != getattr(other, each.name) for each in fields(self)])

    def score(self, row: int, scored_on: date) -> Score:
        """The score of one customer, with names in place of codes."""
        r, f, m = (int(getattr(self, name)[row]) or None for name in _SCORES)
        churn, value = int(self.churn[row]), int(self.value[row])
        return Score(
            SEGMENTS[self.segments[row]],
            r,
            f,
            m,
            scored_on,
            CHURN_BANDS[churn] if churn != NONE else None,
            VALUE_BANDS[value] if value != NONE else None,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Customers as scanned, on the day scored for.

    `recency_days` is negative for prospects, whose other numbers are 0. `frequency` (orders) and `monetary` (minor
    units) are of the last 24 calendar months, `recent` the money of the last 12 of them; `orders` and `spent` of all
    time. `repeats`, `active_days`, `age_days` are x, t_x and T: days with an order after the first such day, from
    there to the last one, and from there to the day scored for. `before` is how they were classified, and
    `texts[stored]` how that is stored, "" where they have no score.
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
    before: Classification
    stored: Ints
    texts: tuple[str, ...]

    @property
    def buyers(self) -> Any:
        """The mask of those who are no prospects."""
        return self.recency_days >= 0


@dataclass(frozen=True, slots=True)
class Change:
    """A score (as text) to be written where `stored`, "" for none, is still there; `fact` is that of a move."""

    customer_id: str
    score: str
    stored: str
    fact: Fact | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many buyers have which recency in days and frequency, and whose money lies in which `ranks.bucket`; the
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
        return ranks.caveats(self.buyers, [*equal, ("monetary value", self.least == self.most)])


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums over a segment's customers: days, orders, minor units, and points of score."""

    customers: int = 0
    recency_days: int = 0
    frequency: int = 0
    monetary: int = 0
    r: int = 0
    f: int = 0
    m: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums by segment, how many moved from which segment to which, how many scores changed."""

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
        _histogram(ranks.bucket(money)),
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
    """The thresholds, from the counts and the exact cuts of the money (`ranks.cuts_of_buckets`)."""
    goodness = {-days: customers for days, customers in counts.recency.items()}
    return Thresholds(ranks.cuts_of_counts(goodness), ranks.cuts_of_counts(counts.frequency), monetary)


def classify(part: Part, least: Thresholds, churn: Bytes, value: Bytes) -> Classification:
    """The segment, scores and bands of each customer; the bands are of buyers only."""
    scored: Scored = ranks.score(part.recency_days, part.frequency, part.monetary, least)
    none = np.uint8(NONE)
    buyers = part.buyers
    return Classification(
        scored.segments, scored.r, scored.f, scored.m, np.where(buyers, churn, none), np.where(buyers, value, none)
    )


def tally(part: Part, now: Classification) -> Tally:
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


def changes(part: Part, now: Classification, rescoring_id: str, as_of: date, started_at: datetime) -> Iterator[Change]:
    """The scores that differ from the stored ones, and the facts of the moves among them."""
    for row in np.flatnonzero(now.differ(part.before)).tolist():
        customer_id, score = part.customer_ids[row], now.score(row, as_of)
        code = int(part.before.segments[row])
        before = SEGMENTS[code] if code != NONE else None
        is_move = before != score.segment
        score = replace(score, rescoring_id=rescoring_id, is_move=is_move, segment_before=before if is_move else None)
        fact = segment_fact(customer_id, score, started_at) if is_move else None
        yield Change(customer_id, score.to_text(), part.texts[int(part.stored[row])], fact)


def segment_fact(customer_id: str, score: Score, started_at: datetime) -> Fact:
    """`SegmentChanged`, at the start of the score's rescoring, so that a repeated part writes the same fact."""
    data: dict[str, Any] = {
        "from": score.segment_before,
        "to": score.segment,
        "r": score.r,
        "f": score.f,
        "m": score.m,
        "as_of": score.scored_on.isoformat() if score.scored_on else None,
    }
    return SEGMENT_CHANGED.fact(id=score.rescoring_id, customer_id=customer_id, now=started_at, data=data)


def facts_of_moves(moves: Iterable[tuple[str, str]], started_at: Mapping[str, datetime]) -> list[Fact]:
    """The facts of stored moves, each a customer and the text of a score, of rescorings that started at these times."""
    stored = ((customer_id, Score.from_text(text)) for customer_id, text in moves)
    return [segment_fact(customer_id, score, started_at[score.rescoring_id]) for customer_id, score in stored]


def _histogram(values: Ints) -> dict[int, int]:
    names, counts = np.unique(values, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _add(a: Sums, b: Sums) -> Sums:
    return Sums(*(getattr(a, each.name) + getattr(b, each.name) for each in fields(Sums)))
