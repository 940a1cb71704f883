"""Orders of a file, as columns, become one row a customer: what the scores and the forecast need of her."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cli.orders_cells import EPOCH, Ints
from cli.orders_file import Orders
from shared.domain.months import month_of, months_after
from shared.domain.prediction.histories import Histories
from shared.domain.scorecard import WINDOW_MONTHS

# A customer, a day and a row share one integer below this.
_KEY_BITS: Final = 62


@dataclass(frozen=True, kw_only=True)
class Customers:
    """Everyone who had bought by `as_of`, in the order of their names.

    `recency_days`, `frequency` and `monetary` are those of `scorecard.rfm`; a recency of −1 marks one who has
    returned everything, a prospect. `orders` and `revenue` (minor units, net of refunds) are the file's until `as_of`,
    `first` and `last` its days; `later` orders came after it. `repeated` rows were the same order again, of which
    `unequal` had another total: the highest counts. `returned` orders were taken back whole.
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

    def __len__(self) -> int:
        return len(self.recency_days)


@dataclass(frozen=True)
class _Rows:
    """Orders, or refunds, by customer and day."""

    customer: Ints
    day: Ints
    amount: Ints
    row: Ints


def to_customers(orders: Orders, as_of: date | None) -> Customers | None:
    """The customers of a file on a day, by default that of its last order; None where nobody had bought by then."""
    bought = orders.amount >= 0
    if not bought.any():
        return None
    as_of_day = (as_of - EPOCH).days if as_of else int(orders.day[bought].max())
    seen = orders.day <= as_of_day
    later = int((bought & ~seen).sum())
    rows = _sorted(orders, np.flatnonzero(bought & seen))
    if not len(rows.row):
        return None
    # What came back after the last order counts too, unless a day was asked for.
    refunds = _sorted(orders, np.flatnonzero(~bought & seen if as_of else ~bought))
    repeated = unequal = 0
    if orders.order_id is not None:
        rows, repeated, unequal = _distinct(rows, orders.order_id)
        refunds, again, _ = _distinct(refunds, orders.order_id, by_amount=True)
        repeated += again
    whole = np.zeros(len(rows.row), dtype=bool)
    if orders.order_id is not None and len(refunds.row):
        refunds, whole = _matched(rows, refunds, orders.order_id)

    n = len(orders.customers)
    new = np.ones(len(rows.row), dtype=bool)
    new[1:] = (rows.customer[1:] != rows.customer[:-1]) | (rows.day[1:] != rows.day[:-1])
    days = rows.day[new]
    of_customer = np.bincount(rows.customer[new], minlength=n)
    known = of_customer > 0
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(of_customer[known])])

    window = _first_day(as_of_day)
    recent, recent_refunds = _from(rows, window), _from(refunds, window)
    left = (
        rows
        if not whole.any()
        else _Rows(rows.customer[~whole], rows.day[~whole], rows.amount[~whole], rows.row[~whole])
    )
    recent_left = recent if left is rows else _from(left, window)
    kept = np.bincount(left.customer, minlength=n)[known]
    frequency = np.bincount(recent_left.customer, minlength=n)[known]
    spent = (_sums(rows, n) + _sums(refunds, n))[known]
    recency = as_of_day - days[offsets[1:] - 1]
    return Customers(
        names=orders.customers if known.all() else orders.customers.filter(pa.array(known)),
        recency_days=np.where(kept > 0, recency, -1),
        frequency=frequency,
        monetary=(_sums(recent, n) + _sums(recent_refunds, n))[known],
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
        revenue=int(rows.amount.sum() + refunds.amount.sum()),
        first=date.fromordinal(EPOCH.toordinal() + int(days.min())),
        last=date.fromordinal(EPOCH.toordinal() + int(days.max())),
        later=later,
        repeated=repeated,
        unequal=unequal,
        returned=int(whole.sum()),
    )


def _sorted(orders: Orders, rows: Ints) -> _Rows:
    """These rows by customer, day, and place in the file: by one sort of single integers where they fit."""
    if not len(rows):
        return _Rows(rows, rows, rows, rows)
    every = len(rows) == len(orders.day)
    day = orders.day if every else orders.day[rows]
    customer = orders.customer if every else orders.customer[rows]
    least = int(day.min())
    day_bits = (int(day.max()) - least).bit_length()
    row_bits = len(orders.day).bit_length()
    if int(customer.max()).bit_length() + day_bits + row_bits > _KEY_BITS:
        order = np.lexsort((day, customer))
        rows = rows[order]
        return _Rows(customer[order].astype(np.int64), day[order], orders.amount[rows], rows)
    key = customer.astype(np.int64)
    key <<= day_bits
    key += day
    key -= least
    key <<= row_bits
    key += rows
    key.sort()
    rows = key & ((1 << row_bits) - 1)
    key >>= row_bits
    days = (key & ((1 << day_bits) - 1)) + least
    key >>= day_bits
    return _Rows(key, days, orders.amount[rows], rows)


