"""POST /unsubscribe → unsubscribed at once (RFC 8058 one-click); GET → a page with a button, which changes nothing."""

import os
from datetime import timedelta

from shared import clock, links
from shared.domain import customer
from shared.domain.consent import ALL_TOPICS, Topic
from shared.domain.customer import Evidence
from shared.http import Request, Response, serve
from shared.pages import mask_email, page_response, render_page
from shared.settings import Settings
from shared.store import customers
from shared.tokens import Purpose


def show(request: Request) -> Response:
    """The page for those who open the link in a browser."""
    settings = Settings.from_environment(os.environ)
    token = links.token_of(request)
    claims = links.claims_of(Purpose.UNSUBSCRIBE, token)
    if not isinstance(claims, dict):
        return links.problem_page(settings, claims)
    found = customers.find(claims["customer"])
    if found is None:
        return links.problem_page(settings, "invalid")
    html = render_page(
        "unsubscribe.html",
        shop_name=settings.shop_name,
        token=token,
        topic=claims.get("topic"),
        email_masked=mask_email(found.email or ""),
    )
    return page_response(html)


def unsubscribe(request: Request) -> Response:
    """Withdraw the link's topic, or all; the same again changes nothing."""
    settings = Settings.from_environment(os.environ)
    claims = links.claims_of(Purpose.UNSUBSCRIBE, links.token_of(request))
    if not isinstance(claims, dict):
        return links.problem_page(settings, claims)
    topics = (Topic(claims["topic"]),) if "topic" in claims else ALL_TOPICS
    evidence = Evidence(source="unsubscribe link", ip=request.ip)
    found = customers.change(claims["customer"], lambda known: customer.leave(known, topics, clock.now(), evidence))
    if found is None:
        return links.problem_page(settings, "invalid")
    # For now only: a link that holds for good must not hand out one that can subscribe.
    url = links.preferences_path(found.customer_id, clock.now() + timedelta(hours=1))
    return page_response(render_page("unsubscribed.html", shop_name=settings.shop_name, preferences_url=url))


handler = serve({"GET /unsubscribe": show, "POST /unsubscribe": unsubscribe})
