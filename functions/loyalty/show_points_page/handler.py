"""GET /points → a customer's own page: points, tier, rewards, history; POST → a voucher for points."""

import hashlib
from uuid import uuid4

from shared.cases.links import COMPLAINT_LINK, complaint_path
from shared.core import clock
from shared.core.errors import NotFound
from shared.core.settings import Settings
from shared.core.shop_time import ShopTime
from shared.customers.links import preferences_path
from shared.edge import links
from shared.edge.http import MAX_ID_LENGTH, Request, Response, serve
from shared.edge.links import Link
from shared.edge.pages import page_response, render_page
from shared.edge.tokens import Purpose
from shared.loyalty import page
from shared.loyalty.actions import redeeming, viewing
from shared.loyalty.actions.redeeming import Redeemed
from shared.loyalty.codes import new_voucher_code
from shared.loyalty.links import POINTS_LINK
from shared.loyalty.page import Message
from shared.loyalty.points import NotEnoughPoints
from shared.loyalty.reward import NotOffered


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The page as it stands."""
    return _page(request, link, settings, clock.shop_time())


def redeem(request: Request, link: Link, settings: Settings) -> Response:
    """A voucher for the reward whose button was pressed; the same form again shows the same voucher."""
    fields, time = request.form(), clock.shop_time()
    redemption_id, reward_id = fields.get("redemption_id", ""), fields.get("reward_id", "")
    if not redemption_id.isalnum() or not reward_id or max(len(redemption_id), len(reward_id)) > MAX_ID_LENGTH:
        return _page(request, link, settings, time, problem={"kind": "FORM"})
    key = _key(redemption_id, reward_id)
    try:
        redeemed = redeeming.redeem(link.customer_id, key, reward_id, new_voucher_code(), time)
    except NotOffered as refused:
        return _page(request, link, settings, time, problem=page.obstacle(refused))
    except NotEnoughPoints as refused:
        return _page(request, link, settings, time, problem=page.missing_points(refused.members["missing"]))
    except NotFound:
        return _page(request, link, settings, time, problem={"kind": "UNKNOWN", "name": reward_id})
    if redeemed.redemption.cancelled_at:
        return _page(request, link, settings, time, problem={"kind": "CANCELLED"})
    return _page(request, link, settings, time, redeemed=redeemed)


def _key(form_id: str, reward_id: str) -> str:
    """The redemption's id: one for each form and reward, and none that the shop itself would choose."""
    return "page-" + hashlib.sha256(f"{form_id}/{reward_id}".encode()).hexdigest()[:32]


def _page(
    request: Request,
    link: Link,
    settings: Settings,
    time: ShopTime,
    *,
    redeemed: Redeemed | None = None,
    problem: Message | None = None,
) -> Response:
    content = viewing.view_page(link.customer_id, time, redeemed)
    language = request.language(settings.locale, content.customer.locale if content else None)
    if content is None:
        return links.problem_page(settings, language, "invalid")
    voucher = redeemed.redemption if redeemed else None
    html = render_page(
        "points.html",
        language,
        shop_name=settings.shop_name,
        token=link.token,
        redemption_id=uuid4().hex,
        voucher={"code": voucher.code, "name": voucher.reward_name} if voucher else None,
        problem=problem,
        complaint_url=complaint_path(link.customer_id, time.now + COMPLAINT_LINK),
        # No longer than this link itself could hold.
        preferences_url=preferences_path(link.customer_id, time.now + POINTS_LINK),
        **page.context(content, time),
    )
    return page_response(html, language, 422 if problem else 200)


handler = serve(
    {
        "GET /points": links.opened(Purpose.POINTS, show),
        "POST /points": links.opened(Purpose.POINTS, redeem),
    },
    links.refuse_form,
)
