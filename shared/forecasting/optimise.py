"""The least value of a smooth function of a few numbers within a box: BFGS, and where it fails Nelder and Mead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from shared.forecasting.arrays import Floats, sample

Function = Callable[[Floats], tuple[float, Floats]]
"""The value at a point and its gradient there; values that are not finite count as infinitely bad."""

# So many customers say where to look for what all say; and whether there is an end to look for.
_SAMPLE: Final = 3000
_MAX_HALVINGS: Final = 20
_MAX_MOVES: Final = 150
_IDLE_STEPS: Final = 5
_ARMIJO: Final = 1e-4
# The farthest a first step goes: a factor of e where the numbers are logarithms.
_FIRST_STEP: Final = 1.0
_LONGEST_STEP: Final = 4.0
_EDGE: Final = 1e-3
_SPREAD: Final = 0.5
_SMALL_SIMPLEX: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where the search ended: `value` is infinite where no start had a finite value; `at_edge` says whether the point
    lies on the box. `inverse` is what was learnt of the inverse of the second derivatives, if anything."""

    point: Floats
    value: float
    converged: bool
    at_edge: bool
    inverse: Floats | None = None


@dataclass(frozen=True, slots=True)
class _Effort:
    """A search ends after so many values of the function, at a slope below `gradient`, or when _IDLE_STEPS in a row
    gained less than the part `progress` of the value: on a ridge without a top there is always a little more."""

    evaluations: int
    gradient: float
    progress: float


# What has an end takes some thirty values.
_FULL: Final = _Effort(200, 1e-7, 1e-10)
_ROUGH: Final = _Effort(200, 1e-4, 1e-7)
# From the end of a rough search: most take ten.
_REST: Final = _Effort(30, 1e-7, 1e-10)
_LOOK: Final = _Effort(15, 1e-7, 1e-10)


def minimise_over_rows(
    loss_of: Callable[..., Function],
    columns: Sequence[Floats],
    weight: Floats,
    starts: Sequence[Floats],
    lower: Floats,
    upper: Floats,
) -> Minimum:
    """The least value of `loss_of(*columns, weight)`, a mean over rows; with many rows, by way of a sample of them."""
    full, some = loss_of(*columns, weight), sample(weight, _SAMPLE)
    if some is None:
        return minimise(full, starts, lower, upper)
    kept, thinned = some
    return _minimise_by_part(full, loss_of(*(column[kept] for column in columns), thinned), starts, lower, upper)


def _minimise_by_part(
    full: Function, part: Function, starts: Sequence[Floats], lower: Floats, upper: Floats
) -> Minimum:
    """The least value of `full`, sought from that of `part`, which is like it and cheaper: a mean over a sample.

    Where the part ends on the box, a short search shows whether that of the full function does not; what has no end
    then counts as being on the box, for it runs there slowly.
    """
    rough = minimise(part, starts, lower, upper, _ROUGH)
    minimum = _bfgs(full, rough.point, lower, upper, _LOOK if rough.at_edge else _REST, rough.inverse)
    if not np.isfinite(minimum.value):
        return minimise(full, starts, lower, upper)
    return replace(minimum, at_edge=minimum.at_edge or not minimum.converged)


def minimise(
    function: Function, starts: Sequence[Floats], lower: Floats, upper: Floats, effort: _Effort = _FULL
) -> Minimum:
    """The best end of a search from the first start; the others are tried where that is on the box or unfinished."""
    best: Minimum | None = None
    for start in starts:
        minimum = _from(function, np.clip(start, lower, upper), lower, upper, effort)
        # Later starts have to be better by more than rounding.
        if best is None or minimum.value < best.value - 1e-9 * (1 + abs(minimum.value)):
            best = minimum
        if best.converged and not best.at_edge:
            break
    if best is None:
        raise ValueError("starts: want one at least")
    return best


def _from(function: Function, start: Floats, lower: Floats, upper: Floats, effort: _Effort) -> Minimum:
    minimum = _bfgs(function, start, lower, upper, effort)
    if minimum.converged or minimum.at_edge or not np.isfinite(minimum.value):
        return minimum
    rough = _nelder_mead(function, minimum.point, lower, upper)
    again = _bfgs(function, rough, lower, upper, effort)
    return again if again.value <= minimum.value else minimum


