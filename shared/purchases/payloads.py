"""What callers send, validated once at the edge: bounded, explained where wrong, turned into the domain's objects."""

import json
from collections import Counter
from datetime import UTC, date, datetime, tzinfo
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from shared.core.addresses import normalise_email
from shared.core.errors import RegularsError
from shared.core.money import CURRENCY_CODES, MAX_AMOUNT
from shared.core.settings import is_time_zone
from shared.customers.consent import ALL_TOPICS, Topic
from shared.customers.customer import Contact, Evidence, Signup
from shared.purchases.purchase import Order, Product, Refund

_EARLIEST: Final = date(1970, 1, 1)
# Short of the last year that a datetime holds, so that no offset leads beyond it.
_LATEST: Final = date(9998, 12, 31)


def _as_value_error(function: Any) -> Any:
    """Let pydantic collect what the domain refuses."""

    def checked(value: Any) -> Any:
        try:
            return function(value)
        except RegularsError as error:
            raise ValueError(error.detail) from None

    return checked


def _no_control_characters(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must not contain control characters")
    return text


def _blank_to_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _currency(text: str) -> str:
    if text not in CURRENCY_CODES:
        raise ValueError("want an ISO 4217 code such as EUR")
    return text


def _time_zone(text: str) -> str:
    if not is_time_zone(text):
        raise ValueError("want an IANA time zone such as Europe/Berlin")
    return text


def _birthday(day: date) -> date:
    if not date(1900, 1, 1) <= day <= datetime.now(UTC).date():
        raise ValueError("want a date between 1900-01-01 and today")
    return day


def _moment(value: datetime) -> datetime:
    if not _EARLIEST <= value.date() <= _LATEST:
        raise ValueError(f"want a time from {_EARLIEST} to {_LATEST}")
    return value


def _iso_text(value: Any) -> Any:
    if not isinstance(value, str | datetime) or str(value).isdigit():
        raise ValueError("want an ISO 8601 date or time such as 2026-11-21T20:14:00+01:00")
    return value


EmailAddress = Annotated[str, StringConstraints(max_length=320), AfterValidator(_as_value_error(normalise_email))]
# An id stands in keys and addresses: no white space, no control characters.
Identifier = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]{1,64}$")]
# An order's id also stands in the path of its refunds, which the gateway decodes before it matches routes.
OrderId = Annotated[str, StringConstraints(pattern=r"^[^\s/?%\x00-\x1f\x7f]{1,64}$")]
CustomerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Currency = Annotated[str, AfterValidator(_currency)]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT, strict=True)]
Quantity = Annotated[int, Field(ge=1, le=100_000, strict=True)]
# A date alone is midnight, a time without offset is local: both in the shop's time zone.
Moment = Annotated[datetime, BeforeValidator(_iso_text), AfterValidator(_moment)]
_CLEAN = AfterValidator(_no_control_characters)
_BLANK = BeforeValidator(_blank_to_none)
# Shops put blanks into the names of their goods.
Sku = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), _CLEAN]
# Optional text, trimmed; blank is absent.
Text60 = Annotated[Annotated[str, StringConstraints(strip_whitespace=True, max_length=60), _CLEAN] | None, _BLANK]
Text120 = Annotated[Annotated[str, StringConstraints(strip_whitespace=True, max_length=120), _CLEAN] | None, _BLANK]
Text500 = Annotated[Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), _CLEAN] | None, _BLANK]


