"""Rewards: pk `LOYALTY#REWARDS`, sk `REWARD#<id>`; vouchers: pk `CUST#<customer_id>`, sk `REDEMPTION#<id>`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any, Final

from shared.core import fact_store as facts
from shared.core import old_table as table
from shared.core.errors import Conflict, NotFound
from shared.core.facts import from_timestamp, to_timestamp
from shared.customers.store import profiles as customers
from shared.loyalty import points
from shared.loyalty.points import Account, Posting
from shared.loyalty.program import Program
from shared.loyalty.reward import Redemption, Reward, check_offer
from shared.loyalty.store import accounts
from shared.loyalty.store import program_versions as programs

MAX_REWARDS: Final = 200
_PARTITION: Final = "LOYALTY#REWARDS"
_PREFIX: Final = "REWARD#"
_REDEMPTION: Final = "REDEMPTION#"
_DEFINITION: Final = ("name", "cost", "description", "stock", "starts_at", "ends_at", "limit_per_customer", "tier")


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What became of a redemption: `created` is False where it was there already."""

    redemption: Redemption
    created: bool


def catalogue() -> list[Reward]:
    """All rewards, those that are over included, by id (1 read unit per 4 KB; one has some 300 bytes)."""
    return [_reward_from(item) for item in table.query(table.customers_table(), _PARTITION, _PREFIX)]


def find(reward_id: str) -> Reward | None:
    """The reward with this id (1 read unit)."""
    item = table.get(table.customers_table(), _reward_key(reward_id))
    return _reward_from(item) if item else None


def define(reward: Reward) -> Reward:
    """Make a reward what is described, new or not; how many are taken already stays (1 write unit).

    Raises Conflict where the catalogue is full.
    """
    known = catalogue()
    if len(known) >= MAX_REWARDS and all(one.reward_id != reward.reward_id for one in known):
        raise Conflict(f"the catalogue has {MAX_REWARDS} rewards, the most that it takes")
    members = _definition(reward)
    absent = [name for name in _DEFINITION if members[name] is None]
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in _DEFINITION if name not in absent)
    change += ", reward_id = :reward_id, redeemed = if_not_exists(redeemed, :zero)"
    change += (" REMOVE " + ", ".join(f"#{name}" for name in absent)) if absent else ""
    values = {f":{name}": members[name] for name in _DEFINITION} | {":reward_id": reward.reward_id, ":zero": 0}
    names = {f"#{name}": name for name in _DEFINITION}
    table.apply(table.update(table.customers_table(), _reward_key(reward.reward_id), change, "", values, names))
    found = find(reward.reward_id)
    assert found is not None
    return found


def redemptions(customer_id: str) -> list[Redemption]:
    """A customer's vouchers, newest first (1 read unit per 4 KB; one has some 300 bytes)."""
    items = table.query(table.customers_table(), facts.partition(customer_id), _REDEMPTION)
    return sorted(map(_redemption_from, items), key=lambda one: one.redeemed_at, reverse=True)


def redeem(
    customer_id: str, redemption_id: str, reward_id: str, new_code: Callable[[], str], now: datetime, zone: tzinfo
) -> Redeemed:
    """Spend points on a reward, once for each `redemption_id`: account, fact, voucher and stock in one transaction.

    Costs 6 write units, 8 where the reward has a stock. Raises NotFound for an unknown reward, Conflict where the
    id was used for another reward or the reward is not to be had, NotEnoughPoints with how many are missing.
    """
    program = programs.latest()
    for _ in table.tries():
        known = _find_redemption(customer_id, redemption_id)
        if known:
            if known.reward_id != reward_id:
                raise Conflict(f"redemption {redemption_id} is of the reward {known.reward_id} already")
            return Redeemed(known, created=False)
        reward = find(reward_id)
        if reward is None or program is None:
            raise NotFound(f"there is no reward {reward_id}")
        account = accounts.find(customer_id)
        if account.version == 0 and customers.get(customer_id) is None:
            raise NotFound("there is no such customer")
        voucher = _voucher(account, reward, redemption_id, new_code(), now)
        posting = _spend(account, voucher, reward, program, now, zone)
        voucher = replace(voucher, lots=_lots_of(posting))
        writes = [table.put_new(table.customers_table(), _redemption_item(voucher))]
        if reward.stock is not None:
            writes.append(_take_one(reward))
        try:
            accounts.post([posting], writes)
        except (accounts.AlreadyPosted, table.Cancelled):
            continue
        return Redeemed(voucher, created=True)
    raise AssertionError("tries() ends by raising")


def cancel(customer_id: str, redemption_id: str, now: datetime, zone: tzinfo) -> Redeemed:
    """Give the points of a voucher back, and the piece to the stock; once, `created` is False after that.

    Costs 6 write units, 8 where it took from a stock. Raises NotFound for an unknown voucher.
    """
    for _ in table.tries():
        known = _find_redemption(customer_id, redemption_id)
        if known is None:
            raise NotFound(f"there is no redemption {redemption_id} of this customer")
        if known.cancelled_at:
            return Redeemed(known, created=False)
        account = points.settle(accounts.find(customer_id), now, zone)
        data = {"redemption_id": redemption_id, "reward_id": known.reward_id, "code": known.code}
        done = points.cancel(account.account, known.lots, fact_id=redemption_id, now=now, zone=zone, data=data)
        cancelled = replace(known, cancelled_at=now)
        # With the account's version this is the only writer: whoever cancels twice loses there.
        writes = [table.put(table.customers_table(), _redemption_item(cancelled), "attribute_not_exists(cancelled_at)")]
        if known.counted:
            change = "SET redeemed = redeemed - :one"
            key = _reward_key(known.reward_id)
            writes.append(
                table.update(table.customers_table(), key, change, "redeemed > :zero", {":one": 1, ":zero": 0})
            )
        try:
            accounts.post([Posting(done.account, (*account.facts, *done.facts))], writes)
        except (accounts.AlreadyPosted, table.Cancelled):
            continue
        return Redeemed(cancelled, created=True)
    raise AssertionError("tries() ends by raising")


