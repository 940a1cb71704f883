"""GET /signups/confirm → a page that shows what will be saved; POST → it is saved, as consent with its evidence."""

from functions.customers.wiring import CUSTOMERS
from shared.core import clock
from shared.core.settings import Settings
from shared.customers import actions
from shared.customers.customer import (
    Customer,
    LinkReplaced,
    NotWaiting,
    ShownOtherwise,
    check_epoch,
    fingerprint,
    waiting,
)
from shared.customers.links import preferences_path
from shared.customers.store import profiles
from shared.edge import links
from shared.edge.http import Request, Response, serve
from shared.edge.links import Link
from shared.edge.pages import mask_email, page_response, render_page
from shared.edge.tokens import Purpose
from shared.scorecards.store import cards


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The page with what is saved, and the button; a link that was used before shows what it led to."""
    return _page(request, link, settings, changed=False)


def confirm(request: Request, link: Link, settings: Settings) -> Response:
    """Record the consent; the same link again answers the same and changes nothing.

    Where something else would be saved than the form's page showed, the page is shown again.
    """
    shown = request.form().get("shown") if request.is_form else None
    also = [cards.ensure(link.customer_id)]
    try:
        customer = actions.confirm(
            link.customer_id, link.epoch, link.claims["signup"], shown, clock.now(), request.ip, also
        )
    except NotWaiting as refused:
        return _not_waiting(request, settings, refused)
    except ShownOtherwise:
        return _page(request, link, settings, changed=True)
    language = request.language(settings.locale, customer.locale if customer else None)
    if customer is None:
        return links.problem_page(settings, language, "invalid")
    return _confirmed(settings, language, link)


def _page(request: Request, link: Link, settings: Settings, *, changed: bool) -> Response:
    customer = profiles.get(link.customer_id)
    language = request.language(settings.locale, customer.locale if customer else None)
    if customer is None:
        return links.problem_page(settings, language, "invalid")
    check_epoch(customer, link.epoch)
    if customer.confirmed_signup_id == link.claims["signup"]:
        return _confirmed(settings, language, link)
    try:
        return _question(settings, language, link, customer, changed)
    except NotWaiting as refused:
        return _not_waiting(request, settings, refused)


def _question(settings: Settings, language: str, link: Link, customer: Customer, changed: bool) -> Response:
    signup = waiting(customer, link.claims["signup"])
    html = render_page(
        "confirm.html",
        language,
        shop_name=settings.shop_name,
        token=link.token,
        shown=fingerprint(signup),
        changed=changed,
        email_masked=mask_email(customer.email or ""),
        contact=signup.contact,
        topics=signup.topics,
        # Of a customer who has one, it stays.
        referral_code=None if customer.referral_code else signup.referral_code,
    )
    return page_response(html, language, 409 if changed else 200)


def _not_waiting(request: Request, settings: Settings, refused: NotWaiting) -> Response:
    language = request.language(settings.locale, refused.locale)
    return links.problem_page(settings, language, "replaced" if isinstance(refused, LinkReplaced) else "closed")


def _confirmed(settings: Settings, language: str, link: Link) -> Response:
    # The page is at /signups/confirm, wherever the API has its root.
    path = preferences_path(link.customer_id, link.epoch, link.until(Purpose.PREFERENCES, clock.now()))
    html = render_page("confirmed.html", language, shop_name=settings.shop_name, preferences_url=f"../{path}")
    return page_response(html, language)


handler = serve(
    CUSTOMERS,
    {
        "GET /signups/confirm": links.opened(Purpose.CONFIRM, show),
        "POST /signups/confirm": links.opened(Purpose.CONFIRM, confirm),
    },
    links.refuse_form,
)
