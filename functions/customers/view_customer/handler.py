"""GET /customers?email=, /customers/{id}, /customers/{id}/timeline → the single customer view."""

import base64
import binascii
from typing import Any, Final

from shared.core import clock, environment
from shared.core import fact_store as facts
from shared.core.addresses import normalise_email
from shared.core.errors import Invalid, NotFound
from shared.core.facts import Fact, to_timestamp
from shared.core.settings import Settings
from shared.customers.customer import Customer
from shared.customers.store import profiles as customers
from shared.edge.http import Request, Response, respond, serve
from shared.scorecards.scorecard import Scorecard, rfm
from shared.scorecards.store import cards as scorecards

DEFAULT_PAGE_SIZE: Final = 25
MAX_PAGE_SIZE: Final = 100


def find(request: Request) -> Response:
    """The customer with an address. A plus sign that came unescaped, and so as a space, is put right."""
    email = request.query.get("email", "").strip().replace(" ", "+")
    if not email:
        raise Invalid("give the address as ?email=")
    return _view(customers.find_by_email(normalise_email(email)))


def view(request: Request) -> Response:
    """The customer with an id."""
    return _view(customers.find(request.customer_id))


def timeline(request: Request) -> Response:
    """A page of the customer's facts, newest first; `next` leads on to older ones."""
    customer_id = request.customer_id
    limit, after = _limit(request.query.get("limit")), _after(request.query.get("next"))
    page, more = facts.page(customer_id, limit, after)
    if not page and after is None and customers.find(customer_id) is None:
        raise NotFound("there is no such customer")
    next_token = base64.urlsafe_b64encode(more.encode()).decode() if more else None
    return respond(
        200, {"customer_id": customer_id, "facts": [_shown(fact, request) for fact in page], "next": next_token}
    )


def _shown(fact: Fact, request: Request) -> dict[str, Any]:
    """A fact; the code of a voucher only for keys that may make some, for whoever has it may spend it."""
    members = facts.to_members(fact)
    return members if "points:write" in request.scopes else {k: v for k, v in members.items() if k != "code"}


def _view(found: Customer | None) -> Response:
    if found is None:
        raise NotFound("there is no such customer")
    settings = environment.settings()
    card = scorecards.find(found.customer_id)
    return respond(200, {**_profile(found), "scorecard": _scorecard(card, settings) if card else None})


def _profile(found: Customer) -> dict[str, Any]:
    consents: dict[str, dict[str, Any]] = {}
    for (channel, topic), held in found.consents.items():
        shown = {"status": held.status, "since": to_timestamp(held.since), "reason": held.reason}
        consents.setdefault(channel, {})[topic] = shown
    return {
        "customer_id": found.customer_id,
        "email": found.email,
        "name": found.contact.name,
        "phone": found.contact.phone,
        "birthday": found.contact.birthday.isoformat() if found.contact.birthday else None,
        "locale": found.contact.locale,
        "time_zone": found.contact.time_zone,
        "referral_code": found.referral_code,
        "created_at": to_timestamp(found.created_at),
        "paused_until": found.paused_until.isoformat() if found.paused_until else None,
        "signup_requested_at": to_timestamp(found.signup.requested_at) if found.signup else None,
        "consents": consents,
    }


def _scorecard(card: Scorecard, settings: Settings) -> dict[str, Any]:
    today = clock.now().astimezone(settings.zone).date()
    found = rfm(card, today)
    score = card.score
    return {
        "orders": card.orders,
        "spent": card.spent,
        "currency": settings.currency,
        "first_order_on": card.first_order_on.isoformat() if card.first_order_on else None,
        "last_order_on": card.last_order_on.isoformat() if card.last_order_on else None,
        "recency_days": found.recency_days if found else None,
        "frequency": found.frequency if found else None,
        "monetary": found.monetary if found else None,
        "segment": score.segment if score else None,
        "r": score.r if score else None,
        "f": score.f if score else None,
        "m": score.m if score else None,
        "churn_band": score.churn_band if score else None,
        "value_band": score.value_band if score else None,
        "scored_on": score.scored_on.isoformat() if score and score.scored_on else None,
    }


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_PAGE_SIZE
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise Invalid(f"limit: want a number from 1 to {MAX_PAGE_SIZE}")
    return int(text)


def _after(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        key = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not key.startswith(facts.PREFIX) or len(key) > 300:
        raise Invalid("next: want the value of `next` from the page before")
    return key


handler = serve(
    {
        "GET /customers": find,
        "GET /customers/{customer_id}": view,
        "GET /customers/{customer_id}/timeline": timeline,
    }
)
