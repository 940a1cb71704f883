"""The catalogue of rewards: pk `LOYALTY#REWARDS`, sk `REWARD#<reward_id>`."""

from typing import Final

from shared.core.codec import to_members
from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.loyalty.reward import Reward

REWARDS: Final = Kind(Reward, CUSTOMERS, "LOYALTY#REWARDS", "REWARD#{reward_id}")


def all_rewards() -> list[Reward]:
    """All rewards, those that are over included, by id (1 read unit per 4 KB; a reward has some 300 bytes)."""
    return REWARDS.query()


def get(reward_id: str) -> Reward | None:
    """The reward with this id (1 read unit)."""
    return REWARDS.get(reward_id=reward_id)


def define(reward: Reward) -> Write:
    """The write of everything that describes a reward; the number taken already stays (1 write unit)."""
    members = to_members(reward)
    del members["redeemed"]
    present = [name for name, value in members.items() if value is not None]
    absent = [name for name, value in members.items() if value is None]
    change = "SET redeemed = if_not_exists(redeemed, :zero), " + ", ".join(f"#{name} = :{name}" for name in present)
    change += (" REMOVE " + ", ".join(f"#{name}" for name in absent)) if absent else ""
    values = {":zero": 0, **{f":{name}": members[name] for name in present}}
    names = {f"#{name}": name for name in members}
    return CUSTOMERS.update(REWARDS.key(reward_id=reward.reward_id), change, values=values, names=names)


def take_piece(reward: Reward) -> Write:
    """The write that takes a piece from the stock, if there is one and the cost is still as shown."""
    return CUSTOMERS.update(
        REWARDS.key(reward_id=reward.reward_id),
        "SET redeemed = redeemed + :count",
        "cost = :cost AND stock = :stock AND redeemed < :stock",
        {":count": 1, ":cost": reward.cost, ":stock": reward.stock},
    )


def return_piece(reward_id: str) -> Write:
    """The write that gives a piece back to the stock (2 write units in a transaction)."""
    values = {":count": 1, ":zero": 0}
    return CUSTOMERS.update(
        REWARDS.key(reward_id=reward_id), "SET redeemed = redeemed - :count", "redeemed > :zero", values
    )
