"""Special functions and quadrature for arrays: ln Γ, ψ, Gauss-Jacobi nodes, and integrals of two powers."""

from itertools import pairwise
from typing import Final

import numpy as np

from shared.forecasting.arrays import Floats

# From here on the asymptotic series below are exact to some 13 digits.
_SHIFT: Final = 8
_HALF_LOG_2PI: Final = 0.5 * float(np.log(2 * np.pi))
# B₂ₖ / (2k(2k−1)) and B₂ₖ / 2k of the series of ln Γ and ψ (Abramowitz & Stegun 6.1.41 and 6.3.18).
_LOG_GAMMA_SERIES: Final = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
_DIGAMMA_SERIES: Final = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760)

# Where the integrand has fallen by up to e⁻⁸ and e⁻⁶⁴; nodes in each of the three panels these bound.
_PANEL_ENDS: Final = (8.0, 64.0)
_NODES: Final = 16
# Rows per turn: what they need fits into a core's cache.
_CHUNK: Final = 2048


def log_gamma(z: Floats) -> Floats:
    """ln Γ(z) of each z > 0; absolute error below 1e-12 for z < 1e4, relative error below 1e-14 above."""
    large = z + _SHIFT
    product = z.copy()
    for k in range(1, _SHIFT):
        product = product * (z + k)
    inverse = 1 / large
    square = inverse * inverse
    tail = np.zeros_like(z)
    for coefficient in reversed(_LOG_GAMMA_SERIES):
        tail = tail * square + coefficient
    return (large - 0.5) * np.log(large) - large + _HALF_LOG_2PI + tail * inverse - np.log(product)


def digamma(z: Floats) -> Floats:
    """ψ(z), the derivative of ln Γ, of each z > 0; absolute error below 1e-12 relative to 1 + 1/z."""
    large = z + _SHIFT
    inverse = 1 / large
    square = inverse * inverse
    tail = np.zeros_like(z)
    for coefficient in reversed(_DIGAMMA_SERIES):
        tail = tail * square + coefficient
    result: Floats = np.log(large) - 0.5 * inverse - tail * square
    for k in range(_SHIFT):
        result = result - 1 / (z + k)
    return result


def beta_nodes(a: float, b: Floats, count: int) -> tuple[Floats, Floats]:
    """Nodes in (0, 1) and weights that sum to 1, both [k, count], for means over Beta(a, b) of each of the k b's.

    Exact for polynomials up to the degree 2·count − 1 (Golub and Welsch 1969: the eigenvalues of the Jacobi matrix
    of the recurrence of the Jacobi polynomials). Any a > 0 and b > 0.
    """
    # In the usual names the weight is (1−z)^(b−1) (1+z)^(a−1) on [−1, 1], z = 2p − 1.
    alpha, beta = b[:, None] - 1, a - 1
    n = np.arange(1, count, dtype=np.float64)[None, :]
    both = alpha + beta
    turn = 2 * n + both
    diagonal = np.empty((b.size, count))
    diagonal[:, :1] = (beta - alpha) / (both + 2)
    diagonal[:, 1:] = (beta * beta - alpha * alpha) / (turn * (turn + 2))
    # n = 1 apart: there n + alpha + beta and turn − 1 cancel, and both may be 0.
    ratio = np.ones_like(turn)
    ratio[:, 1:] = ((n + both) / (turn - 1))[:, 1:]
    off = np.sqrt(4 * n * (n + alpha) * (n + beta) * ratio / (turn * turn * (turn + 1)))
    matrix = np.zeros((b.size, count, count))
    index = np.arange(count)
    matrix[:, index, index] = diagonal
    matrix[:, index[1:], index[:-1]] = off
    values, vectors = np.linalg.eigh(matrix)
    weights = vectors[:, 0, :] ** 2
    return np.clip((values + 1) / 2, 0, 1), weights


class PowerIntegral:
    """∫ (α+u)^−k (β+u)^−m du from `low` to `high`, row by row, with means over u under this integrand.

    `log_value` [n] is the logarithm of the integral, −inf where low = high. With `means`, `log_alpha`, `log_beta`,
    `inverse_alpha` and `inverse_beta` [n] are the means of ln(α+u), ln(β+u), 1/(α+u) and 1/(β+u); else they are empty.

    With c = min(α, β) and v = ln((c+u)/(c+low)) the logarithm of the integrand changes by at most K = k + m per unit
    of v, so Gauss-Legendre on [0, 8/K], [8/K, 64/K] and the rest is exact to some ten digits whatever the powers.
    Nothing but 0 ≤ low ≤ high, 0 < α, β, and k + m > 0 is asked for.
    """

    __slots__ = ("inverse_alpha", "inverse_beta", "log_alpha", "log_beta", "log_value")

    def __init__(
        self, alpha: float, k: Floats, beta: float, m: float, low: Floats, high: Floats, *, means: bool = False
    ) -> None:
        n = low.size
        self.log_value = np.empty(n)
        kept = n if means else 0
        self.log_alpha, self.log_beta = np.empty(kept), np.empty(kept)
        self.inverse_alpha, self.inverse_beta = np.empty(kept), np.empty(kept)
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        nodes, weights = (nodes + 1) / 2, weights / 2
        least, gap = min(alpha, beta), abs(alpha - beta)
        for start in range(0, n, _CHUNK):
            part = slice(start, start + _CHUNK)
            base = (least + low[part])[:, None]
            total = np.log1p((high[part] - low[part])[:, None] / base)
            steep = k[part][:, None] + m
            ends = [np.zeros_like(total), *(np.minimum(end / steep, total) for end in _PANEL_ENDS), total]
            v = np.concatenate([a + (b - a) * nodes for a, b in pairwise(ends)], axis=1)
            w = np.concatenate([(b - a) * weights for a, b in pairwise(ends)], axis=1)
            near = base * np.exp(v)  # c + u, and du = (c + u) dv
            far = near + gap
            log_near, log_far = np.log(base) + v, np.log(far)
            log_a, log_b = (log_near, log_far) if alpha <= beta else (log_far, log_near)
            exponent = log_near - k[part][:, None] * log_a - m * log_b
            top = exponent.max(axis=1, keepdims=True)
            mass = np.exp(exponent - top) * w
            sums = mass.sum(axis=1)
            with np.errstate(divide="ignore"):
                self.log_value[part] = np.log(sums) + top[:, 0]
            if means:
                share = mass / np.maximum(sums, np.finfo(np.float64).tiny)[:, None]
                a, b = (near, far) if alpha <= beta else (far, near)
                self.log_alpha[part] = np.einsum("ij,ij->i", share, log_a)
                self.log_beta[part] = np.einsum("ij,ij->i", share, log_b)
                self.inverse_alpha[part] = np.einsum("ij,ij->i", share, 1 / a)
                self.inverse_beta[part] = np.einsum("ij,ij->i", share, 1 / b)
