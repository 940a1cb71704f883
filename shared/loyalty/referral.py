"""Referrals: a customer's code, a friend who signs up with it, and the friend's first purchase that rewards both."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from shared.core.facts import Fact
from shared.customers.customer import Customer
from shared.loyalty import points
from shared.loyalty import program as loyalty
from shared.loyalty.facts import POINTS_EARNED
from shared.loyalty.points import Account, Posting
from shared.loyalty.program import Bonus, Program
from shared.scorecards.scorecard import Scorecard

# Providers that deliver mail for ada.lovelace@ to adalovelace@.
_DOTS_DO_NOT_COUNT: Final = frozenset({"gmail.com", "googlemail.com"})


def same_mailbox(email: str) -> str:
    """The address without what its owner may vary: what follows a plus sign, and at Gmail the dots."""
    local, _, domain = email.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _DOTS_DO_NOT_COUNT:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def normalise_code(text: str) -> str:
    """A code as people type it."""
    return text.strip().upper()


def is_earned(friend: Customer, card: Scorecard | None, referrer: Customer, zone: tzinfo) -> bool:
    """Whether the friend has made her first purchase after she was referred, and is not the referrer herself."""
    if friend.email is None or friend.referred_at is None or friend.customer_id == referrer.customer_id:
        return False
    if referrer.email and same_mailbox(friend.email) == same_mailbox(referrer.email):
        return False
    if card is None or card.orders < 1 or card.first_order_on is None:
        return False
    return card.first_order_on >= friend.referred_at.astimezone(zone).date()


def reward(
    friend: Account, referrer: Account, time: int, program: Program, now: datetime, zone: tzinfo
) -> tuple[Posting, Posting]:
    """What both earn: pending like an order, for the purchase may yet go back; `time` numbers the friend's tries."""
    today = now.astimezone(zone).date()

    def give(account: Account, bonus: Bonus, other: Account, fact_id: str) -> Posting:
        earning = loyalty.granted(program.bonuses.get(bonus, 0), program, today, pending=True)
        data = {"source": bonus, "about": other.customer_id}
        return points.earn(account, earning, program, fact_id=fact_id, occurred_at=now, now=now, zone=zone, data=data)

    return (
        give(friend, Bonus.REFERRED, referrer, f"{Bonus.REFERRED}/{time}"),
        give(referrer, Bonus.REFERRAL, friend, f"{Bonus.REFERRAL}/{friend.customer_id}/{time}"),
    )


def earned_fact(posting: Posting) -> Fact | None:
    """The fact of what was earned, if anything was."""
    return next((fact for fact in posting.facts if fact.type == POINTS_EARNED.name), None)


def take_back(
    account: Account, earned: Fact, program: Program, bonus: Bonus, about: str, now: datetime, zone: tzinfo
) -> Posting:
    """Take back what a referral earned, because everything that the friend had bought went back."""
    data: Mapping[str, Any] = {"source": bonus, "about": about}
    return points.take_back(
        account,
        earned.data["points"],
        earned,
        program.negative_balance,
        fact_id=f"{bonus}/{about}/{account.entry}",
        occurred_at=now,
        now=now,
        zone=zone,
        data=data,
    )
