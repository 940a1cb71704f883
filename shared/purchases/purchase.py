"""Orders and their refunds: what was paid, and what was refunded of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from shared.core.codec import As, to_members
from shared.core.errors import Conflict, Invalid
from shared.core.facts import Fact, FactType, to_timestamp
from shared.purchases import facts

# One transaction applies an order with every refund that came before it: 2 writes a refund, 100 in a transaction.
MAX_REFUNDS_PER_ORDER: Final = 40
# What they say in all while they wait for their order, in bytes of JSON. Each is written with it twice, as a refund and
# as a fact of its customer: 200 write units in either partition, which take 1,000 in a second.
MAX_AWAITING_BYTES: Final = 100_000
# A clock may be wrong by a little and a time zone by a day; an order of next week is a mistake.
MAX_AHEAD: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One line of an order; `price` is for one piece, in minor units."""

    sku: str
    quantity: int
    price: int
    name: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. Amounts in minor units of `currency`; total = Σ price·quantity − discount + tax + shipping.

    An order without lines counts by its total alone.
    """

    order_id: str
    ordered_at: datetime
    currency: str
    total: int
    tax: int = 0
    shipping: int = 0
    discount: int = 0
    coupon: str | None = None
    channel: str | None = None
    products: tuple[Product, ...] = ()

    def __post_init__(self) -> None:
        if min(self.total, self.tax, self.shipping, self.discount) < 0:
            raise Invalid("amounts must not be negative")
        if self.products:
            lines = sum(line.price * line.quantity for line in self.products)
            sums = lines - self.discount + self.tax + self.shipping
            if sums != self.total:
                raise Invalid(
                    f"total is {self.total}, but products − discount + tax + shipping is "
                    f"{lines} − {self.discount} + {self.tax} + {self.shipping} = {sums}"
                )
        elif self.total < self.tax + self.shipping:
            raise Invalid(f"total is {self.total}, less than tax + shipping")

    def as_data(self) -> dict[str, Any]:
        """The members of `PurchaseRecorded`; what is absent is left out."""
        data = {
            "order_id": self.order_id,
            "ordered_at": to_timestamp(self.ordered_at),
            "currency": self.currency,
            "total": self.total,
            "tax": self.tax,
            "shipping": self.shipping,
            "discount": self.discount,
            "coupon": self.coupon,
            "channel": self.channel,
            "products": [
                {key: value for key, value in _product_data(line).items() if value is not None}
                for line in self.products
            ],
        }
        return {key: value for key, value in data.items() if value is not None}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Order":
        """The order from the members that `as_data` made."""
        names = ("order_id", "currency", "total", "tax", "shipping", "discount", "coupon", "channel")
        return cls(
            **{name: data[name] for name in names if name in data},
            ordered_at=datetime.fromisoformat(data["ordered_at"]),
            products=tuple(Product(**line) for line in data["products"]),
        )

    def fingerprint(self, customer_id: str) -> str:
        """Equal for the same content by the same customer, whatever the order of keys in the request."""
        return _digest({"customer_id": customer_id, **self.as_data()})


def _to_lines(products: Mapping[str, int]) -> list[dict[str, Any]] | None:
    return [{"sku": sku, "quantity": quantity} for sku, quantity in sorted(products.items())] or None


def _from_lines(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in lines}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A refund: an `amount` in minor units, or `products` as quantities by sku; exactly one of them."""

    refund_id: str
    order_id: str
    refunded_at: datetime
    amount: int | None = None
    products: Annotated[Mapping[str, int], As(_to_lines, _from_lines)] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.amount is None) == (not self.products):
            raise Invalid("give either amount or products")

    def as_data(self) -> dict[str, Any]:
        """The members of a refund as its sender gave them."""
        return {name: value for name, value in to_members(self).items() if value is not None}

    def fingerprint(self) -> str:
        """Equal for the same content."""
        return _digest(self.as_data())

    @property
    def size(self) -> int:
        """Its bytes as JSON."""
        return len(json.dumps(self.as_data(), ensure_ascii=False).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """The current state of an order. `customer_id` is None while only refunds have come: they wait for it.

    `refunded` is in minor units, `quantities` the pieces sent back by sku, `refunds` how many refunds
    were taken, waiting ones included; `awaiting_bytes` is what those say that wait. `version` counts the writes.
    """

    order_id: str
    customer_id: str | None = None
    ordered_at: datetime | None = None
    total: int = 0
    fingerprint: str = ""
    refunded: int = 0
    quantities: Mapping[str, int] = field(default_factory=dict)
    refunds: int = 0
    awaiting_bytes: int | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Refunded:
    """A refund as applied: the order after it, what went back, and whether nothing of the order is left."""

    state: OrderState
    amount: int
    fully_refunded: bool


def accept(order: Order, currency: str, now: datetime) -> None:
    """Raises Invalid for an order in a currency that the shop does not count in, or from the future."""
    if order.currency != currency:
        raise Invalid(f"this shop counts in {currency}, not in {order.currency}")
    if order.ordered_at > now + MAX_AHEAD:
        raise Invalid(f"ordered_at {to_timestamp(order.ordered_at)} lies in the future")


def accept_refund(refund: Refund, now: datetime) -> None:
    """Raises Invalid for a refund from the future."""
    if refund.refunded_at > now + MAX_AHEAD:
        raise Invalid(f"refunded_at {to_timestamp(refund.refunded_at)} lies in the future")


def awaiting(state: OrderState | None, refund: Refund) -> OrderState:
    """An order of which only refunds have come, after a further refund.

    Raises Conflict where there are too many, or where they say too much.
    """
    before = state or OrderState(order_id=refund.order_id, version=0)
    _check_refunds(before)
    size = (before.awaiting_bytes or 0) + refund.size
    if size > MAX_AWAITING_BYTES:
        raise Conflict(
            f"the refunds that wait for order {refund.order_id} would have {size} bytes, {MAX_AWAITING_BYTES} is the "
            "most: send this refund again after the order"
        )
    return replace(before, refunds=before.refunds + 1, awaiting_bytes=size, version=before.version + 1)


def recorded(order: Order, customer_id: str, awaited: OrderState | None) -> OrderState:
    """The state of an order that has just come, keeping count of the refunds that waited for it."""
    return OrderState(
        order_id=order.order_id,
        customer_id=customer_id,
        ordered_at=order.ordered_at,
        total=order.total,
        fingerprint=order.fingerprint(customer_id),
        refunds=awaited.refunds if awaited else 0,
        version=awaited.version + 1 if awaited else 1,
    )


def refund(state: OrderState, order: Order, requested: Refund) -> Refunded:
    """Apply a refund. Raises Invalid where more would go back than was paid or bought.

    A line's refund is its share of everything paid but shipping, so discount and tax go back in proportion;
    several refunds of a line add up to that share exactly, whatever the steps.
    """
    quantities = dict(state.quantities)
    if requested.amount is not None:
        amount = requested.amount
    else:
        amount = 0
        shares = _shares_by_sku(order)
        for sku, quantity in requested.products.items():
            if sku not in shares:
                raise Invalid(f"order {order.order_id} has no product {sku!r}")
            bought, share = shares[sku]
            before = quantities.get(sku, 0)
            after = before + quantity
            if after > bought:
                raise Invalid(
                    f"{quantity} of {sku!r} cannot go back: {bought} bought, {before} refunded already",
                    refundable=bought - before,
                )
            amount += share * after // bought - share * before // bought
            quantities[sku] = after
    left = state.total - state.refunded
    if amount > left:
        raise Invalid(f"{amount} is more than the {left} that is left of the order", refundable=left)
    total = state.refunded + amount
    after_state = replace(state, refunded=total, quantities=quantities, version=state.version + 1)
    return Refunded(after_state, amount, fully_refunded=amount > 0 and total == state.total)


def count_refund(state: OrderState) -> OrderState:
    """Count a refund that comes after its order. Raises Conflict where there are too many."""
    _check_refunds(state)
    return replace(state, refunds=state.refunds + 1)


def purchase_fact(order: Order, customer_id: str, now: datetime, *, imported: bool = False) -> Fact:
    """`PurchaseRecorded`, at the time of the order; `imported` lets those of live customers pass it on their way."""
    return facts.PURCHASE_RECORDED.fact(
        id=order.order_id,
        customer_id=customer_id,
        occurred_at=order.ordered_at,
        now=now,
        data={**order.as_data(), "imported": imported or None},
    )


def refund_fact(refund: Refund, applied: Refunded, order: Order, customer_id: str, now: datetime) -> Fact:
    """`PurchaseRefunded`, at the time of the refund; `whole` says that nothing of the order is left."""
    data = {
        **refund.as_data(),
        "amount": applied.amount,
        "currency": order.currency,
        "ordered_at": to_timestamp(order.ordered_at),
        "order_total": order.total,
        "whole": applied.fully_refunded,
    }
    return _about_refund(facts.PURCHASE_REFUNDED, refund, customer_id, now, data)


def rejection_fact(refund: Refund, reason: str, customer_id: str, now: datetime) -> Fact:
    """`RefundRejected`: a refund that waited for its order turned out to be more than the order allows."""
    return _about_refund(facts.REFUND_REJECTED, refund, customer_id, now, {**refund.as_data(), "reason": reason})


def _about_refund(type_: FactType, refund: Refund, customer_id: str, now: datetime, data: Mapping[str, Any]) -> Fact:
    return type_.fact(
        id=f"{refund.order_id}/{refund.refund_id}",
        customer_id=customer_id,
        occurred_at=refund.refunded_at,
        now=now,
        data=data,
    )


def in_time_order(refunds: Iterable[Refund]) -> list[Refund]:
    """Refunds that waited are applied as they happened, not as they came."""
    return sorted(refunds, key=lambda r: (r.refunded_at, r.refund_id))


def _check_refunds(state: OrderState) -> None:
    if state.refunds >= MAX_REFUNDS_PER_ORDER:
        raise Conflict(f"order {state.order_id} has {MAX_REFUNDS_PER_ORDER} refunds, the most that one order takes")


def _shares_by_sku(order: Order) -> dict[str, tuple[int, int]]:
    """Pieces bought and money paid by sku: the total without shipping, split by value, largest remainders first."""
    pieces: dict[str, int] = {}
    value: dict[str, int] = {}
    for line in order.products:
        pieces[line.sku] = pieces.get(line.sku, 0) + line.quantity
        value[line.sku] = value.get(line.sku, 0) + line.quantity * line.price
    # A discount may have paid for shipping, too: then less is left than the shipping, and no line has a share.
    paid, worth = max(0, order.total - order.shipping), sum(value.values())
    if not worth:
        return {sku: (count, 0) for sku, count in pieces.items()}
    shares = {sku: paid * worth_of // worth for sku, worth_of in value.items()}
    by_remainder = sorted(value, key=lambda sku: (-(paid * value[sku] % worth), sku))
    for sku in by_remainder[: paid - sum(shares.values())]:
        shares[sku] += 1
    return {sku: (pieces[sku], shares[sku]) for sku in pieces}


def _product_data(line: Product) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "name": line.name,
        "category": line.category,
        "quantity": line.quantity,
        "price": line.price,
    }


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
