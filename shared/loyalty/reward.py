"""Rewards that points are redeemed for, and their vouchers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from shared.core.errors import Conflict, Invalid
from shared.core.privacy import UNTIL_ERASED, Erase, Personal
from shared.core.shop_time import ShopTime
from shared.loyalty import points
from shared.loyalty.points import Account, Posting, rank_of
from shared.loyalty.program import Program

MAX_REWARDS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """A reward for `cost` points, for customers of `tier` or higher.

    Offered from `starts_at` until before `ends_at`. `stock` is how many pieces there are in all (None: without end),
    `redeemed` how many of them are taken; only rewards with a stock are counted. A customer may take
    `limit_per_customer` of them.
    """

    reward_id: str
    name: str
    cost: int
    description: str | None = None
    stock: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    limit_per_customer: int | None = None
    tier: str | None = None
    redeemed: int = 0

    def __post_init__(self) -> None:
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise Invalid("ends_at: want a time after starts_at")

    @property
    def left(self) -> int | None:
        """How many pieces are left; None where there is no end of them."""
        return None if self.stock is None else max(0, self.stock - self.redeemed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """A voucher for a reward: `lots` are the points that paid for it, `counted` says that it took from the stock."""

    redemption_id: str
    customer_id: str
    reward_id: str
    reward_name: str
    points: int
    code: Annotated[str, Personal("to honour the voucher", UNTIL_ERASED, Erase.DELETE)]
    lots: Mapping[str, int]
    redeemed_at: datetime
    counted: bool = False
    cancelled_at: datetime | None = None

    @property
    def status(self) -> str:
        """`ISSUED` or `CANCELLED`."""
        return "CANCELLED" if self.cancelled_at else "ISSUED"


class Obstacle(StrEnum):
    """The reason why a customer cannot have a reward, however many points they have."""

    NOT_YET = "NOT_YET"
    NO_LONGER = "NO_LONGER"
    TIER = "TIER"
    LIMIT = "LIMIT"
    OUT_OF_STOCK = "OUT_OF_STOCK"


class NotOffered(Conflict):
    """The reward is not available at this time, to this customer, or any more."""

    def __init__(self, obstacle: Obstacle, reward: Reward, detail: str, **members: Any) -> None:
        super().__init__(f"{reward.name} {detail}", **members)
        self.obstacle = obstacle
        self.reward = reward


def check_room(rewards: Sequence[Reward], reward_id: str) -> None:
    """Raises Conflict where the catalogue is full and has no reward of this id."""
    if len(rewards) >= MAX_REWARDS and all(reward.reward_id != reward_id for reward in rewards):
        raise Conflict(f"the catalogue has {MAX_REWARDS} rewards, the most that it takes")


def on_offer(rewards: Iterable[Reward], now: datetime) -> list[Reward]:
    """The rewards on offer now, the cheapest first; past and future rewards are left out."""
    running = (
        reward
        for reward in rewards
        if (not reward.starts_at or reward.starts_at <= now) and (not reward.ends_at or now < reward.ends_at)
    )
    return sorted(running, key=lambda reward: (reward.cost, reward.name))


def taken_of(redemptions: Iterable[Redemption], reward_id: str) -> int:
    """How many of a reward a customer has taken, cancelled ones left out."""
    return sum(redemption.reward_id == reward_id and not redemption.cancelled_at for redemption in redemptions)


def redeem(
    account: Account, reward: Reward, program: Program, taken: int, redemption_id: str, code: str, time: ShopTime
) -> tuple[Posting, Redemption]:
    """Spend points on a reward: expired points are posted first; returns the posting and the voucher with this `code`.

    Raises NotOffered where a customer who has `taken` of it before cannot have it, NotEnoughPoints with how many are
    missing.
    """
    check_offer(reward, account, program, taken, time)
    data = {"redemption_id": redemption_id, "reward_id": reward.reward_id, "reward_name": reward.name, "code": code}
    posting = points.expire(account, time).then(
        lambda account: points.redeem(account, reward.cost, fact_id=redemption_id, time=time, data=data)
    )
    redemption = Redemption(
        redemption_id=redemption_id,
        customer_id=account.customer_id,
        reward_id=reward.reward_id,
        reward_name=reward.name,
        points=reward.cost,
        code=code,
        lots={lot: -points for lot, points in posting.facts[-1].data["lots"].items()},
        redeemed_at=time.now,
        counted=reward.stock is not None,
    )
    return posting, redemption


def cancel(account: Account, redemption: Redemption, time: ShopTime) -> tuple[Posting, Redemption]:
    """Give the points of a voucher back, after what has expired is posted; and the voucher, cancelled."""
    redemption_id = redemption.redemption_id
    data = {"redemption_id": redemption_id, "reward_id": redemption.reward_id, "code": redemption.code}
    posting = points.expire(account, time).then(
        lambda account: points.cancel(account, redemption.lots, fact_id=redemption_id, time=time, data=data)
    )
    return posting, replace(redemption, cancelled_at=time.now)


def check_offer(reward: Reward, account: Account, program: Program, taken: int, time: ShopTime) -> None:
    """Raises NotOffered where this customer, who has `taken` of it before, cannot have it whatever points they have."""
    now, today = time.now, time.today
    if reward.starts_at and now < reward.starts_at:
        raise NotOffered(Obstacle.NOT_YET, reward, "is not offered yet")
    if reward.ends_at and now >= reward.ends_at:
        raise NotOffered(Obstacle.NO_LONGER, reward, "is no longer offered")
    if reward.tier and (not program.knows(reward.tier) or rank_of(account, program, today) < program.rank(reward.tier)):
        raise NotOffered(Obstacle.TIER, reward, f"is for the tier {reward.tier}", tier=reward.tier)
    if reward.limit_per_customer is not None and taken >= reward.limit_per_customer:
        times = "once" if reward.limit_per_customer == 1 else f"{reward.limit_per_customer} times"
        limit = reward.limit_per_customer
        raise NotOffered(Obstacle.LIMIT, reward, f"can be had {times}", limit_per_customer=limit)
    if reward.left == 0:
        raise NotOffered(Obstacle.OUT_OF_STOCK, reward, "is out of stock")
