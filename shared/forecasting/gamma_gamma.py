"""Gamma-Gamma: the value of a customer's next order, from the values of their orders so far.

Fader and Hardie, The Gamma-Gamma Model of Monetary Value, 2013: values of a customer's orders are Gamma(p, ν)
distributed, and ν among customers Gamma(q, v). Money is in one unit throughout, to which v belongs.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.forecasting.arrays import Floats, group, thin
from shared.forecasting.optimise import minimise
from shared.forecasting.special import digamma, log_gamma

# With fewer customers the spread between them cannot be separated from that between orders.
_MIN_CUSTOMERS: Final = 20
_MAX_CUSTOMERS: Final = 100_000
# Below, values of customers have no mean to speak of: a few orders would be forecast at many times the dearest order.
_MIN_Q: Final = 1.05
_WIDEST: Final = 1e4
# Means of customers that differ by less than this part count as a single price.
_ALIKE: Final = 1e-6
# Without a model, a customer's own mean counts as if they had a further order, of the shop's mean.
_ORDERS_OF_MEAN: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaGamma:
    """`p`, `q` and `v` as fitted to `customers`, all None where the model does not fit; then means are shrunken
    towards `mean`, what an order of the shop comes to on average (≥ 0)."""

    p: float | None
    q: float | None
    v: float | None
    mean: float
    log_likelihood: float | None
    customers: int

    @property
    def fitted(self) -> bool:
        """Whether the model is used."""
        return self.p is not None

    def expected_value(self, orders: Floats, spent: Floats) -> Floats:
        """The expected value of the next order of each customer, ≥ 0: p(v + total) / (p·orders + q − 1).

        A customer without orders gets the forecast of a new customer. A total of 0 or below counts as 0: gifts and
        returns lower the forecast the more, the more orders they were.
        """
        orders, spent = np.maximum(orders, 0), np.where(orders > 0, np.maximum(spent, 0), 0)
        if self.p is None or self.q is None or self.v is None:
            shrunken: Floats = (spent + _ORDERS_OF_MEAN * self.mean) / (orders + _ORDERS_OF_MEAN)
            return shrunken
        value: Floats = (self.v + spent) * (self.p / (self.p * orders + self.q - 1))
        return value


def fit(orders: Floats, spent: Floats) -> GammaGamma:
    """The most likely parameters for customers by their numbers of orders and the totals of these.

    Customers without orders or with a total of 0 or below are left out. There are no parameters where q would be near
    1 or below, the fit runs to the end of its range, or fewer than twenty customers or a single value are left. More
    than 100,000 customers are represented by every k-th of them, ordered by orders and total.
    """
    buyers = orders > 0
    everything = float(np.maximum(np.sort(spent[buyers]), 0).sum())
    mean = everything / float(orders[buyers].sum()) if buyers.any() else 0.0
    paying = buyers & (spent > 0)
    plain = GammaGamma(p=None, q=None, v=None, mean=mean, log_likelihood=None, customers=int(paying.sum()))
    if plain.customers < _MIN_CUSTOMERS:
        return plain
    rows = group(orders[paying], spent[paying])
    weight = thin(rows.weight, _MAX_CUSTOMERS)
    kept = weight > 0
    n, total = (column[kept] for column in rows.columns)
    weight = weight[kept]
    w = weight / weight.sum()
    if float(np.ptp(np.log(total / n))) < _ALIKE:
        return plain
    # In units of the typical value, so that the range of v suits any currency.
    unit = float(np.exp(w @ np.log(total / n)))
    total = total / unit
    values, index = np.unique(n, return_inverse=True)
    shares = np.bincount(index, w)
    own = w * n
    log_total = np.log(total)
    mean_log_value = float(w @ np.log(total / n))

    def loss(logs: Floats) -> tuple[float, Floats]:
        p, q, v = (float(value) for value in np.exp(logs))
        pn = p * values
        log_all = np.log(v + total)
        value = (
            shares @ (log_gamma(pn + q) - log_gamma(pn))
            - log_gamma(np.array([q]))[0]
            + q * logs[2]
            + p * (own @ log_total)
            - mean_log_value
            - w @ ((p * n + q) * log_all)
        )
        both = digamma(pn + q)
        gradient = np.array(
            [
                shares @ (values * (both - digamma(pn))) + own @ (log_total - log_all),
                shares @ both - digamma(np.array([q]))[0] + logs[2] - w @ log_all,
                q / v - w @ ((p * n + q) / (v + total)),
            ]
        )
        return -float(value), -gradient * np.exp(logs)

    wide = np.log(_WIDEST)
    centre = np.zeros(3)
    starts = [centre + np.array(shift) for shift in ((1, 1, 1), (3, 2, 0))]
    minimum = minimise(loss, starts, centre - wide, centre + wide)
    p, q, v = (float(value) for value in np.exp(minimum.point))
    if not np.isfinite(minimum.value) or minimum.at_edge or q < _MIN_Q:
        return plain
    likelihood = (-minimum.value - np.log(unit)) * plain.customers
    return GammaGamma(p=p, q=q, v=v * unit, mean=mean, log_likelihood=float(likelihood), customers=plain.customers)
