"""Vouchers that points were redeemed for: pk `CUST#<customer_id>`, sk `REDEMPTION#<redemption_id>`; personal: code."""

from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.loyalty.reward import Redemption

VOUCHERS: Final = Kind(Redemption, CUSTOMERS, "CUST#{customer_id}", "REDEMPTION#{redemption_id}", derived=("status",))


def get(customer_id: str, redemption_id: str) -> Redemption | None:
    """The customer's voucher with this id (1 read unit)."""
    return VOUCHERS.get(customer_id=customer_id, redemption_id=redemption_id)


def list_of(customer_id: str) -> list[Redemption]:
    """A customer's vouchers, newest first (1 read unit per 4 KB; a voucher has some 300 bytes)."""
    vouchers = VOUCHERS.query(customer_id=customer_id)
    return sorted(vouchers, key=lambda voucher: voucher.redeemed_at, reverse=True)


def put(redemption: Redemption) -> Write:
    """The write of a new voucher (2 write units)."""
    return VOUCHERS.put_new(redemption)


def put_cancelled(redemption: Redemption) -> Write:
    """The write of a voucher as cancelled, if it is not yet (2 write units)."""
    return VOUCHERS.put(redemption, "attribute_not_exists(cancelled_at)")
