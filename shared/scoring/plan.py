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

    `as_of` is the day scored for, `customers` about how many there are. Where it `fits`, `sample` in DRAWN_OF
    customers are drawn. `unfinished` are rescorings that never came to their end and when they began: facts of their
    moves may be missing.
    """

    rescoring_id: str
    started_at: datetime
    as_of: date
    customers: int
    total_segments: int
    fits: bool
    sample: int
    unfinished: Mapping[str, datetime]


def check_day(as_of: date, today: date, *, has_orders: bool) -> None:
    """Raises Invalid for a day to come, and where nobody `has_orders` until that day: nothing could be scored."""
    if as_of > today:
        raise Invalid(
            f"as_of: want a day until today, {today}; a score for a day to come would say that all have lapsed"
        )
    if not has_orders:
        raise Invalid(f"as_of: nobody had ordered by {as_of}; all would lose their scores")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The fit that the models in use are of: for which day, of how many customers in all, and buyers among them."""

    fitted_on: date
    customers: int = 0
    buyers: int = 0


def is_fit_due(as_of: date, last: Fit | None, customers: int, buyers: int) -> bool:
    """Whether models are fitted for a day: once a week, and where the shop is no longer that of the `last` fit.

    `customers` are about as many as there are now, `buyers` those of the last rescoring. A model that saw nobody, as
    before the first import, or half of today's shop at most, is of no use until the week is over.
    """
    if last is None or last.buyers == 0:
        return True
    has_doubled = customers >= 2 * last.customers or buyers >= 2 * last.buyers
    return has_doubled or abs((as_of - last.fitted_on).days) >= FIT_EVERY_DAYS


def sample_of(customers: int) -> int:
    """How many in DRAWN_OF of so many customers are drawn for a fit."""
    return min(DRAWN_OF, DRAWN_OF * CUSTOMERS_IN_FIT // max(customers, 1) + 1)
