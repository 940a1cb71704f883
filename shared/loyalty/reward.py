"""Rewards that points are redeemed for, and the vouchers that come of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from shared.core.errors import Conflict, Invalid
from shared.loyalty.points import Account, rank_of
from shared.loyalty.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What `cost` points are redeemed for, by holders of `tier` or a higher one.

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
    code: str
    lots: Mapping[str, int]
    redeemed_at: datetime
    counted: bool = False
    cancelled_at: datetime | None = None

    @property
    def status(self) -> str:
        """`ISSUED` or `CANCELLED`."""
        return "CANCELLED" if self.cancelled_at else "ISSUED"


class Obstacle(StrEnum):
    """What keeps a customer from a reward, whatever points they have."""

    NOT_YET = "NOT_YET"
    NO_LONGER = "NO_LONGER"
    TIER = "TIER"
    LIMIT = "LIMIT"
    OUT_OF_STOCK = "OUT_OF_STOCK"


class NotOffered(Conflict):
    """The reward is not to be had at this time, by this customer, or any more."""

    def __init__(self, obstacle: Obstacle, reward: Reward, detail: str, **members: Any) -> None:
        super().__init__(f"{reward.name} {detail}", **members)
        self.obstacle = obstacle
        self.reward = reward


def check_offer(reward: Reward, account: Account, program: Program, taken: int, now: datetime, today: date) -> None:
    """Raises NotOffered where this customer, who has `taken` of it before, cannot have it whatever points she has."""
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
