"""GET /signups/confirm → the page that asks; POST → consent with its evidence. Only the POST changes anything."""

from functions.customers.wiring import CUSTOMERS
from shared.core import clock
from shared.core.settings import Settings
from shared.customers import actions
from shared.customers.customer import LinkReplaced, NotWaiting, waiting
from shared.customers.links import PREFERENCES_LINK, preferences_path
from shared.customers.store import profiles
from shared.edge import links
from shared.edge.http import Request, Response, serve
from shared.edge.links import Link
from shared.edge.pages import mask_email, page_response, render_page
from shared.edge.tokens import Purpose
from shared.scorecards.store import cards


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The page with the button; a link that was used before shows what it led to."""
    customer = profiles.get(link.customer_id)
    language = request.language(settings.locale, customer.locale if customer else None)
    if customer is None:
        return links.problem_page(settings, language, "invalid")
    if customer.confirmed_signup_id == link.claims["signup"]:
        return _confirmed(settings, language, customer.customer_id)
    try:
        waiting(customer, link.claims["signup"])
    except NotWaiting as refused:
        return _not_waiting(request, settings, refused)
    email = mask_email(customer.email or "")
    html = render_page("confirm.html", language, shop_name=settings.shop_name, token=link.token, email_masked=email)
    return page_response(html, language)


def confirm(request: Request, link: Link, settings: Settings) -> Response:
    """Record the consent; the same link again answers the same and changes nothing."""
    try:
        customer = actions.confirm(
            link.customer_id, link.claims["signup"], clock.now(), request.ip, also=[cards.ensure(link.customer_id)]
        )
    except NotWaiting as refused:
        return _not_waiting(request, settings, refused)
    language = request.language(settings.locale, customer.locale if customer else None)
    if customer is None:
        return links.problem_page(settings, language, "invalid")
    return _confirmed(settings, language, customer.customer_id)


def _not_waiting(request: Request, settings: Settings, refused: NotWaiting) -> Response:
    language = request.language(settings.locale, refused.locale)
    return links.problem_page(settings, language, "replaced" if isinstance(refused, LinkReplaced) else "closed")


def _confirmed(settings: Settings, language: str, customer_id: str) -> Response:
    # The page is at /signups/confirm, wherever the API has its root.
    url = f"../{preferences_path(customer_id, clock.now() + PREFERENCES_LINK)}"
    html = render_page("confirmed.html", language, shop_name=settings.shop_name, preferences_url=url)
    return page_response(html, language)


handler = serve(
    CUSTOMERS,
    {
        "GET /signups/confirm": links.opened(Purpose.CONFIRM, show),
        "POST /signups/confirm": links.opened(Purpose.CONFIRM, confirm),
    },
    links.refuse_form,
)
