"""RFM scores of many customers at once, as numpy columns.

A score is 1 + ⌊5 · (customers strictly worse) / N⌋. That is at least s where the number of the strictly worse is at
least k = ⌈(s − 1) · N / 5⌉, so where the value is above the k-th smallest: four order statistics, the cuts, decide
every score. They are the same for any order of the customers and however these are divided, for counts of parts merge
by adding.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.scorecards.rfm import PROSPECTS, SCORES, SEGMENTS, segment

# Fewer buyers than these make no fifths worth showing.
MIN_BUYERS: Final = 50

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Cuts = tuple[int, ...]

PROSPECT_CODE: Final = SEGMENTS.index(PROSPECTS)
# Index 25·(r − 1) + 5·(f − 1) + (m − 1) → position in SEGMENTS.
_SEGMENT_CODES: Final = np.array(
    [
        SEGMENTS.index(segment(r, f, m))
        for r in range(1, SCORES + 1)
        for f in range(1, SCORES + 1)
        for m in range(1, SCORES + 1)
    ],
    dtype=np.uint8,
)
# A value within 2¹⁶ of zero is a bucket of its own; beyond, buckets grow so that each is 1/4,096 of its value wide.
_EXACT_BITS: Final = 16
_MANTISSA_BITS: Final = 12
# So many of the values are looked at first; the margin is four standard errors of a rank among them.
_SAMPLE: Final = 20_000
_MARGIN: Final = 300


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The cuts of each dimension, in goodness: minus the days of recency, orders, minor units; empty without buyers."""

    recency: Cuts
    frequency: Cuts
    monetary: Cuts


@dataclass(frozen=True, slots=True)
class Scored:
    """`r`, `f`, `m` are 1 (worst) to 5, 0 for a prospect; `segments` are positions in SEGMENTS. One row a customer."""

    r: Bytes
    f: Bytes
    m: Bytes
    segments: Bytes


def ranks(buyers: int) -> tuple[int, ...]:
    """The positions, from 0, of the cuts among all values in ascending order; none without buyers."""
    return tuple(-(-step * buyers // SCORES) - 1 for step in range(1, SCORES)) if buyers else ()


def cuts(values: Ints) -> Cuts:
    """The cuts of values in any order."""
    return tuple(_smallest(values, rank) for rank in ranks(len(values)))


def _smallest(values: Ints, rank: int) -> int:
    """The value at a position, from 0, of the ascending order.

    A sample says between which two values it lies; only what lies between them has to be put in order. Where it does
    not lie there, as in values that repeat with the sample's step, all are.
    """
    step = len(values) // _SAMPLE
    if step > 1:
        sample = np.sort(values[::step])
        at = rank // step
        low, high = sample[max(at - _MARGIN, 0)], sample[min(at + _MARGIN, len(sample) - 1)]
        below = int(np.count_nonzero(values < low))
        between = values[(values >= low) & (values <= high)]
        if below <= rank < below + len(between):
            return int(np.partition(between, rank - below)[rank - below])
    return int(np.partition(values, rank)[rank])


def cuts_of_counts(counts: Mapping[int, int]) -> Cuts:
    """The cuts, from how many customers have which value."""
    positions = ranks(sum(counts.values()))
    values = np.array(sorted(counts), dtype=np.int64)
    ends = np.cumsum([counts[value] for value in values.tolist()])
    return tuple(int(values[np.searchsorted(ends, rank, side="right")]) for rank in positions)


def bucket(values: Ints) -> Ints:
    """The bucket of each value; buckets are in the order of the values, and some 4,096 to a doubling."""
    size = np.abs(values)
    # The number of bits above those that are kept; float64 holds integers below 2⁵³, as amounts are, exactly.
    shift = np.maximum(np.frexp(size.astype(np.float64))[1] - _MANTISSA_BITS - 1, 0).astype(np.int64)
    shift[size < (1 << _EXACT_BITS)] = 0
    grown = (size >> shift) + (shift << (_MANTISSA_BITS + 1)) + (shift > 0) * (1 << (_EXACT_BITS + 1))
    signed: Ints = np.where(values < 0, -grown, grown)
    return signed


def cuts_of_buckets(buckets: Mapping[int, int], values_of: Callable[[int], Ints]) -> Cuts:
    """The exact cuts, from how many customers are in which bucket; `values_of(bucket)` is asked, for the few buckets of
    more than one value in which a cut lies, for all values in it, in any order.
    """
    positions = ranks(sum(buckets.values()))
    names = np.array(sorted(buckets), dtype=np.int64)
    ends = np.cumsum([buckets[name] for name in names.tolist()])
    ordered: dict[int, Ints] = {}
    least: list[int] = []
    for rank in positions:
        at = int(np.searchsorted(ends, rank, side="right"))
        name = int(names[at])
        if abs(name) < 1 << _EXACT_BITS:
            least.append(name)
            continue
        if name not in ordered:
            ordered[name] = np.sort(values_of(name))
        least.append(int(ordered[name][rank - (int(ends[at]) - buckets[name])]))
    return tuple(least)


def thresholds(recency_days: Ints, frequency: Ints, monetary: Ints) -> Thresholds:
    """The cuts over all buyers at once."""
    return Thresholds(
        recency=_cuts_of_small(-recency_days), frequency=_cuts_of_small(frequency), monetary=cuts(monetary)
    )


def score(recency_days: Ints, frequency: Ints, monetary: Ints, least: Thresholds) -> Scored:
    """The scores and segments of buyers; a negative `recency_days` marks a prospect."""
    r = _scores_of_small(-recency_days, least.recency)
    f = _scores_of_small(frequency, least.frequency)
    m = scores(monetary, least.monetary)
    segments = _SEGMENT_CODES.take(25 * r + 5 * f + m - 31)
    prospects = recency_days < 0
    if prospects.any():
        for column in (r, f, m):
            column[prospects] = 0
        segments[prospects] = PROSPECT_CODE
    return Scored(r, f, m, segments)


def scores(values: NDArray[Any], least: Cuts) -> Bytes:
    """1 for each value, and 1 more for each cut that it is above."""
    points = np.ones(len(values), dtype=np.uint8)
    for cut in least:
        points += values > cut
    return points


def caveats(buyers: int, counts: Iterable[tuple[str, bool]]) -> list[str]:
    """Why scores say little: too few buyers, or a dimension in which all are equal, given as (name, all equal)."""
    if buyers < MIN_BUYERS:
        who = "1 customer has" if buyers == 1 else f"{buyers} customers have"
        return [f"{who} bought, too few for fifths: below {MIN_BUYERS} scores say little"]
    return [f"all buyers have the same {name}: its score tells nobody apart" for name, equal in counts if equal]


def _scores_of_small(values: Ints, least: Cuts) -> Bytes:
    """The scores of values of a small range, each value's reckoned once."""
    if not len(values):
        return np.ones(0, dtype=np.uint8)
    low, high = int(values.min()), int(values.max())
    if high - low > len(values):
        return scores(values, least)
    return scores(np.arange(low, high + 1), least).take(values - low)


def _cuts_of_small(values: Ints) -> Cuts:
    """The cuts of values of a small range, by counting them."""
    if not len(values):
        return ()
    least, most = int(values.min()), int(values.max())
    if most - least > 4 * len(values) + 4096:
        return cuts(values)
    ends = np.cumsum(np.bincount(values - least))
    return tuple(int(np.searchsorted(ends, rank, side="right")) + least for rank in ranks(len(values)))
