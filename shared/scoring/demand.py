"""Demand: what all customers together are expected to spend in the next 90 days, with an interval."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.forecasting import bands
from shared.scoring.rescoring import Classification, Part

# The interval holds the truth nine times in ten.
_Z: Final = 1.645
# The spread of one order's value about the customer's own mean, as a share of it: that of an exponential.
_VALUE_VARIATION: Final = 1.0
# A single holdout that happened to fit does not make a forecast certain.
_LEAST_MISS: Final = 0.05

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Band:
    """The customers of a band: how many, their expected revenue of the horizon and of 12 months, minor units."""

    customers: int = 0
    revenue: float = 0.0
    clv: float = 0.0

    def __add__(self, other: "Band") -> "Band":
        return Band(self.customers + other.customers, self.revenue + other.revenue, self.clv + other.clv)


@dataclass(frozen=True, slots=True)
class Demand:
    """Sums over customers: expected `purchases` and `revenue` of the horizon, and the `variance` of that revenue
    if all were independent; `newcomers` are those whose first order lies within the last horizon, `newcomer_revenue`
    what they have spent.
    """

    purchases: float = 0.0
    revenue: float = 0.0
    variance: float = 0.0
    clv: float = 0.0
    newcomers: int = 0
    newcomer_revenue: int = 0
    churn: Mapping[str, Band] = field(default_factory=dict)
    value: Mapping[str, Band] = field(default_factory=dict)


def demand(part: Part, now: Classification, purchases: Floats, day_value: Floats, clv: Floats, horizon: int) -> Demand:
    """The sums of a part; `purchases` are days with one within the horizon, `day_value` and `clv` minor units."""
    buyers = part.buyers
    revenue = np.where(buyers, purchases * day_value, 0.0)
    variance = np.where(buyers, purchases * day_value**2 * (1 + _VALUE_VARIATION**2), 0.0)
    clv = np.where(buyers, clv, 0.0)
    new = buyers & (part.age_days < horizon)
    return Demand(
        purchases=float(purchases[buyers].sum()),
        revenue=float(revenue.sum()),
        variance=float(variance.sum()),
        clv=float(clv.sum()),
        newcomers=int(np.count_nonzero(new)),
        newcomer_revenue=int(part.spent[new].sum()),
        churn=_bands(bands.CHURN_BANDS, now.churn, revenue, clv),
        value=_bands(bands.VALUE_BANDS, now.value, revenue, clv),
    )


def merge(parts: Iterable[Demand]) -> Demand:
    """The sums of all parts together."""
    whole = Demand()
    for part in parts:
        added: dict[str, Any] = {}
        for member in fields(Demand):
            sums, more = getattr(whole, member.name), getattr(part, member.name)
            if isinstance(sums, Mapping):
                added[member.name] = {
                    name: sums.get(name, Band()) + more.get(name, Band()) for name in {**sums, **more}
                }
            else:
                added[member.name] = sums + more
        whole = Demand(**added)
    return whole


def interval(expected: float, variance: float, miss: float | None) -> tuple[int, int] | None:
    """Between which amounts, in minor units, the revenue lies nine times in ten; None where no test says how far
    forecasts of this shop miss.

    Chance gives the one part (the sum's variance); the model the other: `miss` is by what share, up or down, the
    holdout's purchases missed what was predicted.
    """
    if miss is None:
        return None
    spread = _Z * math.sqrt(variance + (expected * max(miss, _LEAST_MISS)) ** 2)
    return max(round(expected - spread), 0), round(expected + spread)


def _bands(names: tuple[str, ...], codes: NDArray[np.uint8], revenue: Floats, clv: Floats) -> dict[str, Band]:
    sums = {}
    for code, name in enumerate(names):
        inside = codes == code
        customers = int(np.count_nonzero(inside))
        sums[name] = Band(customers, float(revenue[inside].sum()), float(clv[inside].sum()))
    return sums
