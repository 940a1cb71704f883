"""Bodies of purchases and refunds: bounded, explained where wrong, turned into the domain's objects."""

import json
from collections import Counter
from datetime import UTC, tzinfo
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.core.money import CURRENCY_CODES, MAX_AMOUNT
from shared.edge.payloads import CLEAN, EmailAddress, Moment, Payload, Text60, Text120, as_value_error, in_zone
from shared.purchases.purchase import Order, Product, Refund


def _currency(text: str) -> str:
    if text not in CURRENCY_CODES:
        raise ValueError("want an ISO 4217 code such as EUR")
    return text


# An id stands in keys and addresses: no white space, no control characters.
Identifier = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]{1,64}$")]
# An order's id also stands in the path of its refunds, which the gateway decodes before it matches routes.
OrderId = Annotated[str, StringConstraints(pattern=r"^[^\s/?%\x00-\x1f\x7f]{1,64}$")]
CustomerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Currency = Annotated[str, AfterValidator(_currency)]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT, strict=True)]
Quantity = Annotated[int, Field(ge=1, le=100_000, strict=True)]
# Shops put blanks into the names of their goods.
Sku = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), CLEAN]


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
        as_value_error(self.to_order)(UTC)
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


def is_refund(text: str) -> bool:
    """Whether a message on the queue is a refund; raises ValueError where it is no JSON object."""
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("want a JSON object")
    return "refund_id" in content
