"""Bodies of purchases and refunds: validated, and turned into orders and refunds."""

import json
from collections import Counter
from datetime import UTC, tzinfo
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.core.money import CURRENCY_CODES, MAX_AMOUNT
from shared.edge.payloads import CLEAN, EmailAddress, Moment, Payload, Text60, Text120, as_value_error, example, in_zone
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

    customer_id: CustomerId | None = Field(default=None, description="our id, or the shop's own customer number")
    email: EmailAddress | None = Field(default=None, description="e-mail address")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.customer_id is None) == (self.email is None):
            raise ValueError("give either customer_id or email")
        return self


class ProductPayload(Payload):
    """One line of an order; `price` is for one piece, in minor units."""

    sku: Sku = Field(description="the shop's id of the product")
    name: Text120 = Field(default=None, description="name of the product")
    category: Text60 = Field(default=None, description="category of the product")
    quantity: Quantity = Field(description="pieces")
    price: Amount = Field(description="price of one piece, in minor units")


class PurchasePayload(Payload):
    """An order. Amounts in minor units; total = Σ price·quantity − discount + tax + shipping."""

    model_config = example(
        order_id="A-1001",
        customer={"email": "ada@example.com"},
        ordered_at="2026-11-20T10:00:00+01:00",
        currency="EUR",
        total=3470,
        shipping=490,
        channel="web",
        products=[{"sku": "MUG-01", "name": "Mug", "category": "Kitchen", "quantity": 2, "price": 1490}],
    )

    order_id: OrderId = Field(description="the shop's id of the order")
    customer: CustomerReference
    ordered_at: Moment = Field(description="time of the order; without offset it is in the shop's time zone")
    currency: Currency = Field(description="currency of all amounts, ISO 4217; the shop's own")
    total: Amount = Field(description="what was paid, in minor units")
    tax: Amount = Field(default=0, description="tax on top of the prices, in minor units")
    shipping: Amount = Field(default=0, description="shipping, in minor units")
    discount: Amount = Field(default=0, description="discount, in minor units")
    coupon: Text60 = Field(default=None, description="code of the coupon that was used")
    channel: Text60 = Field(default=None, description="sales channel")
    products: Annotated[tuple[ProductPayload, ...], Field(max_length=200)] = Field(
        default=(), description="lines of the order; without any it counts by its total"
    )

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        # Only the sums are checked here; they do not depend on the zone.
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

    sku: Sku = Field(description="the shop's id of the product")
    quantity: Quantity = Field(description="pieces")


class RefundPayload(Payload):
    """A refund: an amount in minor units, or products; exactly one of them."""

    model_config = example(
        refund_id="R-77", refunded_at="2026-11-21T11:00:00+01:00", products=[{"sku": "MUG-01", "quantity": 1}]
    )

    refund_id: Identifier = Field(description="the shop's id of the refund")
    refunded_at: Moment = Field(description="time of the refund; without offset it is in the shop's time zone")
    amount: Annotated[int, Field(ge=1, le=MAX_AMOUNT, strict=True)] | None = Field(
        default=None, description="money that goes back, in minor units"
    )
    products: Annotated[tuple[RefundedProduct, ...], Field(max_length=200)] = Field(
        default=(), description="pieces that go back"
    )

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
    """A refund on the queue, which names its order itself: there is no path that does."""

    order_id: OrderId


def is_refund(text: str) -> bool:
    """Whether a message on the queue is a refund; raises ValueError where it is no JSON object."""
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("want a JSON object")
    return "refund_id" in content
