"""How good forecasts were: proper scores, ranking, and calibration, over rows that stand for several customers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.forecasting.arrays import Floats

_BINS: Final = 10
# Being sure and wrong costs much, but not everything.
_LEAST_COUNT: Final = 1e-4
_LEAST_CHANCE: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class CountScore:
    """Forecasts of purchase days: mean Poisson `deviance` (less is better) with its `standard_error`, the totals
    `predicted` and `actual`, mean absolute error, `bias`, the mean of predicted − actual, and `auc` as below."""

    model: str
    deviance: float
    standard_error: float
    predicted: float
    actual: float
    mae: float
    bias: float
    auc: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChanceScore:
    """Forecasts of who buys: mean `log_loss` (less is better) with its `standard_error`, the numbers of buyers
    `predicted` and `actual`, and `auc`, the chance that a buyer was ranked above somebody who did not buy; None where
    all
    or none bought."""

    model: str
    log_loss: float
    standard_error: float
    predicted: float
    actual: float
    auc: float | None


Score = CountScore | ChanceScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """About a tenth of the customers, of neighbouring forecasts: the means of what was predicted and what came."""

    customers: int
    predicted: float
    actual: float


def score_counts(model: str, predicted: Floats, actual: Floats, weight: Floats) -> CountScore:
    """The score of expected counts (≥ 0) against counts, of rows of `weight` customers each."""
    total = float(weight.sum())
    mean = np.maximum(predicted, _LEAST_COUNT)
    deviance = 2 * (actual * np.log(np.where(actual > 0, actual, 1) / mean) - actual + mean)
    # The logarithm of 1 / mean is multiplied by 0 where nothing came.
    return CountScore(
        model=model,
        deviance=float(weight @ deviance) / total,
        standard_error=_standard_error(deviance, weight),
        predicted=float(weight @ predicted),
        actual=float(weight @ actual),
        mae=float(weight @ np.abs(predicted - actual)) / total,
        bias=float(weight @ (predicted - actual)) / total,
        auc=auc(predicted, (actual > 0).astype(np.float64), weight),
    )


def score_chances(model: str, predicted: Floats, bought: Floats, weight: Floats) -> ChanceScore:
    """The score of chances (0 to 1) against what happened (0 or 1), of rows of `weight` customers each."""
    chance = np.clip(predicted, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    loss = -(bought * np.log(chance) + (1 - bought) * np.log1p(-chance))
    return ChanceScore(
        model=model,
        log_loss=float(weight @ loss) / float(weight.sum()),
        standard_error=_standard_error(loss, weight),
        predicted=float(weight @ predicted),
        actual=float(weight @ bought),
        auc=auc(predicted, bought, weight),
    )


def auc(predicted: Floats, bought: Floats, weight: Floats) -> float | None:
    """The chance that a buyer was ranked above a non-buyer, ties counting half; None where either is missing."""
    _, place = np.unique(predicted, return_inverse=True)
    buyers = np.bincount(place, weight * bought)
    others = np.bincount(place, weight * (1 - bought))
    pairs = float(buyers.sum() * others.sum())
    return float(buyers @ (np.cumsum(others) - others / 2)) / pairs if pairs > 0 else None


def calibrate(predicted: Floats, actual: Floats, weight: Floats) -> tuple[Bin, ...]:
    """Ten bins by the forecast, least first; rows are not cut, so that large ones may leave fewer or unequal bins."""
    order = np.argsort(predicted, kind="stable")
    weight = weight[order]
    middle = np.cumsum(weight) - weight / 2
    place = np.minimum((middle * _BINS / max(float(weight.sum()), 1.0)).astype(np.int64), _BINS - 1)
    customers = np.bincount(place, weight, _BINS)
    forecast = np.bincount(place, weight * predicted[order], _BINS)
    came = np.bincount(place, weight * actual[order], _BINS)
    return tuple(
        Bin(customers=round(n), predicted=float(p / n), actual=float(a / n))
        for n, p, a in zip(customers.tolist(), forecast.tolist(), came.tolist(), strict=True)
        if n > 0
    )


def rank(scores: Sequence[Score], doubtful: Collection[str] = ()) -> list[str]:
    """The models' names, best first: those whose loss is within a standard error of the least are as good as each
    other (the rule of Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984), and the one
    that separates buyers from others best is the best of them; the rest follow by their loss. Doubtful models come
    before another only where it is more than a standard error behind."""
    best = min(scores, key=_loss)
    limit = _loss(best) + best.standard_error

    def place(score: Score) -> tuple[bool, float, float]:
        close = _loss(score) <= limit and score.model not in doubtful
        return not close, -(score.auc or 0.0) if close else 0.0, _loss(score)

    return [score.model for score in sorted(scores, key=place)]


def _loss(score: Score) -> float:
    return score.deviance if isinstance(score, CountScore) else score.log_loss


def _standard_error(losses: Floats, weight: Floats) -> float:
    """That of the mean of independent losses; 0 for a single customer, of whom nothing can be said."""
    total = float(weight.sum())
    mean = float(weight @ losses) / total
    return float(np.sqrt(weight @ (losses - mean) ** 2 / total / max(total - 1, 1.0)))