def _evaluate(function: Function, point: Floats) -> tuple[float, Floats]:
    with np.errstate(all="ignore"):
        value, gradient = function(point)
    if not np.isfinite(value) or not np.all(np.isfinite(gradient)):
        return np.inf, np.zeros_like(point)
    return value, gradient


def _bfgs(
    function: Function,
    start: Floats,
    lower: Floats,
    upper: Floats,
    effort: _Effort,
    inverse: Floats | None = None,
) -> Minimum:
    """BFGS on the coordinates that are free: not at a bound beyond which the function falls."""
    point = start
    value, gradient = _evaluate(function, point)
    size = point.size
    converged = False
    stalls = 0
    evaluations = 1
    while evaluations < effort.evaluations and np.isfinite(value):
        free = ~(((point <= lower) & (gradient > 0)) | ((point >= upper) & (gradient < 0)))
        slope = np.where(free, gradient, 0.0)
        if np.abs(slope).max() < effort.gradient:
            converged = True
            break
        if inverse is None:
            direction = -slope * min(1.0, _FIRST_STEP / float(np.abs(slope).max()))
        else:
            direction = np.where(free, -(inverse @ slope), 0.0)
            if direction @ slope >= 0:
                inverse, direction = None, -slope * min(1.0, _FIRST_STEP / float(np.abs(slope).max()))
        direction = direction * min(1.0, _LONGEST_STEP / float(np.abs(direction).max()))
        length = 1.0
        for _ in range(_MAX_HALVINGS):
            candidate = np.clip(point + length * direction, lower, upper)
            trial, trial_gradient = _evaluate(function, candidate)
            evaluations += 1
            if trial <= value + _ARMIJO * float(slope @ (candidate - point)):
                break
            length /= 2
        else:
            if inverse is None:
                # Not even steepest descent gets lower: what is left of the slope is rounding.
                converged = bool(np.abs(slope).max() < np.sqrt(effort.gradient))
                break
            inverse = None
            continue
        moved, turned = candidate - point, trial_gradient - gradient
        gained = value - trial
        point, value, gradient = candidate, trial, trial_gradient
        curvature = float(moved @ turned)
        if curvature > 1e-12 * float(turned @ turned) and curvature > 0:
            if inverse is None:
                inverse = np.eye(size) * (curvature / float(turned @ turned))
            across = np.eye(size) - np.outer(moved, turned) / curvature
            inverse = across @ inverse @ across.T + np.outer(moved, moved) / curvature
        stalls = stalls + 1 if gained <= effort.progress * (1 + abs(value)) else 0
        if stalls >= _IDLE_STEPS:
            converged = True
            break
    at_edge = bool(np.any((point <= lower + _EDGE) | (point >= upper - _EDGE)))
    return Minimum(point, value, converged, at_edge, inverse)


def _nelder_mead(function: Function, start: Floats, lower: Floats, upper: Floats) -> Floats:
    """The best corner of a simplex that walks downhill (Nelder and Mead 1965), clipped to the box."""
    size = start.size
    corners = [start, *(start + _SPREAD * np.eye(size)[i] for i in range(size))]
    ranked = [(_evaluate(function, np.clip(corner, lower, upper))[0], corner) for corner in corners]
    for _ in range(_MAX_MOVES):
        ranked.sort(key=lambda corner: corner[0])
        best, worst = ranked[0], ranked[-1]
        if max(float(np.abs(corner - best[1]).max()) for _, corner in ranked) < _SMALL_SIMPLEX:
            break
        centre = np.mean([corner for _, corner in ranked[:-1]], axis=0)

        def at(factor: float, centre: Floats = centre, worst: Floats = worst[1]) -> tuple[float, Floats]:
            corner = np.clip(centre + factor * (centre - worst), lower, upper)
            return _evaluate(function, corner)[0], corner

        reflected = at(1.0)
        if reflected[0] < best[0]:
            expanded = at(2.0)
            ranked[-1] = min(reflected, expanded, key=lambda corner: corner[0])
        elif reflected[0] < ranked[-2][0]:
            ranked[-1] = reflected
        else:
            contracted = at(0.5 if reflected[0] < worst[0] else -0.5)
            if contracted[0] < min(reflected[0], worst[0]):
                ranked[-1] = contracted
            else:
                shrunk = [(best[1] + corner) / 2 for _, corner in ranked[1:]]
                ranked[1:] = [(_evaluate(function, corner)[0], corner) for corner in shrunk]
    end: Floats = np.clip(min(ranked, key=lambda corner: corner[0])[1], lower, upper)
    return end
