"""GET /points → a customer's own page: points, tier, rewards, history; POST → a voucher for points."""

import hashlib
from dataclasses import replace
from uuid import uuid4

from functions.loyalty.wiring import LOYALTY
from shared.cases.links import complaint_path
from shared.core import clock
from shared.core.settings import Settings
from shared.core.shop_time import ShopTime
from shared.customers.links import preferences_path
from shared.edge import links
from shared.edge.http import MAX_ID_LENGTH, Request, Response, serve
from shared.edge.links import Link
from shared.edge.pages import page_response, render_page
from shared.edge.tokens import Purpose
from shared.loyalty import page
from shared.loyalty.actions import viewing
from shared.loyalty.codes import new_voucher_code
from shared.loyalty.page import PageContent


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The page as it stands."""
    time = clock.shop_time()
    return _page(request, link, settings, viewing.view_page(link.customer_id, link.epoch, time), time)


def redeem(request: Request, link: Link, settings: Settings) -> Response:
    """A voucher for the reward whose button was pressed; the same form again shows the same voucher."""
    fields, time = request.form(), clock.shop_time()
    redemption_id, reward_id = fields.get("redemption_id", ""), fields.get("reward_id", "")
    if not redemption_id.isalnum() or not reward_id or max(len(redemption_id), len(reward_id)) > MAX_ID_LENGTH:
        content = viewing.view_page(link.customer_id, link.epoch, time)
        return _page(request, link, settings, content and replace(content, problem={"kind": "FORM"}), time)
    key = _key(redemption_id, reward_id)
    content = viewing.redeem_on_page(link.customer_id, link.epoch, key, reward_id, new_voucher_code(), time)
    return _page(request, link, settings, content, time)


def _key(form_id: str, reward_id: str) -> str:
    """The redemption's id: unique for each form and reward, and unlike any id that the shop itself would choose."""
    return "page-" + hashlib.sha256(f"{form_id}/{reward_id}".encode()).hexdigest()[:32]


def _page(request: Request, link: Link, settings: Settings, content: PageContent | None, time: ShopTime) -> Response:
    language = request.language(settings.locale, content.customer.locale if content else None)
    if content is None:
        return links.problem_page(settings, language, "invalid")
    html = render_page(
        "points.html",
        language,
        shop_name=settings.shop_name,
        token=link.token,
        redemption_id=uuid4().hex,
        complaint_url=complaint_path(link.customer_id, link.epoch, link.until(Purpose.COMPLAINT, time.now)),
        preferences_url=preferences_path(link.customer_id, link.epoch, link.until(Purpose.PREFERENCES, time.now)),
        **page.context(content, time),
    )
    return page_response(html, language, 422 if content.problem else 200)


handler = serve(
    LOYALTY,
    {
        "GET /points": links.opened(Purpose.POINTS, show),
        "POST /points": links.opened(Purpose.POINTS, redeem),
    },
    links.refuse_form,
)
