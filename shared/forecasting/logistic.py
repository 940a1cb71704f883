"""Logistic regression with a ridge: who buys within so many days, learnt from who did in the days before."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.forecasting.arrays import Floats

# The penalty in customers' worth of evidence; it keeps the weights finite where a feature separates all buyers.
_RIDGE: Final = 1.0
_MAX_STEPS: Final = 50
_MAX_HALVINGS: Final = 30
_STEP: Final = 1e-10
# A column that varies less than this is constant but for rounding.
_CONSTANT: Final = 1e-9
# New customers may lie far outside of what was learnt from: so many standard deviations count at most.
_FARTHEST: Final = 6.0
_MAX_LOG_ODDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """`intercept` and a weight per feature, on features that have `means` and standard deviations `scales`; a
    constant feature has the weight 0. Trained on `customers` of whom a known number bought within `days`."""

    intercept: float
    weights: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    days: int
    customers: int
    log_likelihood: float

    def p_buy(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """The chance, 0 to 1, of a purchase within `days`, from histories in days."""
        scaled = _scale(features(x, t_x, age), np.array(self.means), np.array(self.scales))
        return _chance(self.intercept + scaled @ np.array(self.weights))


def features(x: Floats, t_x: Floats, age: Floats) -> Floats:
    """The features of the chance of buying, [n, 8]: how often, how long ago, for how long, how regularly."""
    recency = np.maximum(age - t_x, 0)
    often, recent, old = np.log1p(x), np.log1p(recency), np.log1p(age)
    # How many of the customer's usual gaps have gone by without a purchase; for one purchase their whole time counts.
    overdue = np.log1p(recency * (x + 1) / (age + 1))
    return np.stack(
        [often, recent, old, t_x / np.maximum(age, 1), overdue, often * often, recent * recent, often * recent], axis=1
    )


def fit(x: Floats, t_x: Floats, age: Floats, bought: Floats, weight: Floats, days: int) -> Logistic | None:
    """The weights of greatest penalised likelihood, by Newton's method with halved steps where it overshoots.

    Each of k rows stands for `weight` customers, who did (`bought` 1) or did not (0) buy within `days`. None where
    there are no customers, or all or none of them bought.
    """
    total = float(weight.sum())
    buyers = float(weight @ bought)
    if not 0 < buyers < total:
        return None
    raw = features(x, t_x, age)
    means = weight @ raw / total
    scales = np.sqrt(weight @ (raw - means) ** 2 / total)
    constant = scales <= _CONSTANT * (1 + np.abs(means))
    scales = np.where(constant, 1.0, scales)
    table = _scale(raw, means, scales)
    table[:, constant] = 0
    design = np.concatenate([np.ones((x.size, 1)), table], axis=1)
    ridge = np.full(design.shape[1], _RIDGE)
    ridge[0] = 0
    weights = np.zeros(design.shape[1])
    weights[0] = np.log(buyers / (total - buyers))

    def loss(weights: Floats) -> float:
        log_odds = design @ weights
        return float(weight @ (np.logaddexp(0, log_odds) - bought * log_odds) + 0.5 * ridge @ (weights * weights))

    value = loss(weights)
    for _ in range(_MAX_STEPS):
        chance = _chance(design @ weights)
        gradient = design.T @ (weight * (chance - bought)) + ridge * weights
        spread = weight * chance * (1 - chance)
        hessian = (design * spread[:, None]).T @ design + np.diag(ridge + 1e-9 * total)
        step = np.linalg.solve(hessian, gradient)
        length = 1.0
        for _ in range(_MAX_HALVINGS):
            lower = loss(weights - length * step)
            if lower < value:
                break
            length /= 2
        else:
            break
        gained, value, weights = value - lower, lower, weights - length * step
        if gained <= _STEP * (1 + abs(value)):
            break
    log_odds = design @ weights
    likelihood = weight @ (bought * log_odds - np.logaddexp(0, log_odds))
    return Logistic(
        intercept=float(weights[0]),
        weights=tuple(weights[1:].tolist()),
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        days=days,
        customers=round(total),
        log_likelihood=float(likelihood),
    )


def _scale(raw: Floats, means: Floats, scales: Floats) -> Floats:
    return np.clip((raw - means) / scales, -_FARTHEST, _FARTHEST)


def _chance(log_odds: Floats) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-np.clip(log_odds, -_MAX_LOG_ODDS, _MAX_LOG_ODDS)))
    return chance
