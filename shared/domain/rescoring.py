"""A rescoring: every part of the customers is reduced to counts, the counts give thresholds, these give scores.

Counts and tallies of parts merge by adding, so the result is the same for any number of parts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from shared.domain import rfm
from shared.domain.facts import Fact
from shared.domain.rfm import PROSPECTS, Score, Thresholds
from shared.domain.scorecard import Rfm


@dataclass(frozen=True, slots=True)
class Row:
    """One customer as scanned: her R, F and M (None for a prospect), and the score she had."""

    customer_id: str
    rfm: Rfm | None
    before: Score | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many buyers have which goodness, in each dimension."""

    recency: Mapping[int, int] = field(default_factory=dict)
    frequency: Mapping[int, int] = field(default_factory=dict)
    monetary: Mapping[int, int] = field(default_factory=dict)


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
    """What a rescoring found: sums by segment, how many moved from which segment to which, how many scores changed."""

    segments: Mapping[str, Sums] = field(default_factory=dict)
    moves: Mapping[tuple[str | None, str], int] = field(default_factory=dict)
    changed: int = 0


def count(rows: Iterable[Row]) -> Counts:
    """The counts of a part."""
    buyers = [row.rfm for row in rows if row.rfm]
    return Counts(
        Counter(-one.recency_days for one in buyers),
        Counter(one.frequency for one in buyers),
        Counter(one.monetary for one in buyers),
    )


def merge_counts(parts: Iterable[Counts]) -> Counts:
    """The counts of all parts together."""
    recency: Counter[int] = Counter()
    frequency: Counter[int] = Counter()
    monetary: Counter[int] = Counter()
    for part in parts:
        recency.update(part.recency)
        frequency.update(part.frequency)
        monetary.update(part.monetary)
    return Counts(recency, frequency, monetary)


def thresholds(counts: Counts) -> Thresholds:
    """What scores 2, 3, 4 and 5 in each dimension."""
    return Thresholds(rfm.cuts(counts.recency), rfm.cuts(counts.frequency), rfm.cuts(counts.monetary))


def score(found: Rfm | None, least: Thresholds, as_of: date) -> Score:
    """The score of a customer; a prospect has a segment only."""
    if found is None:
        return Score(PROSPECTS, None, None, None, as_of)
    r = rfm.score(-found.recency_days, least.recency)
    f = rfm.score(found.frequency, least.frequency)
    m = rfm.score(found.monetary, least.monetary)
    return Score(rfm.segment(r, f, m), r, f, m, as_of)


def tally(rows: Iterable[tuple[Row, Score]]) -> Tally:
    """The tally of a part, from its rows and the scores they got."""
    segments: dict[str, Sums] = {}
    moves: Counter[tuple[str | None, str]] = Counter()
    changed = 0
    for row, now in rows:
        found = row.rfm or Rfm(0, 0, 0)
        one = Sums(1, found.recency_days, found.frequency, found.monetary, now.r or 0, now.f or 0, now.m or 0)
        segments[now.segment] = _add(segments.get(now.segment, Sums()), one)
        changed += not now.same_as(row.before)
        was = row.before.segment if row.before else None
        if was != now.segment:
            moves[was, now.segment] += 1
    return Tally(segments, moves, changed)


def merge_tallies(parts: Iterable[Tally]) -> Tally:
    """The tally of all parts together."""
    whole = Tally()
    for part in parts:
        segments = dict(whole.segments)
        for name, sums in part.segments.items():
            segments[name] = _add(segments.get(name, Sums()), sums)
        moves = Counter(whole.moves)
        moves.update(part.moves)
        whole = replace(whole, segments=segments, moves=moves, changed=whole.changed + part.changed)
    return whole


def segment_fact(row: Row, now: Score, rescoring_id: str, started_at: datetime) -> Fact:
    """`SegmentChanged`, at the start of the rescoring, so that a repeated part writes the same fact."""
    data: dict[str, Any] = {
        "from": row.before.segment if row.before else None,
        "to": now.segment,
        "r": now.r,
        "f": now.f,
        "m": now.m,
        "as_of": now.scored_on.isoformat() if now.scored_on else None,
    }
    return Fact(
        type="SegmentChanged",
        id=rescoring_id,
        customer_id=row.customer_id,
        occurred_at=started_at,
        recorded_at=started_at,
        data={key: value for key, value in data.items() if value is not None},
    )


def _add(a: Sums, b: Sums) -> Sums:
    return Sums(
        a.customers + b.customers,
        a.recency_days + b.recency_days,
        a.frequency + b.frequency,
        a.monetary + b.monetary,
        a.r + b.r,
        a.f + b.f,
        a.m + b.m,
    )
