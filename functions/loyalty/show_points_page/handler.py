"""GET /points → a customer's own page: points, tier, rewards, history; POST → a voucher for points."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import uuid4

from shared.cases.links import COMPLAINT_LINK, complaint_path
from shared.core import clock
from shared.core import fact_store as facts
from shared.core.errors import NotFound
from shared.core.facts import Fact
from shared.core.settings import Settings
from shared.customers.links import preferences_path
from shared.customers.store import profiles as customers
from shared.edge import links
from shared.edge.http import MAX_ID_LENGTH, Request, Response, serve
from shared.edge.links import Link
from shared.edge.pages import page_response, render_page
from shared.edge.tokens import Purpose
from shared.loyalty import points
from shared.loyalty.codes import mint_referral_code, new_voucher_code
from shared.loyalty.links import POINTS_LINK
from shared.loyalty.points import Account, NotEnoughPoints
from shared.loyalty.program import Bonus, Program
from shared.loyalty.reward import NotOffered, Redemption, Reward, check_offer
from shared.loyalty.store import (
    accounts,
)
from shared.loyalty.store import (
    catalogue as rewards,
)
from shared.loyalty.store import (
    program_versions as programs,
)
from shared.loyalty.store import (
    referral_guards as referrals,
)

HISTORY_FACTS: Final = 100
HISTORY_LINES: Final = 15
VOUCHERS: Final = 10
SOON_DAYS: Final = 31
# What the page has to say, for its template to put into words: a `kind`, and the names and numbers that belong to it.
Saying = Mapping[str, object]


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The page as it stands."""
    return _page(request, link, settings)


def redeem(request: Request, link: Link, settings: Settings) -> Response:
    """A voucher for the reward whose button was pressed; the same form again shows the same voucher."""
    fields = request.form()
    redemption_id, reward_id = fields.get("redemption_id", ""), fields.get("reward_id", "")
    if not redemption_id.isalnum() or not reward_id or max(len(redemption_id), len(reward_id)) > MAX_ID_LENGTH:
        return _page(request, link, settings, problem={"kind": "FORM"})
    key = _key(redemption_id, reward_id)
    try:
        done = rewards.redeem(link.customer_id, key, reward_id, new_voucher_code, clock.now(), settings.zone)
    except NotOffered as refused:
        return _page(request, link, settings, problem=_obstacle(refused))
    except NotEnoughPoints as refused:
        missing = refused.members["missing"]
        return _page(request, link, settings, problem={"kind": "POINTS", "missing": missing})
    except NotFound:
        return _page(request, link, settings, problem={"kind": "UNKNOWN", "name": reward_id})
    if done.redemption.cancelled_at:
        return _page(request, link, settings, problem={"kind": "CANCELLED"})
    return _page(request, link, settings, voucher=done.redemption)


def _key(form_id: str, reward_id: str) -> str:
    """The redemption's id: one for each form and reward, and none that the shop itself would choose."""
    return "page-" + hashlib.sha256(f"{form_id}/{reward_id}".encode()).hexdigest()[:32]


def _page(
    request: Request,
    link: Link,
    settings: Settings,
    *,
    voucher: Redemption | None = None,
    problem: Saying | None = None,
) -> Response:
    now, program = clock.now(), programs.latest()
    found = customers.get(link.customer_id)
    language = request.language(settings.locale, found.locale if found else None)
    if found is None or program is None:
        return links.problem_page(settings, language, "invalid")
    account = accounts.change(found.customer_id, lambda held: points.settle(held, now, settings.zone)).account
    today = now.astimezone(settings.zone).date()
    held, expiring = points.balance(account, today), points.expiring(account, today)
    taken = rewards.redemptions(found.customer_id)
    html = render_page(
        "points.html",
        language,
        shop_name=settings.shop_name,
        token=link.token,
        tier=points.tier_of(account, program, today).name,
        active=held.active,
        pending=held.pending,
        pending_until=points.next_available(account, today),
        negative=held.negative,
        next_tier=_next_tier(account, program, today),
        tier_ends_on=account.tier_ends_on,
        expiring=[{"at": day, "points": number} for day, number in expiring],
        expiring_soon=bool(expiring) and (expiring[0][0] - today).days <= max(SOON_DAYS, program.expiry_warning_days),
        rewards=[_offer(one, account, program, taken, now, today, held.active) for one in _offered(now)],
        redemption_id=uuid4().hex,
        vouchers=[
            {"code": one.code, "name": one.reward_name, "on": one.redeemed_at.astimezone(settings.zone).date()}
            for one in taken
            if not one.cancelled_at
        ][:VOUCHERS],
        voucher={"code": voucher.code, "name": voucher.reward_name} if voucher else None,
        problem=problem,
        history=_history(found.customer_id, settings),
        referral_code=referrals.code_of(found.customer_id, mint_referral_code),
        referral_points=program.bonuses.get(Bonus.REFERRAL, 0),
        referral_friend_points=program.bonuses.get(Bonus.REFERRED, 0),
        complaint_url=complaint_path(found.customer_id, now + COMPLAINT_LINK),
        # No longer than this link itself could hold.
        preferences_url=preferences_path(found.customer_id, now + POINTS_LINK),
    )
    return page_response(html, language, 422 if problem else 200)


def _next_tier(account: Account, program: Program, today: date) -> dict[str, Any] | None:
    following = points.next_tier(account, program, today)
    if following is None:
        return None
    earned = max(0, account.qualifying(program, today))
    missing = max(0, following.threshold - earned)
    return {"name": following.name, "missing": missing, "earned": earned, "threshold": following.threshold}


def _offered(now: datetime) -> list[Reward]:
    """What can be had now, the cheapest first; what is over or still to come is not shown."""
    running = [
        one
        for one in rewards.catalogue()
        if (not one.starts_at or one.starts_at <= now) and (not one.ends_at or now < one.ends_at)
    ]
    return sorted(running, key=lambda one: (one.cost, one.name))


def _offer(
    reward: Reward,
    account: Account,
    program: Program,
    taken: list[Redemption],
    now: datetime,
    today: date,
    active: int,
) -> dict[str, Any]:
    had = sum(one.reward_id == reward.reward_id and not one.cancelled_at for one in taken)
    obstacle: Saying | None = {"kind": "POINTS", "missing": reward.cost - active} if reward.cost > active else None
    try:
        check_offer(reward, account, program, had, now, today)
    except NotOffered as refused:
        obstacle = _obstacle(refused)
    return {
        "reward_id": reward.reward_id,
        "name": reward.name,
        "description": reward.description,
        "cost": reward.cost,
        "left": reward.left,
        "obstacle": obstacle,
    }


def _history(customer_id: str, settings: Settings) -> list[dict[str, Any]]:
    page, _ = facts.page(customer_id, HISTORY_FACTS)
    entries = sorted((fact for fact in page if "entry" in fact.data), key=lambda fact: -fact.data["number"])
    shown = [fact for fact in entries if fact.data["points"]][:HISTORY_LINES]
    return [
        {
            "on": fact.occurred_at.astimezone(settings.zone).date(),
            **_entry(fact),
            "points": fact.data["points"],
        }
        for fact in shown
    ]


def _entry(fact: Fact) -> Saying:
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


def _obstacle(refused: NotOffered) -> Saying:
    reward = refused.reward
    return {"kind": refused.obstacle, "name": reward.name, "tier": reward.tier, "limit": reward.limit_per_customer}


handler = serve(
    {
        "GET /points": links.opened(Purpose.POINTS, show),
        "POST /points": links.opened(Purpose.POINTS, redeem),
    },
    links.refuse_form,
)