def _spend(
    account: Account, voucher: Redemption, reward: Reward, program: Program, now: datetime, zone: tzinfo
) -> Posting:
    taken = 0
    if reward.limit_per_customer is not None:
        # Whoever redeems something else meanwhile has moved the account's version.
        held = redemptions(account.customer_id)
        taken = sum(one.reward_id == reward.reward_id and not one.cancelled_at for one in held)
    check_offer(reward, account, program, taken, now, now.astimezone(zone).date())
    settled = points.settle(account, now, zone)
    data = {
        "redemption_id": voucher.redemption_id,
        "reward_id": reward.reward_id,
        "reward_name": reward.name,
        "code": voucher.code,
    }
    spent = points.redeem(settled.account, reward.cost, fact_id=voucher.redemption_id, now=now, zone=zone, data=data)
    return Posting(spent.account, (*settled.facts, *spent.facts))


def _voucher(account: Account, reward: Reward, redemption_id: str, code: str, now: datetime) -> Redemption:
    return Redemption(
        redemption_id=redemption_id,
        customer_id=account.customer_id,
        reward_id=reward.reward_id,
        reward_name=reward.name,
        points=reward.cost,
        code=code,
        lots={},
        redeemed_at=now,
        counted=reward.stock is not None,
    )


def _lots_of(posting: Posting) -> dict[str, int]:
    return {lot: -points for lot, points in posting.facts[-1].data["lots"].items()}


def _take_one(reward: Reward) -> table.Write:
    """The last piece goes to one customer, and nobody pays another price than the one she was shown."""
    return table.update(
        table.customers_table(),
        _reward_key(reward.reward_id),
        "SET redeemed = redeemed + :one",
        "cost = :cost AND stock = :stock AND redeemed < :stock",
        {":one": 1, ":cost": reward.cost, ":stock": reward.stock},
    )


def _find_redemption(customer_id: str, redemption_id: str) -> Redemption | None:
    item = table.get(table.customers_table(), _redemption_key(customer_id, redemption_id))
    return _redemption_from(item) if item else None


def _reward_key(reward_id: str) -> dict[str, str]:
    return {"pk": _PARTITION, "sk": f"{_PREFIX}{reward_id}"}


def _redemption_key(customer_id: str, redemption_id: str) -> dict[str, str]:
    return {"pk": facts.partition(customer_id), "sk": f"{_REDEMPTION}{redemption_id}"}


def _definition(reward: Reward) -> dict[str, Any]:
    return {
        "name": reward.name,
        "cost": reward.cost,
        "description": reward.description,
        "stock": reward.stock,
        "starts_at": to_timestamp(reward.starts_at) if reward.starts_at else None,
        "ends_at": to_timestamp(reward.ends_at) if reward.ends_at else None,
        "limit_per_customer": reward.limit_per_customer,
        "tier": reward.tier,
    }


def _reward_from(item: Mapping[str, Any]) -> Reward:
    plain: dict[str, Any] = {name: item.get(name) for name in _DEFINITION if not name.endswith("_at")}
    return Reward(
        reward_id=item["reward_id"],
        redeemed=item["redeemed"],
        starts_at=from_timestamp(item["starts_at"]) if "starts_at" in item else None,
        ends_at=from_timestamp(item["ends_at"]) if "ends_at" in item else None,
        **plain,
    )


def reward_members(reward: Reward) -> dict[str, Any]:
    """A reward as the members of an answer; what is not set is None."""
    return {"reward_id": reward.reward_id, **_definition(reward), "left": reward.left}


def redemption_members(one: Redemption) -> dict[str, Any]:
    """A redemption as the members of an item or an answer."""
    return {
        "redemption_id": one.redemption_id,
        "customer_id": one.customer_id,
        "reward_id": one.reward_id,
        "reward_name": one.reward_name,
        "points": one.points,
        "code": one.code,
        "status": one.status,
        "redeemed_at": to_timestamp(one.redeemed_at),
        "cancelled_at": to_timestamp(one.cancelled_at) if one.cancelled_at else None,
    }


def _redemption_item(one: Redemption) -> dict[str, Any]:
    kept = {"lots": one.lots, "counted": one.counted}
    return {**_redemption_key(one.customer_id, one.redemption_id), **redemption_members(one), **kept}


def _redemption_from(item: Mapping[str, Any]) -> Redemption:
    names = ("redemption_id", "customer_id", "reward_id", "reward_name", "points", "code", "lots", "counted")
    return Redemption(
        **{name: item[name] for name in names},
        redeemed_at=from_timestamp(item["redeemed_at"]),
        cancelled_at=from_timestamp(item["cancelled_at"]) if "cancelled_at" in item else None,
    )
