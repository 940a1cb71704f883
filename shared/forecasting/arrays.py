"""The arrays of this package, and equal rows taken together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.uint8]

# Beyond this a key made of several columns would not fit into 63 bits.
_MAX_KEY = 2**62


@dataclass(frozen=True, slots=True)
class Groups:
    """The distinct rows of a table, ascending: `columns` of equal length k, the `weight` (rows that are so) of each,
    and `inverse`, for each of the table's rows its place among the k."""

    columns: tuple[Floats, ...]
    weight: Floats
    inverse: Ints


def group(*columns: Floats) -> Groups:
    """The distinct rows of the columns (each of length n, finite), sorted by the first column, then the second, …

    The order of the table's rows changes nothing but `inverse`: sums over the groups come out the same to the bit.
    """
    n = columns[0].size
    if n == 0:
        return Groups(columns, np.zeros(0), np.zeros(0, np.int64))
    key = _key(columns)
    order = np.lexsort(columns[::-1]) if key is None else np.argsort(key, kind="stable")
    new = np.zeros(n, np.bool_)
    new[0] = True
    if key is None:
        for column in columns:
            new[1:] |= np.diff(column[order]) != 0
    else:
        new[1:] = np.diff(key[order]) != 0
    starts = np.flatnonzero(new)
    inverse = np.empty(n, np.int64)
    inverse[order] = np.cumsum(new) - 1
    distinct = order[starts]
    return Groups(tuple(column[distinct] for column in columns), np.diff(starts, append=n).astype(np.float64), inverse)


def thin(weight: Floats, limit: int) -> Floats:
    """Whole weights of which every k-th customer is left, so that at most `limit` are; unchanged where no more are.

    Of sorted rows this is a systematic sample: each stretch of them keeps its share, without chance.
    """
    total = weight.sum()
    if total <= limit:
        return weight
    step = np.ceil(total / limit)
    upto = np.cumsum(weight)
    kept: Floats = np.floor(upto / step) - np.floor((upto - weight) / step)
    return kept


def sample(weight: Floats, limit: int) -> tuple[Bools, Floats] | None:
    """Which rows stand for all, and with what weights, after `thin`; None where this would save less than half."""
    if weight.size < 2 * limit:
        return None
    thinned = thin(weight, limit)
    kept = thinned > 0
    return kept, thinned[kept]


def _key(columns: tuple[Floats, ...]) -> Ints | None:
    """One number per row that sorts as the row does; None where the values are not whole, or too far apart."""
    key = np.zeros(columns[0].size, np.int64)
    room = 1.0
    for column in columns:
        least, width = column.min(), column.max() - column.min() + 1
        room *= width
        if room > _MAX_KEY or max(abs(least), abs(column.max())) > _MAX_KEY or np.any(column != np.floor(column)):
            return None
        key = key * int(width) + (column - least).astype(np.int64)
    return key
