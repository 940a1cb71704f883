"""The floor every model has to beat: rates of customers alike, in groups by how often and how lately they bought.

It needs no fit and works with no customer at all.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.forecasting.arrays import Floats, Ints

# The least x of the groups after the first, and the most days since the last purchase of those before the last.
_OFTEN: Final = (1, 2, 4, 8)
_RECENT_DAYS: Final = (7, 30, 90, 180, 365)
_CLASSES: Final = len(_OFTEN) + 1
_CELLS: Final = _CLASSES * (len(_RECENT_DAYS) + 1)
# A group's figures weigh against those of the wider group as if this had so many customers.
_SHRINK_CUSTOMERS: Final = 20.0
# Before anything is known: half a purchase in a year, as one customer's evidence.
_PRIOR_PURCHASES: Final = 0.5
_PRIOR_DAYS: Final = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Naive:
    """Purchase days per day (`rates`) and the hazard of the first of them per day (`hazards`) by group: all ≥ 0."""

    rates: tuple[float, ...]
    hazards: tuple[float, ...]

    def expected(self, x: Floats, t_x: Floats, age: Floats, days: float) -> Floats:
        """Purchase days to expect in the next `days`, ≥ 0: as many per day as the group has, for ever."""
        result: Floats = np.array(self.rates)[_cell(x, t_x, age)] * days
        return result

    def p_buy(self, x: Floats, t_x: Floats, age: Floats, days: float) -> Floats:
        """The chance, 0 to 1, of at least one purchase in the next `days`."""
        cell = _cell(x, t_x, age)
        chance: Floats = -np.expm1(-np.array(self.hazards)[cell] * days)
        return np.minimum(chance, np.array(self.rates)[cell] * days)


def fit(x: Floats, t_x: Floats, age: Floats, purchases: Floats, weight: Floats, days: int) -> Naive:
    """Rates from what k rows, each of `weight` customers, did in the `days` that followed: `purchases` each.

    A group's rate is shrunken towards that of all who bought as often, and this towards that of all customers.
    """
    purchases, bought = weight * purchases, weight * (purchases > 0)
    cell = _cell(x, t_x, age)
    customers = _per_cell(cell, weight)
    prior = _PRIOR_PURCHASES / _PRIOR_DAYS
    rates = _shrunken(_per_cell(cell, purchases) / days, customers, prior)
    chances = _shrunken(_per_cell(cell, bought), customers, -float(np.expm1(-prior * days)))
    return Naive(rates=tuple(rates.tolist()), hazards=tuple((-np.log1p(-chances) / days).tolist()))


def fit_lifetimes(x: Floats, age: Floats, weight: Floats) -> Naive:
    """Rates from whole lives, where no days are left to see what followed: purchases over time, by how often only."""
    often = np.searchsorted(np.array(_OFTEN), x, side="right")
    purchases = np.bincount(often, weight * x, _CLASSES)
    days = np.bincount(often, weight * age, _CLASSES)
    overall = (purchases.sum() + _PRIOR_PURCHASES) / (days.sum() + _PRIOR_DAYS)
    mean_days = max(float(days.sum() / max(weight.sum(), 1.0)), 1.0)
    rates = (purchases + _SHRINK_CUSTOMERS * mean_days * overall) / (days + _SHRINK_CUSTOMERS * mean_days)
    table = tuple(np.repeat(rates, _CELLS // _CLASSES).tolist())
    return Naive(rates=table, hazards=table)


def _per_cell(cell: Ints, values: Floats) -> Floats:
    # Without rows numpy returns integers.
    return np.bincount(cell, values, _CELLS).astype(np.float64)


def _shrunken(counts: Floats, customers: Floats, prior: float) -> Floats:
    """Counts per customer by cell [_CELLS]."""
    overall = (counts.sum() + prior) / (customers.sum() + 1)
    by_class = counts.reshape(_CLASSES, -1).sum(axis=1), customers.reshape(_CLASSES, -1).sum(axis=1)
    rate = (by_class[0] + _SHRINK_CUSTOMERS * overall) / (by_class[1] + _SHRINK_CUSTOMERS)
    wider = np.repeat(rate, _CELLS // _CLASSES)
    result: Floats = (counts + _SHRINK_CUSTOMERS * wider) / (customers + _SHRINK_CUSTOMERS)
    return result


def _cell(x: Floats, t_x: Floats, age: Floats) -> Ints:
    often = np.searchsorted(np.array(_OFTEN), x, side="right")
    recent = np.searchsorted(np.array(_RECENT_DAYS), age - t_x, side="left")
    return often * (len(_RECENT_DAYS) + 1) + recent
