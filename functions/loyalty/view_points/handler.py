"""GET /customers/{id}/points, /customers/{id}/redemptions → what a customer has, is owed, and has redeemed."""

from datetime import datetime

from functions.loyalty.wiring import LOYALTY
from shared.core import clock, environment
from shared.customers.store import profiles
from shared.edge.http import Request, Response, respond, serve
from shared.loyalty.actions import viewing
from shared.loyalty.links import POINTS_LINK, points_path
from shared.loyalty.views import points_members, redemption_members


def view(request: Request) -> Response:
    """The points account. Points that have expired since the last night are posted first, so that the ledger agrees."""
    time = clock.shop_time()
    points = viewing.view_points(request.customer_id, time)
    members = points_members(points.account, points.program, points.referral_code, time.today)
    return respond(200, {**members, "page_url": _page_url(request, time.now)})


def view_redemptions(request: Request) -> Response:
    """The vouchers, cancelled ones included, newest first; their codes only for keys that may issue vouchers."""
    redemptions = [redemption_members(redemption) for redemption in viewing.view_redemptions(request.customer_id)]
    if "points:write" not in request.scopes:
        redemptions = [{**members, "code": None} for members in redemptions]
    return respond(200, {"redemptions": redemptions})


def _page_url(request: Request, now: datetime) -> str | None:
    """The customer's own page: anybody who has the link may spend the points, so keys that only read get none."""
    if "points:write" not in request.scopes:
        return None
    customer = profiles.get(request.customer_id)
    epoch = customer.epoch if customer else 0
    return f"{environment.public_url()}/{points_path(request.customer_id, epoch, now + POINTS_LINK)}"


handler = serve(
    LOYALTY,
    {
        "GET /customers/{customer_id}/points": view,
        "GET /customers/{customer_id}/redemptions": view_redemptions,
    },
)
