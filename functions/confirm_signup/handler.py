"""GET /signups/confirm → the page that asks; POST → consent with its evidence. Only the POST changes anything."""

import os

from shared import clock, links
from shared.domain import customer
from shared.domain.customer import LinkClosed, LinkReplaced
from shared.http import Request, Response, serve
from shared.pages import mask_email, page_response, render_page
from shared.settings import Settings
from shared.store import customers, scorecards
from shared.tokens import Purpose


def show(request: Request) -> Response:
    """The page with the button; a link that was used before shows what it led to."""
    settings = Settings.from_environment(os.environ)
    token = links.token_of(request)
    claims = links.claims_of(Purpose.CONFIRM, token)
    if isinstance(claims, dict):
        found = customers.find(claims["customer"])
        if found and found.confirmed_signup_id == claims["signup"]:
            return _confirmed(settings, found.customer_id)
        if found is None:
            return links.problem_page(settings, "invalid")
        try:
            customer.waiting(found, claims["signup"])
        except LinkReplaced:
            return links.problem_page(settings, "replaced")
        except LinkClosed:
            return links.problem_page(settings, "closed")
        email = mask_email(found.email or "")
        html = render_page("confirm.html", shop_name=settings.shop_name, token=token, email_masked=email)
        return page_response(html)
    return links.problem_page(settings, claims)


def confirm(request: Request) -> Response:
    """Record the consent; the same link again answers the same and changes nothing."""
    settings = Settings.from_environment(os.environ)
    claims = links.claims_of(Purpose.CONFIRM, links.token_of(request))
    if not isinstance(claims, dict):
        return links.problem_page(settings, claims)
    try:
        found = customers.change(
            claims["customer"],
            lambda known: customer.confirm(known, claims["signup"], clock.now(), request.ip),
            also=[scorecards.ensure(claims["customer"])],
        )
    except LinkReplaced:
        return links.problem_page(settings, "replaced")
    except LinkClosed:
        return links.problem_page(settings, "closed")
    return _confirmed(settings, found.customer_id) if found else links.problem_page(settings, "invalid")


def _confirmed(settings: Settings, customer_id: str) -> Response:
    # The page is at /signups/confirm, wherever the API has its root.
    url = f"../{links.preferences_path(customer_id, clock.now() + links.PREFERENCES_LINK)}"
    return page_response(render_page("confirmed.html", shop_name=settings.shop_name, preferences_url=url))


handler = serve({"GET /signups/confirm": show, "POST /signups/confirm": confirm}, links.refuse_form)
