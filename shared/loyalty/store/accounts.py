"""Points accounts: pk `CUST#<customer_id>`, sk `POINTS`; the refunds of each order: sk `POINTS#<order_id>`."""

from collections.abc import Sequence
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.loyalty.order_points import RefundedOrder
from shared.loyalty.points import Account

ACCOUNTS: Final = Kind(Account, CUSTOMERS, "CUST#{customer_id}", "POINTS")
REFUNDED_ORDERS: Final = Kind(
    RefundedOrder, CUSTOMERS, "CUST#{customer_id}", "POINTS#{order_id}", in_key=("customer_id", "order_id")
)


def get(customer_id: str) -> Account:
    """The customer's account, an empty account where there is none (1 read unit)."""
    return ACCOUNTS.get(customer_id=customer_id) or Account(customer_id=customer_id)


def batch_get(customer_ids: Sequence[str]) -> dict[str, Account]:
    """The accounts that there are of these customers, by customer (½ read unit each; possibly a moment old)."""
    items = CUSTOMERS.batch_get([ACCOUNTS.key(customer_id=customer_id) for customer_id in customer_ids])
    return {item["customer_id"]: ACCOUNTS.entity(item) for item in items}


def put(account: Account) -> Write:
    """The write of version n of an account over its version n − 1 (2 write units per KB)."""
    return ACCOUNTS.put_version(account)


def get_refunded(customer_id: str, order_id: str) -> RefundedOrder:
    """The refunds of an order whose points were taken back so far (1 read unit)."""
    refunded = REFUNDED_ORDERS.get(customer_id=customer_id, order_id=order_id)
    return refunded or RefundedOrder(customer_id=customer_id, order_id=order_id)


def put_refunded(refunded: RefundedOrder) -> Write:
    """The write of an order's refunds, which goes together with the account's next version (2 write units)."""
    return REFUNDED_ORDERS.put(refunded)
