"""Bands in place of bare forecasts: the risk that customers do not come back, and what they are worth.

A band changes seldom where a probability changes every day.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.forecasting.arrays import Codes, Floats

CHURN_LOW: Final = "LOW"
CHURN_MEDIUM: Final = "MEDIUM"
CHURN_HIGH: Final = "HIGH"
CHURN_LOST: Final = "LOST"
CHURN_BANDS: Final = (CHURN_LOW, CHURN_MEDIUM, CHURN_HIGH, CHURN_LOST)
"""The risk of not coming back within the horizon, by its code, least risk first."""
CHURN_CUTS: Final = (0.5, 0.2, 0.05)
"""The least chance of buying that is LOW, MEDIUM and HIGH; below all of them is LOST."""

VALUE_TOP: Final = "TOP"
VALUE_HIGH: Final = "HIGH"
VALUE_MEDIUM: Final = "MEDIUM"
VALUE_LOW: Final = "LOW"
VALUE_BANDS: Final = (VALUE_TOP, VALUE_HIGH, VALUE_MEDIUM, VALUE_LOW)
"""The value of the next twelve months by its code, most value first."""
# The top 10 %, the next 20 % and the next 30 %: the least share of customers that a band leaves behind.
_VALUE_SHARES: Final = (0.9, 0.7, 0.4)
# Computed among other rows, a forecast may differ in its last digit, which must not change its band.
_ROUNDING: Final = 1e-6
# The most that half the digits hold.
_MAX_VALUE: Final = 1e38


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCuts:
    """The least value, in minor units, that is TOP, HIGH and MEDIUM; None where nobody is that high or higher."""

    top: float | None
    high: float | None
    medium: float | None


def churn_band(p_buy: Floats) -> Codes:
    """Codes into CHURN_BANDS for chances of buying within the horizon."""
    codes: Codes = np.sum([p_buy < cut for cut in CHURN_CUTS], axis=0, dtype=np.uint8)
    return codes


def value_band(clv: Floats, cuts: ValueCuts) -> Codes:
    """Codes into VALUE_BANDS for values in minor units."""
    limits = [np.inf if cut is None else cut * (1 - _ROUNDING) for cut in (cuts.top, cuts.high, cuts.medium)]
    codes: Codes = np.sum([clv < limit for limit in limits], axis=0, dtype=np.uint8)
    return codes


def value_cuts(clv: Floats) -> ValueCuts:
    """The cuts for the values of n customers; without customers there are none, and everyone is LOW.

    A customer's rank is the share of customers strictly below them and half of those equal to them, so that equals
    share a band: where all are equal their rank is ½, which is MEDIUM.
    """
    if clv.size == 0:
        return ValueCuts(top=None, high=None, medium=None)
    # In half the digits values that differ by rounding only are equal.
    values, counts = np.unique(np.minimum(clv, _MAX_VALUE).astype(np.float32), return_counts=True)
    rank = (np.cumsum(counts) - counts / 2) / clv.size
    top, high, medium = (
        float(values[np.argmax(rank >= share)]) if rank[-1] >= share else None for share in _VALUE_SHARES
    )
    return ValueCuts(top=top, high=high, medium=medium)
