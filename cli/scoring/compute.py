"""Orders of a file, as columns, become a row per customer: the data that scores and forecasts need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cli.exports.cells import EPOCH, Integers, Ints
from cli.exports.columns_file import Orders
from cli.exports.names import Names, numbers_of
from shared.core.months import month_of, months_after
from shared.forecasting.histories import Histories
from shared.scorecards.scorecard import WINDOW_MONTHS

# A customer, a day and a row share one integer below this.
_KEY_BITS: Final = 62
_INT32_BITS: Final = 32
_BLOCK_ROWS: Final = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Customers:
    """Everyone who had bought by `as_of`, in the order of their names.

    `recency_days`, `frequency` and `monetary` are those of `scorecard.rfm`; a recency of −1 marks a prospect,
    who has returned everything. `orders` and `revenue` (minor units, net of refunds) are the file's until `as_of`,
    `first` and `last` its days; `later` orders came after it. `repeated` rows were the same order again, of which
    `unequal` had another total: the highest counts. `returned` orders were taken back whole. `strange` refunds were of
    customers without an order: they count nowhere. `several` of the orders have several rows with a total.
    """

    names: pa.Array
    recency_days: Ints
    frequency: Ints
    monetary: Ints
    histories: Histories
    as_of: date
    orders: int
    refunds: int
    revenue: int
    first: date
    last: date
    later: int
    repeated: int
    unequal: int
    returned: int
    strange: int
    several: int

    def __len__(self) -> int:
        return len(self.recency_days)


@dataclass(frozen=True)
class _Rows:
    """Orders, or refunds, by customer."""

    customer: Integers
    day: Integers
    amount: Integers
    row: Integers

    def of(self, which: NDArray[np.bool_]) -> "_Rows":
        return _Rows(self.customer[which], self.day[which], self.amount[which], self.row[which])


class _Totals:
    """Sums and counts of the rows of each customer; rows of one customer stand side by side."""

    def __init__(self, rows: _Rows, customers: int) -> None:
        self._rows = rows
        self._customers = customers
        self._starts = np.flatnonzero(_changes(rows.customer))
        self._whose = rows.customer[self._starts]

    def counts(self, which: NDArray[np.bool_] | None = None) -> Ints:
        counts = np.zeros(self._customers, dtype=np.int64)
        if which is None:
            counts[self._whose] = np.diff(self._starts, append=len(self._rows.customer))
        elif len(self._starts):
            counts[self._whose] = np.add.reduceat(which, self._starts, dtype=np.int64)
        return counts

    def sums(self, which: NDArray[np.bool_] | None = None) -> Ints:
        sums = np.zeros(self._customers, dtype=np.int64)
        if len(self._starts):
            amounts = self._rows.amount if which is None else self._rows.amount * which
            sums[self._whose] = np.add.reduceat(amounts, self._starts, dtype=np.int64)
        return sums


def to_customers(orders: Orders, as_of: date | None, *, lines: bool = False) -> Customers | None:
    """The customers of a file on a day, by default that of its last order; None where nobody had bought by then.

    With `lines` the rows of an order add up to its total.
    """
    bought = orders.amount >= 0
    if not bought.any():
        return None
    as_of_day = (as_of - EPOCH).days if as_of else int((orders.day if bought.all() else orders.day[bought]).max())
    seen = orders.day <= as_of_day
    later = int((bought & ~seen).sum())
    rows = _sorted(orders, bought & seen)
    if not len(rows.row):
        return None
    # What came back after the last order counts too, unless a day was asked for.
    refunds = _sorted(orders, ~bought & seen if as_of else ~bought)
    repeated = unequal = several = 0
    if orders.order_id is not None:
        rows, repeated, unequal, several = _distinct(rows, orders.order_id, lines=lines)
        refunds, again, *_ = _distinct(refunds, orders.order_id, by_amount=not lines, lines=lines)
        repeated += again
    fully_returned = np.zeros(len(rows.row), dtype=bool)
    if orders.order_id is not None and len(refunds.row):
        refunds, fully_returned = _matched(rows, refunds, orders.order_id)

    n = len(orders.customers)
    of_buyers = np.isin(refunds.customer, rows.customer) if len(refunds.row) else np.ones(0, dtype=bool)
    if not of_buyers.all():
        refunds = refunds.of(of_buyers)
    new = _changes(rows.customer)
    new[1:] |= rows.day[1:] != rows.day[:-1]
    days = rows.day[new].astype(np.int64)
    bought_of, returned_of = _Totals(rows, n), _Totals(refunds, n)
    of_customer = bought_of.counts(new)
    known = of_customer > 0
    strange = int((~of_buyers).sum())
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(of_customer[known])])

    window = _first_day(as_of_day)
    recent, recent_refunds = rows.day >= window, refunds.day >= window
    left = ~fully_returned if fully_returned.any() else None
    kept = bought_of.counts(left)[known]
    frequency = bought_of.counts(recent if left is None else recent & left)[known]
    spent = (bought_of.sums() + returned_of.sums())[known]
    recency = as_of_day - days[offsets[1:] - 1]
    return Customers(
        names=orders.customers if known.all() else orders.customers.filter(pa.array(known)),
        recency_days=np.where(kept > 0, recency, -1),
        frequency=frequency,
        monetary=(bought_of.sums(recent) + returned_of.sums(recent_refunds))[known],
        histories=Histories(
            first=days[offsets[:-1]],
            offsets=offsets,
            days=days,
            unseen=np.zeros(len(kept), dtype=np.int64),
            orders=kept,
            spent=spent,
        ),
        as_of=date.fromordinal(EPOCH.toordinal() + as_of_day),
        orders=len(rows.row),
        refunds=len(refunds.row),
        revenue=int(rows.amount.sum(dtype=np.int64) + refunds.amount.sum(dtype=np.int64)),
        first=date.fromordinal(EPOCH.toordinal() + int(days.min())),
        last=date.fromordinal(EPOCH.toordinal() + int(days.max())),
        later=later,
        repeated=repeated,
        unequal=unequal,
        returned=int(fully_returned.sum()),
        strange=strange,
        several=several,
    )


def _sorted(orders: Orders, which: NDArray[np.bool_]) -> _Rows:
    """These rows by customer, day, and place in the file: by one sort of single integers where they fit.

    Goes over the rows in blocks, because work within small blocks of memory is faster.
    """
    every = bool(which.all())
    rows = np.empty(0, dtype=np.int64) if every else np.flatnonzero(which)
    size = len(which) if every else len(rows)
    if not size:
        return _Rows(rows, rows, rows, rows)
    least = int(orders.day.min())
    day_bits = (int(orders.day.max()) - least).bit_length()
    row_bits = len(which).bit_length()
    if int(orders.customer.max()).bit_length() + day_bits + row_bits > _KEY_BITS:
        rows = np.arange(size) if every else rows
        rows = rows[np.lexsort((orders.day[rows], orders.customer[rows]))]
        return _Rows(orders.customer[rows], orders.day[rows], orders.amount[rows], rows)
    keys = np.empty(size, dtype=np.int64)
    blocks = [slice(start, min(start + _BLOCK_ROWS, size)) for start in range(0, size, _BLOCK_ROWS)]
    for block in blocks:
        of = block if every else rows[block]
        key = keys[block]
        key[:] = orders.customer[of]
        key <<= day_bits
        key += orders.day[of]
        key -= least
        key <<= row_bits
        key += np.arange(block.start, block.stop) if every else rows[block]
    del rows
    keys.sort()
    ordered = _Rows(
        np.empty(size, dtype=orders.customer.dtype),
        np.empty(size, dtype=orders.day.dtype),
        np.empty(size, dtype=orders.amount.dtype),
        np.empty(size, dtype=np.int32) if row_bits < _INT32_BITS else np.empty(size, dtype=np.int64),
    )
    for block in blocks:
        key = keys[block]
        row = key & ((1 << row_bits) - 1)
        ordered.row[block] = row
        ordered.amount[block] = orders.amount[row]
        key >>= row_bits
        ordered.day[block] = (key & ((1 << day_bits) - 1)) + least
        key >>= day_bits
        ordered.customer[block] = key
    return ordered


def _distinct(
    rows: _Rows, order_id: Sequence[Names], *, by_amount: bool = False, lines: bool = False
) -> tuple[_Rows, int, int, int]:
    """Each order once, how many rows were left out, how many of these had another amount, and the orders of theirs.

    Rows of one order have its id, customer and day; refunds also need the same amount to count as one. Only what
    a customer bought on one day is compared. With `lines` the amounts of an order's rows add up.
    """
    same = (rows.customer[1:] == rows.customer[:-1]) & (rows.day[1:] == rows.day[:-1])
    shared = np.zeros(len(rows.row), dtype=bool)
    shared[1:] = same
    shared[:-1] |= same
    at = np.flatnonzero(shared)
    if not len(at):
        return rows, 0, 0, 0
    begins = np.ones(len(rows.row), dtype=bool)
    begins[1:] = ~same
    group = np.cumsum(begins[at])
    ids = numbers_of(order_id, rows.row[at])
    if not _has_pairs(group, ids):
        return rows, 0, 0, 0
    amount = rows.amount[at]
    order = np.lexsort((amount, ids, group))
    group, ids, amount = group[order], ids[order], amount[order]
    same_order = (group[1:] == group[:-1]) & (ids[1:] == ids[:-1])
    equal = amount[1:] == amount[:-1]
    if by_amount:
        same_order &= equal
    if not same_order.any():
        return rows, 0, 0, 0
    # The last of equal rows has the highest amount, whatever their order in the file.
    out = np.zeros(len(rows.row), dtype=bool)
    out[at[order[:-1][same_order]]] = True
    left = ~out
    several = int((same_order & ~np.concatenate([[False], same_order[:-1]])).sum())
    if lines:
        # That last row stands for all of its order.
        starts = np.flatnonzero(np.concatenate([[True], ~same_order]))
        ends = np.append(starts[1:], len(order)) - 1
        summed = rows.amount.astype(np.int64)
        summed[at[order[ends]]] = np.add.reduceat(amount, starts, dtype=np.int64)
        rows = _Rows(rows.customer, rows.day, summed, rows.row)
    return rows.of(left), int(out.sum()), int((same_order & ~equal).sum()), several


def _has_pairs(group: Ints, ids: Ints) -> bool:
    """Whether any id is twice in a group."""
    id_bits = int(ids.max()).bit_length()
    if int(group.max()).bit_length() + id_bits > _KEY_BITS:
        return True
    keys = (group << id_bits) + ids
    keys.sort()
    return bool((keys[1:] == keys[:-1]).any())


def _matched(rows: _Rows, refunds: _Rows, order_id: Sequence[Names]) -> tuple[_Rows, NDArray[np.bool_]]:
    """Refunds that bear an order's id count on its day, as they do online; and the orders of which nothing is left."""
    at = np.flatnonzero(np.isin(rows.customer, refunds.customer))
    ids = numbers_of(order_id, np.concatenate([rows.row[at], refunds.row]))
    ids = np.unique(ids, return_inverse=True)[1]
    # One number for a customer and an id; the first of an order's rows stands for it.
    width = int(ids.max()) + 1
    keys = rows.customer[at].astype(np.int64) * width + ids[: len(at)]
    refund_keys = refunds.customer.astype(np.int64) * width + ids[len(at) :]
    unique, first = np.unique(keys, return_index=True)
    place = np.minimum(np.searchsorted(unique, refund_keys), max(len(unique) - 1, 0))
    matched = unique[place] == refund_keys if len(unique) else np.zeros(len(refund_keys), dtype=bool)
    order = at[first[place]] if len(unique) else np.zeros(len(refund_keys), dtype=np.int64)
    day = np.where(matched, rows.day[order], refunds.day)
    back = np.zeros(len(rows.row), dtype=np.int64)
    np.subtract.at(back, order[matched], refunds.amount[matched].astype(np.int64))
    fully_returned = (back > 0) & (back >= rows.amount)
    return _Rows(refunds.customer, day, refunds.amount, refunds.row), fully_returned


def _changes(values: Integers) -> NDArray[np.bool_]:
    """Where a value differs from the value before it."""
    changes = np.ones(len(values), dtype=bool)
    changes[1:] = values[1:] != values[:-1]
    return changes


def _first_day(as_of_day: int) -> int:
    """The first day of the months that frequency and money are counted in."""
    month = months_after(month_of(date.fromordinal(EPOCH.toordinal() + as_of_day)), 1 - WINDOW_MONTHS)
    return (date.fromisoformat(f"{month}-01") - EPOCH).days
