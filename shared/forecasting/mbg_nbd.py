"""MBG/NBD: buyers who buy at random at a rate of their own and may leave after any purchase, the first included.

Rates are Gamma(r, α) and chances of leaving Beta(a, b) distributed (Batislam, Denizel, Filiztekin 2007; Hoppe and
Wagner 2007). x is the number of purchase days after the first, t_x the time from the first to the last of them and
`age` (T) the time since the first; all in one unit of time, to which α and the results belong.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.forecasting.arrays import Floats
from shared.forecasting.optimise import Function, minimise_over_rows
from shared.forecasting.special import beta_nodes, digamma, log_gamma

# Nine digits for horizons up to ten times as long as α + T, six for most that are longer.
_NODES: Final = 32
_CHUNK: Final = 4096
_WIDEST: Final = 1e4
# e to this is as good as certain, and no overflow.
_MAX_LOG: Final = 700.0
# Chances of leaving below it are as good as none, and still leave digits to τ times them.
_LEAST: Final = 1e-200


@dataclass(frozen=True, slots=True, kw_only=True)
class MbgNbd:
    """Fitted parameters, all > 0; `at_edge` where the fit ran to the end of its range, so that they say little."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    at_edge: bool

    def p_alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """The chance, 0 to 1, that each of n customers has not left."""
        log_odds = np.log(self.a) - np.log(self.b + x) + (self.r + x) * np.log((self.alpha + age) / (self.alpha + t_x))
        alive: Floats = 1 / (1 + np.exp(np.minimum(log_odds, _MAX_LOG)))
        return alive

    def p_buy(self, x: Floats, t_x: Floats, age: Floats, time: float) -> Floats:
        """The chance, 0 to 1, of at least one purchase in the next `time`."""
        shrink = np.log1p(time / (self.alpha + age))
        chance: Floats = self.p_alive(x, t_x, age) * -np.expm1(-(self.r + x) * shrink)
        return chance

    def expected(self, x: Floats, t_x: Floats, age: Floats, time: float) -> Floats:
        """Purchase days to expect in the next `time`, ≥ 0.

        A customer who is alive has p ~ Beta(a, b+x+1), and given p (1 − (1+pτ)^−(r+x)) / p purchases are to come with
        τ = time / (α+T); the mean over p is taken by Gauss-Jacobi quadrature.
        """
        values, index = np.unique(x, return_inverse=True)
        nodes, weights = beta_nodes(self.a, self.b + values + 1, _NODES)
        result = np.empty(x.size)
        for start in range(0, x.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            power = (self.r + x[part])[:, None]
            tau = (time / (self.alpha + age[part]))[:, None]
            p = np.maximum(nodes[index[part]], _LEAST)
            # At p → 0 this is power · τ; expm1 and log1p keep it exact on the way there.
            result[part] = np.einsum("ij,ij->i", weights[index[part]], -np.expm1(-power * np.log1p(p * tau)) / p)
        return self.p_alive(x, t_x, age) * result


def fit(x: Floats, t_x: Floats, age: Floats, weight: Floats) -> MbgNbd | None:
    """The most likely parameters for distinct rows, each of `weight` customers; None where there is no likelihood.

    Speed comes from the rows being distinct; nothing else asks for it.
    """
    total = float(weight.sum())
    if total <= 0:
        return None
    unit = max(float(weight @ age) / total, 1e-3)
    wide = np.log(_WIDEST)
    centre = np.array([0.0, np.log(unit), 0.0, 0.0])
    starts = [centre + np.array(shift) for shift in ((-0.5, -0.5, 0, 0.5), (1.5, 1, -1.5, 1), (-1.5, -2, 1, -1))]
    box = centre - wide, centre + wide
    minimum = minimise_over_rows(_loss, (x, t_x, age), weight, starts, *box)
    if not np.isfinite(minimum.value):
        return None
    r, alpha, a, b = (float(value) for value in np.exp(minimum.point))
    return MbgNbd(r=r, alpha=alpha, a=a, b=b, log_likelihood=-minimum.value * total, at_edge=minimum.at_edge)


def _loss(x: Floats, t_x: Floats, age: Floats, weight: Floats) -> Function:
    """Less the mean of the logarithm of the likelihood, by the logarithms of the parameters."""
    total = float(weight.sum())
    values, index = np.unique(x, return_inverse=True)
    shares = np.bincount(index, weight) / total
    w = weight / total

    def loss(logs: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(logs)
        k = r + x
        now, then = np.log(alpha + age), np.log(alpha + t_x)
        log_odds = np.log(a) - np.log(b + x) + k * (now - then)
        gone = 1 / (1 + np.exp(np.clip(-log_odds, -_MAX_LOG, _MAX_LOG)))
        gammas = (
            _log_gamma_ratio(r, values)
            + _log_gamma_ratio(b, values + 1)
            - _log_gamma_ratio(a + b, values + 1)
            + r * logs[1]
        )
        value = shares @ gammas + w @ (np.logaddexp(0, log_odds) - k * now)
        both = _digamma_gap(a + b, values + 1)
        gradient = np.array(
            [
                shares @ _digamma_gap(r, values) + logs[1] + w @ (gone * (now - then) - now),
                r / alpha + w @ (k * (gone * (1 / (alpha + age) - 1 / (alpha + t_x)) - 1 / (alpha + age))),
                w @ gone / a - shares @ both,
                shares @ (_digamma_gap(b, values + 1) - both) - w @ (gone / (b + x)),
            ]
        )
        return -float(value), -gradient * np.exp(logs)

    return loss


def _log_gamma_ratio(z: float, more: Floats) -> Floats:
    """ln Γ(z + more) − ln Γ(z)."""
    return log_gamma(z + more) - log_gamma(np.array([z]))


def _digamma_gap(z: float, more: Floats) -> Floats:
    """ψ(z + more) − ψ(z)."""
    return digamma(z + more) - digamma(np.array([z]))