def _distinct(rows: _Rows, order_id: pa.ChunkedArray, *, by_amount: bool = False) -> tuple[_Rows, int, int]:
    """Each order once, how many rows were left out, and how many of these had another amount.

    Rows of one order have its id, customer and day; refunds are one only where the amount is the same too. Only what
    a customer bought on one day is compared.
    """
    same = (rows.customer[1:] == rows.customer[:-1]) & (rows.day[1:] == rows.day[:-1])
    shared = np.zeros(len(rows.row), dtype=bool)
    shared[1:] = same
    shared[:-1] |= same
    at = np.flatnonzero(shared)
    if not len(at):
        return rows, 0, 0
    group = np.zeros(len(at), dtype=np.int64)
    group[1:] = np.cumsum((rows.customer[at][1:] != rows.customer[at][:-1]) | (rows.day[at][1:] != rows.day[at][:-1]))
    ids = _codes(order_id, rows.row[at])
    amount = rows.amount[at]
    order = np.lexsort((amount, ids, group))
    group, ids, amount = group[order], ids[order], amount[order]
    one = (group[1:] == group[:-1]) & (ids[1:] == ids[:-1])
    equal = amount[1:] == amount[:-1]
    if by_amount:
        one &= equal
    if not one.any():
        return rows, 0, 0
    # The last of equal rows has the highest amount, whatever their order in the file.
    out = np.zeros(len(rows.row), dtype=bool)
    out[at[order[:-1][one]]] = True
    left = ~out
    return (
        _Rows(rows.customer[left], rows.day[left], rows.amount[left], rows.row[left]),
        int(out.sum()),
        int((one & ~equal).sum()),
    )


def _matched(rows: _Rows, refunds: _Rows, order_id: pa.ChunkedArray) -> tuple[_Rows, NDArray[np.bool_]]:
    """Refunds that bear an order's id count on its day, as they do online; and the orders of which nothing is left."""
    at = np.flatnonzero(np.isin(rows.customer, refunds.customer))
    ids = _codes(order_id, np.concatenate([rows.row[at], refunds.row]))
    # One number for a customer and an id; the first of an order's rows stands for it.
    width = int(ids.max()) + 1
    keys = rows.customer[at] * width + ids[: len(at)]
    wanted = refunds.customer * width + ids[len(at) :]
    unique, first = np.unique(keys, return_index=True)
    place = np.minimum(np.searchsorted(unique, wanted), max(len(unique) - 1, 0))
    found = unique[place] == wanted if len(unique) else np.zeros(len(wanted), dtype=bool)
    order = at[first[place]] if len(unique) else np.zeros(len(wanted), dtype=np.int64)
    day = np.where(found, rows.day[order], refunds.day)
    back = np.zeros(len(rows.row), dtype=np.int64)
    np.add.at(back, order[found], -refunds.amount[found])
    whole = (back > 0) & (back >= rows.amount)
    return _Rows(refunds.customer, day, refunds.amount, refunds.row), whole


def _codes(order_id: pa.ChunkedArray, rows: Ints) -> Ints:
    """A number for each row's order id; equal ids have equal ones."""
    texts: Any = pc.utf8_trim_whitespace(order_id.take(pa.array(rows)))
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    codes: Ints = texts.dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def _sums(rows: _Rows, customers: int) -> Ints:
    """The money of each customer; exact, for it stays below 2⁵³ minor units."""
    return np.rint(np.bincount(rows.customer, rows.amount, customers)).astype(np.int64)


def _from(rows: _Rows, day: int) -> _Rows:
    recent = rows.day >= day
    return (
        rows if recent.all() else _Rows(rows.customer[recent], rows.day[recent], rows.amount[recent], rows.row[recent])
    )


def _first_day(as_of_day: int) -> int:
    """The first day of the months that frequency and money are counted in."""
    month = months_after(month_of(date.fromordinal(EPOCH.toordinal() + as_of_day)), 1 - WINDOW_MONTHS)
    return (date.fromisoformat(f"{month}-01") - EPOCH).days