class Payload(BaseModel):
    """Unknown members are refused, so that a misspelt one is not lost. Errors do not repeat what was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SignupPayload(Payload):
    """A signup, by JSON or by an HTML form with the same names. `website` is a trap for robots: leave it empty."""

    email: EmailAddress
    consent: Annotated[
        Literal[True], BeforeValidator(lambda v: v is True or str(v).lower() in ("true", "on", "yes", "1"))
    ]
    consent_text: Text500 = None
    name: Text120 = None
    phone: Annotated[Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()/.-]{5,25}$")] | None, _BLANK] = None
    birthday: Annotated[Annotated[date, AfterValidator(_birthday)] | None, _BLANK] = None
    locale: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,3}$")] | None, _BLANK
    ] = None
    time_zone: Annotated[Annotated[str, AfterValidator(_time_zone)] | None, _BLANK] = None
    source: Text60 = None
    referral_code: Text60 = None
    topics: Annotated[tuple[Topic, ...], Field(min_length=1, max_length=len(ALL_TOPICS))] = ALL_TOPICS
    redirect: Text500 = None
    website: Text500 = None

    def to_signup(self, *, signup_id: str, now: datetime, ip: str | None) -> Signup:
        """The signup that waits for its confirmation."""
        contact = Contact(
            name=self.name,
            phone=self.phone,
            birthday=self.birthday,
            locale=self.locale,
            time_zone=self.time_zone,
        )
        return Signup(
            signup_id=signup_id,
            requested_at=now,
            contact=contact,
            evidence=Evidence(source=self.source or "form", consent_text=self.consent_text, ip=ip),
            topics=tuple(dict.fromkeys(self.topics)),
            referral_code=self.referral_code,
        )


class CustomerReference(Payload):
    """Whose purchase it is: an id (ours, or the shop's own customer number) or an e-mail address; exactly one."""

    customer_id: CustomerId | None = None
    email: EmailAddress | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.customer_id is None) == (self.email is None):
            raise ValueError("give either customer_id or email")
        return self


class ProductPayload(Payload):
    """One line of an order; `price` is for one piece, in minor units."""

    sku: Sku
    name: Text120 = None
    category: Text60 = None
    quantity: Quantity
    price: Amount


class PurchasePayload(Payload):
    """An order. Amounts in minor units; total = Σ price·quantity − discount + tax + shipping."""

    order_id: OrderId
    customer: CustomerReference
    ordered_at: Moment
    currency: Currency
    total: Amount
    tax: Amount = 0
    shipping: Amount = 0
    discount: Amount = 0
    coupon: Text60 = None
    channel: Text60 = None
    products: Annotated[tuple[ProductPayload, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        # The sums are what is looked at here; they do not depend on the zone.
        _as_value_error(self.to_order)(UTC)
        return self

    def to_order(self, zone: tzinfo) -> Order:
        """The order, its time in UTC to the millisecond."""
        return Order(
            order_id=self.order_id,
            ordered_at=in_zone(self.ordered_at, zone),
            currency=self.currency,
            total=self.total,
            tax=self.tax,
            shipping=self.shipping,
            discount=self.discount,
            coupon=self.coupon,
            channel=self.channel,
            products=tuple(
                Product(sku=p.sku, name=p.name, category=p.category, quantity=p.quantity, price=p.price)
                for p in self.products
            ),
        )


class RefundedProduct(Payload):
    """Pieces that go back."""

    sku: Sku
    quantity: Quantity


class RefundPayload(Payload):
    """A refund: an amount in minor units, or products; exactly one of them."""

    refund_id: Identifier
    refunded_at: Moment
    amount: Annotated[int, Field(ge=1, le=MAX_AMOUNT, strict=True)] | None = None
    products: Annotated[tuple[RefundedProduct, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.amount is None) == (not self.products):
            raise ValueError("give either amount or products")
        return self

    def to_refund(self, order_id: str, zone: tzinfo) -> Refund:
        """The refund, lines of the same sku added up."""
        pieces: Counter[str] = Counter()
        for product in self.products:
            pieces[product.sku] += product.quantity
        return Refund(
            refund_id=self.refund_id,
            order_id=order_id,
            refunded_at=in_zone(self.refunded_at, zone),
            amount=self.amount,
            products=pieces,
        )


class RefundMessage(RefundPayload):
    """A refund on the queue, where no address says which order it is of."""

    order_id: OrderId


class RescoringPayload(Payload):
    """`as_of` is the day to score for, today where it is left out; for data imported from the past."""

    as_of: date | None = None


def is_refund(text: str) -> bool:
    """Whether a message on the queue is a refund; raises ValueError where it is no JSON object."""
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("want a JSON object")
    return "refund_id" in content


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """UTC to the millisecond; what has no offset of its own is in `zone`."""
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
