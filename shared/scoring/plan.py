"""The plan of a rescoring: for which day, in how many segments, and whether its models are fitted anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from shared.core.errors import Invalid

# What one function scans, and at the very first run writes, well within its fifteen minutes.
CUSTOMERS_PER_SEGMENT: Final = 100_000
MIN_SEGMENTS: Final = 4
# What all of them answer has to fit into the 256 KB of a state, even where it is thrown away.
MAX_SEGMENTS: Final = 5_000
FIT_EVERY_DAYS: Final = 7
# What a fit gains by more customers than these is less than it forgets from one week to the next.
CUSTOMERS_IN_FIT: Final = 100_000
# Customers are drawn for a fit by a hash of their id, so many in these: the same customers in however many segments.
DRAWN_OF: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A rescoring as its steps hand it on.

    `as_of` is the day scored for. Where it `fits`, `sample` in DRAWN_OF customers are drawn. `unfinished` are
    rescorings that never came to their end and when they began: facts of their moves may be missing.
    """

    rescoring_id: str
    started_at: datetime
    as_of: date
    total_segments: int
    fits: bool
    sample: int
    unfinished: Mapping[str, datetime]


def check_day(as_of: date | None, today: date) -> None:
    """Raises Invalid for a day to come."""
    if as_of and as_of > today:
        raise Invalid(
            f"as_of: want a day until today, {today}; a score for a day to come would say that all have lapsed"
        )


def is_fit_due(as_of: date, fitted_on: date | None) -> bool:
    """Whether models are fitted for a day; `fitted_on` is for which day those in use were, None without any."""
    return fitted_on is None or abs((as_of - fitted_on).days) >= FIT_EVERY_DAYS


def sample_of(customers: int) -> int:
    """How many in DRAWN_OF of so many customers are drawn for a fit."""
    return min(DRAWN_OF, DRAWN_OF * CUSTOMERS_IN_FIT // max(customers, 1) + 1)
