"""Pareto/NBD: buyers who buy at random at a rate of their own until they leave, at a random time, unseen.

Rates are Gamma(r, α), the rates of leaving Gamma(s, β) distributed (Schmittlein, Morrison, Colombo 1987; Fader and
Hardie, A Note on Deriving the Pareto/NBD Model, 2005). x is the number of purchase days after the first, t_x the
time from the first to the last of them and `age` (T) the time since the first; all in one unit of time, to which
α, β and the results belong. Integrals over the time of leaving take the place of hypergeometric functions.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.forecasting.arrays import Floats
from shared.forecasting.optimise import Function, minimise_over_rows
from shared.forecasting.special import PowerIntegral, digamma, log_gamma

_WIDEST: Final = 1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoNbd:
    """Fitted parameters, all > 0; `at_edge` where the fit ran to the end of its range, so that they say little."""

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float
    at_edge: bool

    def p_alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """The chance, 0 to 1, that each of n customers has not left."""
        alive, both = self._log_parts(x, t_x, age)
        chance: Floats = np.exp(alive - both)
        return chance

    def p_buy(self, x: Floats, t_x: Floats, age: Floats, time: float) -> Floats:
        """The chance, 0 to 1, of at least one purchase in the next `time`: the next one comes before leaving."""
        _, both = self._log_parts(x, t_x, age)
        soon = PowerIntegral(self.alpha, self.r + x + 1, self.beta, self.s, age, age + time).log_value
        chance: Floats = np.exp(np.minimum(np.log(self.r + x) + soon - both, 0))
        return chance

    def expected(self, x: Floats, t_x: Floats, age: Floats, time: float) -> Floats:
        """Purchase days to expect in the next `time`, ≥ 0: P(alive) · (r+x)/(α+T) · ∫₀ᵗ ((β+T)/(β+T+u))^s du."""
        start = self.beta + age
        # ∫ = start · (e^(yL) − 1)/y with y = 1 − s and L = ln(1 + t/start), which is start · L at s = 1.
        length = np.log1p(time / start)
        y = 1 - self.s
        lasting = start * (length if abs(y) < 1e-12 else np.expm1(y * length) / y)
        result: Floats = self.p_alive(x, t_x, age) * (self.r + x) / (self.alpha + age) * lasting
        return result

    def _log_parts(self, x: Floats, t_x: Floats, age: Floats) -> tuple[Floats, Floats]:
        """The logarithms of the likelihood's part of those still there, and of all of it, but for a common factor."""
        alive = -(self.r + x) * np.log(self.alpha + age) - self.s * np.log(self.beta + age)
        left = PowerIntegral(self.alpha, self.r + x, self.beta, self.s + 1, t_x, age).log_value
        return alive, np.logaddexp(alive, np.log(self.s) + left)


def fit(x: Floats, t_x: Floats, age: Floats, weight: Floats) -> ParetoNbd | None:
    """The most likely parameters for distinct rows, each of `weight` customers; None where there is no likelihood.

    Speed comes from the rows being distinct; nothing else asks for it.
    """
    total = float(weight.sum())
    if total <= 0:
        return None
    unit = np.log(max(float(weight @ age) / total, 1e-3))
    wide = np.log(_WIDEST)
    centre = np.array([0.0, unit, 0.0, unit])
    starts = [centre + np.array(shift) for shift in ((-0.5, -0.5, -0.5, -0.5), (1.5, 1, -2, 0), (-1.5, -2, 1, 1))]
    box = centre - wide, centre + wide
    minimum = minimise_over_rows(_loss, (x, t_x, age), weight, starts, *box)
    if not np.isfinite(minimum.value):
        return None
    r, alpha, s, beta = (float(value) for value in np.exp(minimum.point))
    return ParetoNbd(r=r, alpha=alpha, s=s, beta=beta, log_likelihood=-minimum.value * total, at_edge=minimum.at_edge)


def _loss(x: Floats, t_x: Floats, age: Floats, weight: Floats) -> Function:
    """Less the mean of the logarithm of the likelihood, by the logarithms of the parameters."""
    total = float(weight.sum())
    values, index = np.unique(x, return_inverse=True)
    shares = np.bincount(index, weight) / total
    w = weight / total

    def loss(logs: Floats) -> tuple[float, Floats]:
        r, alpha, s, beta = (float(value) for value in np.exp(logs))
        k = r + x
        log_a, log_b = np.log(alpha + age), np.log(beta + age)
        alive = -k * log_a - s * log_b
        u = PowerIntegral(alpha, k, beta, s + 1, t_x, age, means=True)
        both = np.logaddexp(alive, logs[2] + u.log_value)
        here = w * np.exp(alive - both)
        gone = w - here
        common = shares @ (log_gamma(r + values) - log_gamma(np.array([r]))) + r * logs[1] + s * logs[3]
        gradient = np.array(
            [
                shares @ (digamma(r + values) - digamma(np.array([r]))) + logs[1] - here @ log_a - gone @ u.log_alpha,
                r / alpha - here @ (k / (alpha + age)) - gone @ (k * u.inverse_alpha),
                logs[3] - here @ log_b + gone @ (1 / s - u.log_beta),
                s / beta - here @ (s / (beta + age)) - gone @ ((s + 1) * u.inverse_beta),
            ]
        )
        return -float(common + w @ both), -gradient * np.exp(logs)

    return loss
