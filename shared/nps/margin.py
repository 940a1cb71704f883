"""NPS: the group of an answer, the score of many answers with its margin, and when two scores differ."""

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Final

from shared.core.errors import Invalid

MAX_SCORE: Final = 10
# Fewer answers have counts and no score: one detractor turned promoter would move it by more than twenty points.
MIN_ANSWERS: Final = 10
_FIRST_PASSIVE: Final = 7
_FIRST_PROMOTER: Final = 9
_PERCENT: Final = 100
# The normal distribution holds 95 % of its mass within so many standard errors.
_Z_95: Final = 1.96
# The adjusted Wald interval adds three answers, so many of them at each end.
_ADDED_ANSWERS: Final = 3
_ADDED_AT_EACH_END: Final = 0.75

Histogram = tuple[int, ...]
"""Answers by score: eleven counts, from the score 0 to the score 10. Histograms of parts `add` up to that of all."""

EMPTY: Final[Histogram] = (0,) * (MAX_SCORE + 1)


class Group(StrEnum):
    """The customers by their answer: 9 and 10 is a promoter's, 7 and 8 a passive's, 0 to 6 a detractor's."""

    PROMOTER = "PROMOTER"
    PASSIVE = "PASSIVE"
    DETRACTOR = "DETRACTOR"


def group_of(score: int) -> Group:
    """The group of a score; raises Invalid for whatever is not an integer of 0 to 10 (8.0 and True are not)."""
    if type(score) is not int or not 0 <= score <= MAX_SCORE:
        raise Invalid(f"score: want an integer from 0 to {MAX_SCORE}")
    if score >= _FIRST_PROMOTER:
        return Group.PROMOTER
    return Group.PASSIVE if score >= _FIRST_PASSIVE else Group.DETRACTOR


def add(first: Histogram, second: Histogram) -> Histogram:
    """The answers of both."""
    return tuple(a + b for a, b in zip(first, second, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Nps:
    """A net promoter score: `n` answers, how many of each group, and what follows.

    `nps` is -100 to 100 and `margin`, in the same points, half the width of its 95 % interval; unrounded. Both
    are None below MIN_ANSWERS, as the shares are: then there are only counts. A margin of 0 says that all answers
    fell into the same group, not that the next has to.
    """

    n: int
    promoters: int
    passives: int
    detractors: int
    nps: float | None
    margin: float | None

    @property
    def promoter_share(self) -> float | None:
        """Promoters among the answers, 0 to 1."""
        return self._share(self.promoters)

    @property
    def passive_share(self) -> float | None:
        """Passives among the answers, 0 to 1."""
        return self._share(self.passives)

    @property
    def detractor_share(self) -> float | None:
        """Detractors among the answers, 0 to 1."""
        return self._share(self.detractors)

    def _share(self, count: int) -> float | None:
        return None if self.nps is None else count / self.n


def measure(histogram: Histogram) -> Nps:
    """The score of a histogram: NPS = 100(p − d) with the margin 1.96 · 100 · √((p + d − (p − d)²) / n).

    p and d are the shares of promoters and detractors among n answers; the margin is the standard error of the
    mean of answers that count 1, 0 and -1. Raises Invalid for what is not eleven counts.
    """
    if len(histogram) != len(EMPTY) or min(histogram) < 0:
        raise Invalid(f"histogram: want {len(EMPTY)} counts")
    promoters = sum(histogram[_FIRST_PROMOTER:])
    detractors = sum(histogram[:_FIRST_PASSIVE])
    n = sum(histogram)
    enough = n >= MIN_ANSWERS
    return Nps(
        n=n,
        promoters=promoters,
        passives=n - promoters - detractors,
        detractors=detractors,
        nps=_PERCENT * (promoters - detractors) / n if enough else None,
        margin=_margin(promoters, detractors, n) if enough else None,
    )


def response_rate(answered: int, invited: int) -> float | None:
    """The share of invitations that were answered; None where nobody was invited.

    0 to 1 where both are counted by the day of the invitation; answers to invitations that are not counted raise
    it, and may raise it above 1. Raises Invalid for negative counts.
    """
    if answered < 0 or invited < 0:
        raise Invalid("response rate: want counts")
    return answered / invited if invited else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From one score to another: `difference` and `margin` in NPS points (-200 to 200), `significant` where the
    difference exceeds the margin, and only then a change to speak of."""

    difference: float
    margin: float
    significant: bool


def change(now: Nps, before: Nps) -> Change | None:
    """The change since `before`, with the margin √(m₁² + m₂²); None where either has too few answers for a score.

    A margin of 0 (all answers in one group) would make any difference to it certain: ten promoters of ten would
    be a change against seven of ten and three passives, which chance alone brings about one time in five. In its
    place such a score brings the margin of the adjusted Wald interval, which adds ¾ promoter, ¾ detractor and
    1½ passives (Rocks, Interval Estimation for the Net Promoter Score, The American Statistician 70, 2016): 29 points
    for ten promoters of ten, 4 for a hundred. Scores with a margin of their own keep it.
    """
    if now.nps is None or before.nps is None:
        return None
    difference = now.nps - before.nps
    margin = sqrt(_margin_to_compare(now) ** 2 + _margin_to_compare(before) ** 2)
    return Change(difference=difference, margin=margin, significant=abs(difference) > margin)


def _margin(promoters: float, detractors: float, n: float) -> float:
    # In whole counts the variance of equal answers is exactly 0; in shares it might miss it, and fall below.
    return _Z_95 * _PERCENT * sqrt((n * (promoters + detractors) - (promoters - detractors) ** 2) / n**3)


def _margin_to_compare(score: Nps) -> float:
    return score.margin or _margin(
        score.promoters + _ADDED_AT_EACH_END, score.detractors + _ADDED_AT_EACH_END, score.n + _ADDED_ANSWERS
    )
