"""Orders: pk `ORDER#<order_id>`, sk `ORDER`; refunds: sk `REFUND#<refund_id>`, waiting there if they come first."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from shared.core import fact_store
from shared.core.codec import INLINE
from shared.core.dynamodb import CUSTOMERS, Item, Write
from shared.core.kind import Kind
from shared.purchases.facts import PURCHASE_RECORDED
from shared.purchases.purchase import Order, OrderState, Refund


class RefundStatus(StrEnum):
    """PARKED until its order comes, then APPLIED, or REJECTED where it is more than the order allows."""

    PARKED = "PARKED"
    APPLIED = "APPLIED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRefund:
    """A refund with its status: `applied` is the amount that went back, in minor units."""

    refund: Annotated[Refund, INLINE]
    fingerprint: str
    status: RefundStatus
    applied: int | None = None


ORDERS: Final = Kind(OrderState, CUSTOMERS, "ORDER#{order_id}", "ORDER")
REFUNDS: Final = Kind(StoredRefund, CUSTOMERS, "ORDER#{order_id}", "REFUND#{refund_id}")


def get(order_id: str) -> OrderState | None:
    """The state of an order (1 read unit)."""
    return ORDERS.get(order_id=order_id)


def state_of(item: Item) -> OrderState:
    """The state of an order from its item."""
    return ORDERS.entity(item)


def put(state: OrderState) -> Write:
    """The write of version n of an order over its version n − 1 (2 write units)."""
    return ORDERS.put_version(state)


def get_refund(order_id: str, refund_id: str) -> StoredRefund | None:
    """A refund with its status (1 read unit)."""
    return REFUNDS.get(order_id=order_id, refund_id=refund_id)


def refunds_of(order_id: str) -> list[Refund]:
    """All refunds of an order, waiting refunds included (1 read unit per 4 KB; a refund has some 300 bytes)."""
    return [stored.refund for stored in REFUNDS.query(order_id=order_id)]


def put_refund(refund: Refund, status: RefundStatus, applied: int | None = None) -> Write:
    """The write of a refund that was not known before (2 write units)."""
    return REFUNDS.put_new(_stored(refund, status, applied))


def decide_refund(refund: Refund, status: RefundStatus, applied: int | None = None) -> Write:
    """The write that sets the status of a refund that waited (2 write units)."""
    return REFUNDS.put(_stored(refund, status, applied))


def order_of(state: OrderState) -> Order:
    """An order as it was recorded, from its fact (1 read unit)."""
    assert state.customer_id is not None
    assert state.ordered_at is not None
    fact = fact_store.get(state.customer_id, state.ordered_at, PURCHASE_RECORDED.name, state.order_id)
    assert fact is not None, f"order {state.order_id} has no fact"
    return Order.from_data(fact.data)


def _stored(refund: Refund, status: RefundStatus, applied: int | None) -> StoredRefund:
    return StoredRefund(refund=refund, fingerprint=refund.fingerprint(), status=status, applied=applied)
