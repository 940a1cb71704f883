"""Purchase days of many customers as arrays, and what the models need of them on any day."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.core.errors import Invalid
from shared.forecasting.arrays import Bools, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """n customers; days are numbered by any calendar that counts every day.

    `first` [n] is the day of the first purchase. `days[offsets[i]:offsets[i + 1]]` are the known purchase days of
    customer i, ascending and distinct, the first included; `offsets` is [n+1]. `unseen` [n] counts the purchase
    days between the first and the second known one that are not known themselves. `orders` [n] are the orders kept
    over the whole life, `spent` [n] what they came to in minor units; 0 for gifts, negative after returns.
    Raises Invalid where the lengths do not fit together.
    """

    first: Ints
    offsets: Ints
    days: Ints
    unseen: Ints
    orders: Ints
    spent: Ints

    def __post_init__(self) -> None:
        n = self.first.size
        if self.offsets.size != n + 1 or {self.unseen.size, self.orders.size, self.spent.size} != {n}:
            raise Invalid("histories: want as many of each as there are customers, and one offset more")
        if self.offsets[0] != 0 or self.offsets[-1] != self.days.size or np.any(np.diff(self.offsets) < 0):
            raise Invalid("histories: want ascending offsets from 0 to the number of days")

    def __len__(self) -> int:
        return self.first.size


@dataclass(frozen=True, slots=True)
class Sufficient:
    """The statistics that models need of customers who had bought until a day, in days: `customers` [k] their places in
    the histories, `x` purchase days after the first, `t_x` days from the first to the last, `age` (T) days since the
    first. 0 ≤ x ≤ t_x ≤ age."""

    customers: Ints
    x: Ints
    t_x: Ints
    age: Ints


def concatenate(parts: Sequence[Histories]) -> Histories:
    """The customers of all parts, in their order; no customers where there are no parts."""
    none = np.zeros(0, np.int64)
    sizes = [0, *np.cumsum([part.days.size for part in parts], dtype=np.int64).tolist()]
    offsets = [part.offsets[1:] + size for part, size in zip(parts, sizes, strict=False)]
    return Histories(
        first=np.concatenate([none, *(part.first for part in parts)]),
        offsets=np.concatenate([np.zeros(1, np.int64), *offsets]),
        days=np.concatenate([none, *(part.days for part in parts)]),
        unseen=np.concatenate([none, *(part.unseen for part in parts)]),
        orders=np.concatenate([none, *(part.orders for part in parts)]),
        spent=np.concatenate([none, *(part.spent for part in parts)]),
    )


def sufficient(histories: Histories, day: int) -> Sufficient:
    """The statistics at the end of `day` of the customers whose first purchase was until then.

    Unseen purchase days count as spread evenly between the first and the second known one; there cannot be more of
    them than days between the two.
    """
    count, last = _until(histories, day)
    customers = np.flatnonzero(histories.first <= day)
    first = histories.first[customers]
    return Sufficient(customers, np.maximum(count[customers] - 1, 0), last[customers] - first, day - first)


def purchases_between(histories: Histories, after: int, until: int) -> Ints:
    """The number of purchase days of each of the n customers after the first day, up to and including the second."""
    return _until(histories, until)[0] - _until(histories, after)[0]


def _until(histories: Histories, day: int) -> tuple[Ints, Ints]:
    """Of each customer the purchase days until a day, the first included, and the last of them (the first, if none)."""
    begin, end = histories.offsets[:-1], histories.offsets[1:]
    upto = np.concatenate([np.zeros(1, np.int64), np.cumsum(histories.days <= day, dtype=np.int64)])
    known = upto[end] - upto[begin]
    bought: Bools = histories.first <= day
    last = histories.first.copy()
    seen = bought & (known > 0)
    last[seen] = histories.days[(begin + known - 1)[seen]]
    count = np.where(bought, np.maximum(known, 1), 0)

    # Few customers have so many purchases that some are unseen.
    rows = np.flatnonzero((histories.unseen > 0) & bought & (end - begin > 1))
    if rows.size:
        first = histories.first[rows]
        gap = histories.days[begin[rows] + 1] - first
        unseen = np.clip(histories.unseen[rows], 0, np.maximum(gap - 1, 0))
        # The k-th of them lies ⌊k · gap / (unseen + 1)⌋ days after the first.
        past = ((day - first + 1) * (unseen + 1) - 1) // np.maximum(gap, 1)
        k = np.minimum(past, unseen)
        count[rows] += k
        between = known[rows] <= 1
        last[rows] = np.where(between, first + k * gap // (unseen + 1), last[rows])
    return count, last
