"""GET /customers?email=, /customers/{id}, /customers/{id}/timeline → the single customer view."""

from collections.abc import Iterator, Sequence
from typing import Any

from functions.customers.wiring import CUSTOMERS
from shared.core import clock, environment, fact_store
from shared.core.addresses import normalise_email
from shared.core.codec import to_members
from shared.core.errors import Invalid, NotFound
from shared.core.facts import Fact, to_timestamp
from shared.core.settings import Settings
from shared.customers.customer import Customer
from shared.customers.facts import CONSENT_GRANTED, CONSENT_WITHDRAWN
from shared.customers.store import profiles, proofs
from shared.edge.http import Request, Response, respond, serve
from shared.edge.paging import cursor, page_size, sort_key
from shared.loyalty.facts import POINTS_ADJUSTED
from shared.loyalty.store import adjustments
from shared.scorecards.scorecard import Scorecard, rfm
from shared.scorecards.store import cards


def find(request: Request) -> Response:
    """The customer with an address. A plus sign that came unescaped, and so as a space, is put right."""
    email = request.query.get("email", "").strip().replace(" ", "+")
    if not email:
        raise Invalid("give the address as ?email=")
    customer = profiles.get_by_email(normalise_email(email))
    if customer:
        request.concerns["customer_id"] = customer.customer_id
    return _view(customer)


def view(request: Request) -> Response:
    """The customer with an id."""
    return _view(profiles.get(request.customer_id))


def timeline(request: Request) -> Response:
    """A page of the customer's facts, newest first; `next` leads on to older ones."""
    customer_id = request.customer_id
    limit, after = page_size(request.query), sort_key(request.query, fact_store.PREFIX)
    page, more = fact_store.page(customer_id, limit, after)
    if not page and after is None and profiles.get(customer_id) is None:
        raise NotFound("there is no such customer")
    shown = [_shown(fact, request) for fact in page]
    for members, apart in zip(shown, _kept_apart(customer_id, page), strict=True):
        members.update(apart)
    return respond(200, {"customer_id": customer_id, "facts": shown, "next": cursor(more)})


def _shown(fact: Fact, request: Request) -> dict[str, Any]:
    """A fact; the code of a voucher only for keys that may issue vouchers, since anybody who has it may spend it."""
    members = fact_store.to_members(fact)
    return members if "points:write" in request.scopes else {k: v for k, v in members.items() if k != "code"}


def _kept_apart(customer_id: str, page: Sequence[Fact]) -> Iterator[dict[str, Any]]:
    """What is known of each fact beside it, in items that can be erased: the evidence of consents, reasons of staff."""
    evidence = proofs.of([fact for fact in page if fact.type in (CONSENT_GRANTED.name, CONSENT_WITHDRAWN.name)])
    adjusted = [fact.id for fact in page if fact.type == POINTS_ADJUSTED.name]
    reasons = adjustments.get_all(customer_id, adjusted)
    for fact in page:
        if proof := evidence.get((fact.type, fact.id)):
            members = {**to_members(proof.evidence), "requested_from_ip": proof.requested_from_ip}
            yield {name: value for name, value in members.items() if value is not None}
        elif fact.type == POINTS_ADJUSTED.name and (adjustment := reasons.get(fact.id)):
            yield {"reason": adjustment.reason}
        else:
            yield {}


def _view(customer: Customer | None) -> Response:
    if customer is None:
        raise NotFound("there is no such customer")
    settings = environment.settings()
    card = cards.get(customer.customer_id)
    return respond(200, {**_profile(customer), "scorecard": _scorecard(card, settings) if card else None})


def _profile(customer: Customer) -> dict[str, Any]:
    consents: dict[str, dict[str, Any]] = {}
    for (channel, topic), consent in customer.consents.items():
        shown = {"status": consent.status, "since": to_timestamp(consent.since), "reason": consent.reason}
        consents.setdefault(channel, {})[topic] = shown
    return {
        "customer_id": customer.customer_id,
        "email": customer.email,
        "name": customer.contact.name,
        "phone": customer.contact.phone,
        "birthday": customer.contact.birthday.isoformat() if customer.contact.birthday else None,
        "locale": customer.contact.locale,
        "time_zone": customer.contact.time_zone,
        "referral_code": customer.referral_code,
        "created_at": to_timestamp(customer.created_at),
        "paused_until": customer.paused_until.isoformat() if customer.paused_until else None,
        "signup_requested_at": to_timestamp(customer.signup.requested_at) if customer.signup else None,
        "consents": consents,
    }


def _scorecard(card: Scorecard, settings: Settings) -> dict[str, Any]:
    values = rfm(card, clock.shop_time().today)
    score = card.score
    return {
        "orders": card.orders,
        "spent": card.spent,
        "currency": settings.currency,
        "first_order_on": card.first_order_on.isoformat() if card.first_order_on else None,
        "last_order_on": card.last_order_on.isoformat() if card.last_order_on else None,
        "recency_days": values.recency_days if values else None,
        "frequency": values.frequency if values else None,
        "monetary": values.monetary if values else None,
        "segment": score.segment if score else None,
        "r": score.r if score else None,
        "f": score.f if score else None,
        "m": score.m if score else None,
        "churn_band": score.churn_band if score else None,
        "value_band": score.value_band if score else None,
        "scored_on": score.scored_on.isoformat() if score and score.scored_on else None,
    }


handler = serve(
    CUSTOMERS,
    {
        "GET /customers": find,
        "GET /customers/{customer_id}": view,
        "GET /customers/{customer_id}/timeline": timeline,
    },
)
