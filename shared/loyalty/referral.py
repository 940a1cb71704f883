"""Referrals: a customer's code, a friend who signs up with it, and the friend's first purchase that rewards both."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from shared.core.addresses import mailbox_of
from shared.core.privacy import REFERRAL
from shared.core.shop_time import ShopTime
from shared.customers.customer import Customer
from shared.loyalty import points
from shared.loyalty.points import Account, EarnedPoints, Posting
from shared.loyalty.program import Bonus, Program, granted
from shared.scorecards.scorecard import Scorecard


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """The rewarded referral of a friend: `friend` and `referrer` are the points of each, `mailbox` is a digest.

    `taken_back_at` is when these were taken back, because everything that the friend had bought was refunded. `version`
    counts the writes.
    """

    mailbox: str
    customer_id: str
    referrer_id: Annotated[str, REFERRAL]
    friend: EarnedPoints | None = None
    referrer: EarnedPoints | None = None
    taken_back_at: datetime | None = None
    version: int = 1


def normalise_code(text: str) -> str:
    """A code as it is stored, from how people type it."""
    return text.strip().upper()


def is_open(before: Referral | None, friend_id: str) -> bool:
    """Whether this friend's mailbox may earn: it has not earned, or its points were taken back."""
    return before is None or (before.customer_id == friend_id and before.taken_back_at is not None)


def is_earned(friend: Customer, card: Scorecard | None, referrer: Customer, time: ShopTime) -> bool:
    """Whether the friend has made their first purchase after they were referred, and is not the referrer."""
    if friend.email is None or friend.referred_at is None or friend.customer_id == referrer.customer_id:
        return False
    if referrer.email and mailbox_of(friend.email) == mailbox_of(referrer.email):
        return False
    if card is None or card.orders < 1 or card.first_order_on is None:
        return False
    return card.first_order_on >= time.day_of(friend.referred_at)


def reward(
    mailbox: str, friend: Account, referrer: Account, before: Referral | None, program: Program, time: ShopTime
) -> tuple[Referral, Posting, Posting]:
    """The referral, and what friend and referrer earn: pending like an order's points: the purchase may be refunded."""
    version = before.version + 1 if before else 1

    def give(account: Account, bonus: Bonus, other: Account, fact_id: str) -> Posting:
        earning = granted(program.bonuses.get(bonus, 0), program, time.today, pending=True)
        data = {"source": bonus, "about": other.customer_id}
        return points.earn(account, earning, program, fact_id=fact_id, occurred_at=time.now, time=time, data=data)

    to_friend = give(friend, Bonus.REFERRED, referrer, f"{Bonus.REFERRED}/{version}")
    to_referrer = give(referrer, Bonus.REFERRAL, friend, f"{Bonus.REFERRAL}/{friend.customer_id}/{version}")
    referral = Referral(
        mailbox=mailbox,
        customer_id=friend.customer_id,
        referrer_id=referrer.customer_id,
        friend=_earned(to_friend),
        referrer=_earned(to_referrer),
        version=version,
    )
    return referral, to_friend, to_referrer


def take_back_from_friend(account: Account, referral: Referral, program: Program, time: ShopTime) -> Posting:
    """Take back what the friend has earned."""
    return _take_back(account, referral.friend, Bonus.REFERRED, referral.referrer_id, program, time)


def take_back_from_referrer(account: Account, referral: Referral, program: Program, time: ShopTime) -> Posting:
    """Take back what the referrer has earned."""
    return _take_back(account, referral.referrer, Bonus.REFERRAL, referral.customer_id, program, time)


def taken_back(referral: Referral, now: datetime) -> Referral:
    """The referral once what it had earned is taken back."""
    return replace(referral, taken_back_at=now, version=referral.version + 1)


def _earned(posting: Posting) -> EarnedPoints | None:
    earned = (fact for fact in posting.facts if fact.type == "PointsEarned")
    return next(map(EarnedPoints.from_fact, earned), None)


def _take_back(
    account: Account, earned: EarnedPoints | None, bonus: Bonus, about: str, program: Program, time: ShopTime
) -> Posting:
    if earned is None:
        return Posting(account)
    data: Mapping[str, Any] = {"source": bonus, "about": about}
    return points.take_back(
        account,
        earned.points,
        earned,
        program.negative_balance,
        fact_id=f"{bonus}/{about}/{account.entry}",
        occurred_at=time.now,
        time=time,
        data=data,
    )
