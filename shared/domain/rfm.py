"""RFM: recency, frequency and monetary value scored 1 to 5 against all customers, and the segment that follows.

A score is 1 + ⌊5 · (customers strictly worse) / N⌋ over the N customers who have bought: equals score equal,
and the order of rows changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

SCORES: Final = 5
PROSPECTS: Final = "Prospects"

# The eleven segments as a partition of the 125 codes RFM; the list as published by Squeezely.
_CODES: Final = {
    "Champions": "445 454 455 544 545 554 555",
    "Loyal Customers": "335 344 345 354 355 435 444 543",
    "Potential Loyalists": (
        "323 333 341 342 351 352 353 423 431 432 433 441 442 451 452 453 531 532 533 541 542 551 552 553"
    ),
    "New Customers": "311 411 412 421 422 511 512",
    "Promising": "313 314 315 413 414 415 424 425 513 514 515 521 522 523 524 525",
    "Need Attention": "324 325 334 343 434 443 534 535",
    "About To Sleep": "213 221 231 241 251 312 321 331",
    "Can't Lose Them": "113 114 115 144 154 155 214 215",
    "At Risk": "124 125 133 134 135 142 143 145 152 153 224 225 234 235 242 243 244 245 252 253 254 255",
    "Hibernating": "122 123 132 211 212 222 223 232 233 322 332",
    "Lost": "111 112 121 131 141 151",
}

SEGMENTS: Final = (*_CODES, PROSPECTS)
_SEGMENT_OF: Final = {code: name for name, codes in _CODES.items() for code in codes.split()}


@dataclass(frozen=True, slots=True)
class Score:
    """The result of a rescoring: `r`, `f`, `m` are 1 (worst) to 5, None for a prospect; `scored_on` the shop's day."""

    segment: str
    r: int | None
    f: int | None
    m: int | None
    scored_on: date | None = None

    def same_as(self, other: "Score | None") -> bool:
        """Whether both say the same, whenever they were found."""
        return other is not None and (self.segment, self.r, self.f, self.m) == (
            other.segment,
            other.r,
            other.f,
            other.m,
        )


Cuts = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """For each dimension the least goodness that scores 2, 3, 4 and 5; None where nobody scores that.

    Goodness grows with what is better: minus the days of recency, orders, minor units.
    """

    recency: Cuts
    frequency: Cuts
    monetary: Cuts


def cuts(counts: Mapping[int, int]) -> Cuts:
    """The least goodness per score, from how many customers have which goodness."""
    total = sum(counts.values())
    least: list[int | None] = [None] * (SCORES - 1)
    worse = 0
    for goodness in sorted(counts):
        score = 1 + SCORES * worse // total
        for higher in range(2, score + 1):
            if least[higher - 2] is None:
                least[higher - 2] = goodness
        worse += counts[goodness]
    return tuple(least)


def score(goodness: int, least: Cuts) -> int:
    """The score, 1 to 5, of a goodness."""
    return 1 + sum(1 for cut in least if cut is not None and goodness >= cut)


def segment(r: int, f: int, m: int) -> str:
    """The segment of a code; every one of the 125 codes has exactly one."""
    return _SEGMENT_OF[f"{r}{f}{m}"]
