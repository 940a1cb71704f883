"""POST /unsubscribe → unsubscribed at once (RFC 8058 one-click); GET → a page with a button, which changes nothing."""

from functions.customers.wiring import CUSTOMERS
from shared.core import clock
from shared.core.settings import Settings
from shared.customers import actions
from shared.customers.consent import ALL_TOPICS, Topic
from shared.customers.customer import Evidence, check_epoch
from shared.customers.store import profiles
from shared.edge import links
from shared.edge.http import Request, Response, serve
from shared.edge.links import Link
from shared.edge.pages import mask_email, page_response, render_page
from shared.edge.tokens import Purpose


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The page for those who open the link in a browser."""
    customer = profiles.get(link.customer_id)
    language = request.language(settings.locale, customer.locale if customer else None)
    if customer is None:
        return links.problem_page(settings, language, "invalid")
    check_epoch(customer, link.epoch)
    html = render_page(
        "unsubscribe.html",
        language,
        shop_name=settings.shop_name,
        token=link.token,
        topic=link.claims.get("topic"),
        email_masked=mask_email(customer.email or ""),
    )
    return page_response(html, language)


def unsubscribe(request: Request, link: Link, settings: Settings) -> Response:
    """Withdraw the link's topic, or all; the same again changes nothing."""
    topics = (Topic(link.claims["topic"]),) if "topic" in link.claims else ALL_TOPICS
    evidence = Evidence(source="unsubscribe link", ip=request.ip)
    customer = actions.leave(link.customer_id, link.epoch, topics, clock.now(), lambda _customer: evidence)
    language = request.language(settings.locale, customer.locale if customer else None)
    if customer is None:
        return links.problem_page(settings, language, "invalid")
    html = render_page("unsubscribed.html", language, shop_name=settings.shop_name)
    return page_response(html, language)


handler = serve(
    CUSTOMERS,
    {
        "GET /unsubscribe": links.opened(Purpose.UNSUBSCRIBE, show),
        "POST /unsubscribe": links.opened(Purpose.UNSUBSCRIBE, unsubscribe),
    },
    links.refuse_form,
)
