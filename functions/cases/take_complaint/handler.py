"""GET /complaints → the form behind a customer's link; POST → a case, of which the marketer and the customer hear."""

from typing import Literal
from uuid import uuid4

from functions.cases.wiring import CASES
from shared.cases import actions
from shared.cases.case import TEXT_MAX_LENGTH, TooManyCases
from shared.core import clock
from shared.core.errors import NotFound
from shared.core.settings import Settings
from shared.customers.customer import address_for_answers, check_epoch, home_of
from shared.customers.store import profiles
from shared.edge import links, tokens
from shared.edge.http import Request, Response, plain_text, serve
from shared.edge.links import Link, claims_of
from shared.edge.pages import mask_email, page_response, render_page
from shared.edge.tokens import Purpose

# The reason why a complaint is refused, for the page to show.
Problem = Literal["AGAIN", "EMPTY", "TOO_LONG", "OPEN_CASES"]


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The form. It carries a complaint's id of its own, so that it opens a single case however often it is sent."""
    return _page(request, settings, link, "", None)


def record(request: Request, link: Link, settings: Settings) -> Response:
    """A case for what was written; the customer gets a receipt by mail."""
    text = plain_text(request.form().get("text", ""))
    if "complaint" not in link.claims:
        return _page(request, settings, link, text, "AGAIN")
    if not text:
        return _page(request, settings, link, text, "EMPTY")
    if len(text) > TEXT_MAX_LENGTH:
        return _page(request, settings, link, text, "TOO_LONG")
    time, language = clock.shop_time(), request.language(settings.locale, link.claims.get("language"))
    try:
        case = actions.complain(link.customer_id, link.epoch, text, link.claims["complaint"], time)
    except TooManyCases:
        return _page(request, settings, link, text, "OPEN_CASES")
    except NotFound:
        return links.problem_page(settings, language, "invalid")
    customer = profiles.get(link.customer_id)
    receipt_to = address_for_answers(customer)
    html = render_page(
        "complaint_done.html",
        language,
        shop_name=settings.shop_name,
        case_id=case.case_id,
        due_at=case.due_at.astimezone(home_of(customer, settings.zone)),
        receipt_to=mask_email(receipt_to) if receipt_to else None,
    )
    return page_response(html, language)


def _page(request: Request, settings: Settings, link: Link, text: str, problem: Problem | None) -> Response:
    customer = profiles.get(link.customer_id)
    language = request.language(settings.locale, customer.locale if customer else None)
    if customer is None:
        return links.problem_page(settings, language, "invalid")
    check_epoch(customer, link.epoch)
    claims = {**claims_of(link.customer_id, link.epoch), "complaint": uuid4().hex, "language": language}
    html = render_page(
        "complaint.html",
        language,
        shop_name=settings.shop_name,
        token=tokens.sign(Purpose.COMPLAINT, claims, link.until(Purpose.COMPLAINT, clock.now())),
        text=text[:TEXT_MAX_LENGTH],
        text_max=TEXT_MAX_LENGTH,
        problem=problem,
        email_masked=mask_email(customer.email or ""),
    )
    return page_response(html, language, 422 if problem else 200)


handler = serve(
    CASES,
    {
        "GET /complaints": links.opened(Purpose.COMPLAINT, show),
        "POST /complaints": links.opened(Purpose.COMPLAINT, record),
    },
    links.refuse_form,
)
