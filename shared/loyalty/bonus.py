"""Bonuses: points for other events than orders, each given once per event."""

from datetime import date, datetime
from typing import Final

from shared.core.shop_time import ShopTime
from shared.customers.customer import Customer
from shared.loyalty import points
from shared.loyalty.points import Account, Posting
from shared.loyalty.program import Bonus, Program, birthday_since, granted

ONCE: Final = "ONCE"
# For how many days after a birthday its bonus is still given, where nights were missed.
BIRTHDAY_DAYS_LATE: Final = 14
# What anybody can earn who has a mailbox: it stays pending, so that it cannot be spent and left at once.
OF_SIGNUP: Final = frozenset({Bonus.SIGNUP_CONFIRMED, Bonus.PROFILE_COMPLETED})


def give(
    account: Account,
    bonus: Bonus,
    period: str,
    program: Program,
    time: ShopTime,
    occurred_at: datetime | None = None,
    worth: int | None = None,
) -> Posting:
    """Give a bonus; the same bonus for the same `period` (ONCE, a year, a survey) is given once.

    It is active at once; those of signing up stay pending as long as an order's points. The account knows the last
    period of each bonus. Where periods may come again after others (surveys), the time of the event, as `occurred_at`,
    makes the fact's key the same again. `worth` are the points where the event has points of its own, in place of the
    programme's.
    """
    worth = program.bonuses.get(bonus, 0) if worth is None else worth
    return points.earn(
        account,
        granted(worth, program, time.today, pending=bonus in OF_SIGNUP),
        program,
        fact_id=f"{bonus}/{period}",
        occurred_at=occurred_at or time.now,
        time=time,
        data={"source": bonus},
        once=(bonus, period),
    )


def for_birthday(account: Account, birthday: date, program: Program, time: ShopTime) -> Posting:
    """The bonus for a birthday that is today or was a few days ago, if it has not been given."""
    birthday_on = birthday_since(birthday, time.today, BIRTHDAY_DAYS_LATE)
    if birthday_on is None:
        return Posting(account)
    return give(account, Bonus.BIRTHDAY, str(birthday_on.year), program, time)


def profile_is_complete(customer: Customer) -> bool:
    """Whether the shop knows their name, their phone number and their birthday."""
    contact = customer.contact
    return bool(contact.name and contact.phone and contact.birthday)
