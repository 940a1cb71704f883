"""The customer's own points page: the context of its template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from shared.core.facts import Fact
from shared.core.shop_time import ShopTime
from shared.customers.customer import Customer
from shared.loyalty import points, reward
from shared.loyalty.points import Account, Balance, NotEnoughPoints, Posting
from shared.loyalty.program import Bonus, Program
from shared.loyalty.reward import NotOffered, Redemption, Reward, check_offer, on_offer, taken_of

# The history shows those of a customer's newest facts that concern the account, up to so many lines.
HISTORY_FACTS: Final = 100
HISTORY_LINES: Final = 15
VOUCHERS: Final = 10
SOON_DAYS: Final = 31
# A message of the page for its template to put into words: a `kind`, and the names and numbers that belong to it.
Message = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContent:
    """All data of a customer that the page shows: `redemptions` newest first, `facts` the newest ones.

    After its form was sent, `voucher` is the new voucher, or `problem` says why there is none.
    """

    customer: Customer
    program: Program
    account: Account
    rewards: Sequence[Reward]
    redemptions: Sequence[Redemption]
    facts: Sequence[Fact]
    referral_code: str
    voucher: Redemption | None = None
    problem: Message | None = None


def redeem(
    content: PageContent, redemption_id: str, reward_id: str, code: str, time: ShopTime
) -> tuple[PageContent, Posting | None]:
    """The page after its form asked for a reward, and the posting that goes with a new voucher.

    The form of a `redemption_id` that there is already shows the same voucher.
    """
    before = next((voucher for voucher in content.redemptions if voucher.redemption_id == redemption_id), None)
    if before and before.cancelled_at:
        return replace(content, problem={"kind": "CANCELLED"}), None
    if before:
        return replace(content, voucher=before), None
    offered = next((offer for offer in content.rewards if offer.reward_id == reward_id), None)
    if offered is None:
        return replace(content, problem={"kind": "UNKNOWN", "name": reward_id}), None
    taken = taken_of(content.redemptions, reward_id)
    try:
        posting, voucher = reward.redeem(content.account, offered, content.program, taken, redemption_id, code, time)
    except NotOffered as refused:
        return replace(content, problem=_obstacle(refused)), None
    except NotEnoughPoints as refused:
        return replace(content, problem=_missing_points(refused.members["missing"])), None
    after = replace(offered, redeemed=offered.redeemed + 1) if voucher.counted else offered
    return replace(
        content,
        account=posting.account,
        rewards=[after if offer is offered else offer for offer in content.rewards],
        redemptions=[voucher, *content.redemptions],
        facts=[*posting.facts, *content.facts],
        voucher=voucher,
    ), posting


def context(content: PageContent, time: ShopTime) -> dict[str, Any]:
    """The members of `points.html` that come from the customer's points."""
    account, program, today, voucher = content.account, content.program, time.today, content.voucher
    balance, expiring = points.balance(account, today), points.expiring(account, today)
    soon_days = max(SOON_DAYS, program.expiry_warning_days)
    return {
        "tier": points.tier_of(account, program, today).name,
        "active": balance.active,
        "pending": balance.pending,
        "pending_until": points.next_available(account, today),
        "negative": balance.negative,
        "next_tier": _next_tier(account, program, today),
        "tier_ends_on": account.tier_ends_on,
        "expiring": [{"at": day, "points": number} for day, number in expiring],
        "expiring_soon": bool(expiring) and (expiring[0][0] - today).days <= soon_days,
        "rewards": [_offer(offered, content, balance, time) for offered in on_offer(content.rewards, time.now)],
        "voucher": {"code": voucher.code, "name": voucher.reward_name} if voucher else None,
        "problem": content.problem,
        "vouchers": _vouchers(content.redemptions, time),
        "history": _history(content.facts, time),
        "referral_code": content.referral_code,
        "referral_points": program.bonuses.get(Bonus.REFERRAL, 0),
        "referral_friend_points": program.bonuses.get(Bonus.REFERRED, 0),
    }


def _obstacle(refused: NotOffered) -> Message:
    offered = refused.reward
    return {"kind": refused.obstacle, "name": offered.name, "tier": offered.tier, "limit": offered.limit_per_customer}


def _missing_points(missing: int) -> Message:
    return {"kind": "POINTS", "missing": missing}


def _next_tier(account: Account, program: Program, today: date) -> dict[str, Any] | None:
    tier = points.next_tier(account, program, today)
    if tier is None:
        return None
    earned = max(0, account.qualifying(program, today))
    return {
        "name": tier.name,
        "missing": max(0, tier.threshold - earned),
        "earned": earned,
        "threshold": tier.threshold,
    }


def _offer(offered: Reward, content: PageContent, balance: Balance, time: ShopTime) -> dict[str, Any]:
    missing = offered.cost - balance.active
    message = _missing_points(missing) if missing > 0 else None
    try:
        check_offer(offered, content.account, content.program, taken_of(content.redemptions, offered.reward_id), time)
    except NotOffered as refused:
        message = _obstacle(refused)
    return {
        "reward_id": offered.reward_id,
        "name": offered.name,
        "description": offered.description,
        "cost": offered.cost,
        "left": offered.left,
        "obstacle": message,
    }


def _vouchers(redemptions: Sequence[Redemption], time: ShopTime) -> list[dict[str, Any]]:
    issued = [redemption for redemption in redemptions if not redemption.cancelled_at]
    return [
        {"code": voucher.code, "name": voucher.reward_name, "on": time.day_of(voucher.redeemed_at)}
        for voucher in issued[:VOUCHERS]
    ]


def _history(facts: Sequence[Fact], time: ShopTime) -> list[dict[str, Any]]:
    entries = [fact for fact in facts if "entry" in fact.data and fact.data["points"]]
    newest = sorted(entries, key=lambda fact: -fact.data["number"])[:HISTORY_LINES]
    return [{"on": time.day_of(fact.occurred_at), **_entry(fact), "points": fact.data["points"]} for fact in newest]


def _entry(fact: Fact) -> Message:
    data: Mapping[str, Any] = fact.data
    match fact.type, data.get("source"):
        case "PointsEarned", "ORDER":
            return {"kind": "ORDER", "name": data["order_id"]}
        case "PointsEarned", _:
            return {"kind": Bonus(data["source"])}
        case "PointsRefunded", "CANCELLATION":
            return {"kind": "EARLIER_REFUND"}
        case "PointsRefunded", "ORDER":
            return {"kind": "REFUND", "name": data["order_id"]}
        case "PointsRefunded", _:
            return {"kind": "REFERRAL_TAKEN_BACK"}
        case "PointsRedeemed", _:
            return {"kind": "REWARD", "name": data["reward_name"]}
        case "RedemptionCancelled", _:
            return {"kind": "CANCELLED"}
        case "PointsExpired", _:
            return {"kind": "EXPIRED"}
    return {"kind": "ADJUSTED"}
