"""Bonuses: points for other things than orders, each given once for what it is given for."""

from datetime import date, datetime
from typing import Final

from shared.core.shop_time import ShopTime
from shared.customers.customer import Customer
from shared.loyalty import points
from shared.loyalty import program as loyalty
from shared.loyalty.points import Account, Posting
from shared.loyalty.program import Bonus, Program

ONCE: Final = "ONCE"
# For how many days after a birthday a night that was missed is made up for.
BIRTHDAY_DAYS_LATE: Final = 14


def give(
    account: Account,
    bonus: Bonus,
    period: str,
    program: Program,
    time: ShopTime,
    occurred_at: datetime | None = None,
    worth: int | None = None,
) -> Posting:
    """Give a bonus, active at once; the same one for the same `period` (ONCE, a year, a survey) again gives nothing.

    The account knows the last period of each bonus. Where periods may come again after others (surveys), the time of
    what it is given for, as `occurred_at`, makes the fact's key the same again. `worth` takes the place of the
    programme's points, where what it is given for has its own.
    """
    return points.earn(
        account,
        loyalty.granted(program.bonuses.get(bonus, 0) if worth is None else worth, program, time.today, pending=False),
        program,
        fact_id=f"{bonus}/{period}",
        occurred_at=occurred_at or time.now,
        time=time,
        data={"source": bonus},
        once=(bonus, period),
    )


def for_birthday(account: Account, birthday: date, program: Program, time: ShopTime) -> Posting:
    """The bonus for a birthday that is today or was a few days ago, if it has not been given."""
    kept = loyalty.birthday_since(birthday, time.today, BIRTHDAY_DAYS_LATE)
    if kept is None:
        return Posting(account)
    return give(account, Bonus.BIRTHDAY, str(kept.year), program, time)


def profile_is_complete(customer: Customer) -> bool:
    """Whether the shop knows their name, their phone number and their birthday."""
    contact = customer.contact
    return bool(contact.name and contact.phone and contact.birthday)
