"""GET /customers/{id}/points, /customers/{id}/redemptions → what a customer has, is owed, and has redeemed."""

from datetime import date, datetime

from shared.core import clock, environment
from shared.core.errors import NotFound
from shared.core.settings import Settings
from shared.customers.store import profiles as customers
from shared.edge.http import Request, Response, respond, serve
from shared.loyalty import points
from shared.loyalty.codes import mint_referral_code
from shared.loyalty.links import POINTS_LINK, points_path
from shared.loyalty.points import Account
from shared.loyalty.program import Program
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


def view(request: Request) -> Response:
    """The points account. What has expired since the last night is posted first, so that the ledger says the same."""
    settings, now = environment.settings(), clock.now()
    program = programs.latest()
    if program is None:
        raise NotFound("there is no loyalty programme yet; PUT /loyalty/program launches one")
    account = accounts.change(_known(request), lambda held: points.settle(held, now, settings.zone)).account
    today = now.astimezone(settings.zone).date()
    held = points.balance(account, today)
    pending_until = points.next_available(account, today)
    return respond(
        200,
        {
            "customer_id": account.customer_id,
            "active": held.active,
            "pending": held.pending,
            "pending_until": pending_until.isoformat() if pending_until else None,
            "spent": held.spent,
            "expired": held.expired,
            "negative": held.negative,
            "tier": points.tier_of(account, program, today).name,
            "tier_ends_on": account.tier_ends_on.isoformat() if account.tier_ends_on else None,
            "qualifying_points": account.qualifying(program, today),
            **_next_tier(account, program, today),
            "expiring": [{"at": day.isoformat(), "points": number} for day, number in points.expiring(account, today)],
            "referral_code": referrals.code_of(account.customer_id, mint_referral_code),
            "page_url": _page_url(request, settings, now),
        },
    )


def view_redemptions(request: Request) -> Response:
    """The vouchers, cancelled ones included, newest first; their codes for keys that may make some."""
    found = [rewards.redemption_members(one) for one in rewards.redemptions(_known(request))]
    if "points:write" not in request.scopes:
        found = [{**one, "code": None} for one in found]
    return respond(200, {"redemptions": found})


def _page_url(request: Request, settings: Settings, now: datetime) -> str | None:
    """The customer's own page: whoever has the link may spend the points, and so a key that only reads gets none."""
    if "points:write" not in request.scopes:
        return None
    root = environment.public_url()
    return f"{root}/{points_path(request.customer_id, now + POINTS_LINK)}"


def _known(request: Request) -> str:
    if customers.get(request.customer_id) is None:
        raise NotFound("there is no such customer")
    return request.customer_id


def _next_tier(account: Account, program: Program, today: date) -> dict[str, object]:
    following = points.next_tier(account, program, today)
    if following is None:
        return {"next_tier": None, "points_to_next_tier": None}
    return {
        "next_tier": following.name,
        "points_to_next_tier": max(0, following.threshold - account.qualifying(program, today)),
    }


handler = serve(
    {
        "GET /customers/{customer_id}/points": view,
        "GET /customers/{customer_id}/redemptions": view_redemptions,
    }
)
