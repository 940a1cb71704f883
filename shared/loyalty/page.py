"""The customer's own points page: everything that it shows, as the context of its template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from shared.core.errors import Invalid, RegularsError
from shared.core.facts import Fact
from shared.core.shop_time import ShopTime
from shared.customers.customer import Customer
from shared.loyalty import points
from shared.loyalty.points import Account, Balance
from shared.loyalty.program import Bonus, Program
from shared.loyalty.reward import Redemption, Reward, check_offer, on_offer, taken_of

# Of the newest facts of a customer, those of the account are the history that is shown, up to so many lines.
HISTORY_FACTS: Final = 100
HISTORY_LINES: Final = 15
VOUCHERS: Final = 10
SOON_DAYS: Final = 31
_EARNED_BY: Final = {
    Bonus.SIGNUP_CONFIRMED: "Welcome",
    Bonus.PROFILE_COMPLETED: "Profile completed",
    Bonus.BIRTHDAY: "Happy birthday",
    Bonus.SURVEY_ANSWERED: "Survey answered",
    Bonus.REFERRAL: "A friend's first purchase",
    Bonus.REFERRED: "Your first purchase, invited by a friend",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContent:
    """Everything of a customer that the page is made of: `redemptions` newest first, `facts` the newest ones."""

    customer: Customer
    program: Program
    account: Account
    rewards: Sequence[Reward]
    redemptions: Sequence[Redemption]
    facts: Sequence[Fact]
    referral_code: str


def context(content: PageContent, time: ShopTime) -> dict[str, Any]:
    """The members of `points.html` that come from the customer's points."""
    account, program, today = content.account, content.program, time.today
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
        "rewards": [_offer(reward, content, balance, time) for reward in on_offer(content.rewards, time.now)],
        "vouchers": _vouchers(content.redemptions, time),
        "history": _history(content.facts, time),
        "referral_code": content.referral_code,
        "referral_points": program.bonuses.get(Bonus.REFERRAL, 0),
        "referral_friend_points": program.bonuses.get(Bonus.REFERRED, 0),
    }


def sentence(refused: RegularsError) -> str:
    """The reason of a refusal as the page says it."""
    text = refused.detail
    return f"{text[:1].upper()}{text[1:]}."


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


def _offer(reward: Reward, content: PageContent, balance: Balance, time: ShopTime) -> dict[str, Any]:
    obstacle = None
    try:
        check_offer(reward, content.account, content.program, taken_of(content.redemptions, reward.reward_id), time)
        if reward.cost > balance.active:
            raise Invalid(f"{reward.cost - balance.active:,} more points needed")
    except RegularsError as refused:
        tier = refused.members.get("tier")
        obstacle = f"For {tier.replace('_', ' ').title()} members." if tier else sentence(refused)
    return {
        "reward_id": reward.reward_id,
        "name": reward.name,
        "description": reward.description,
        "cost": reward.cost,
        "left": reward.left,
        "obstacle": obstacle,
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
    return [
        {"on": time.day_of(fact.occurred_at), "text": _described(fact), "points": fact.data["points"]}
        for fact in newest
    ]


def _described(fact: Fact) -> str:
    data: Mapping[str, Any] = fact.data
    match fact.type:
        case "PointsEarned":
            return _EARNED_BY[Bonus(data["source"])] if data["source"] != "ORDER" else f"Order {data['order_id']}"
        case "PointsRefunded" if data["source"] == "CANCELLATION":
            return "Earlier refund"
        case "PointsRefunded":
            return f"Refund of order {data['order_id']}" if data["source"] == "ORDER" else "Referral taken back"
        case "PointsRedeemed":
            return str(data["reward_name"])
        case "RedemptionCancelled":
            return "Voucher cancelled"
        case "PointsExpired":
            return "Expired"
    return "Adjusted by us"
