"""Adjustments by staff: pk `CUST#<customer_id>`, sk `ADJUSTMENT#<adjustment_id>`; personal: reason, operator."""

from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.loyalty.points import Adjustment

ADJUSTMENTS: Final = Kind(
    Adjustment, CUSTOMERS, "CUST#{customer_id}", "ADJUSTMENT#{adjustment_id}", in_key=("customer_id", "adjustment_id")
)


def get(customer_id: str, adjustment_id: str) -> Adjustment | None:
    """The customer's adjustment with this id (1 read unit)."""
    return ADJUSTMENTS.get(customer_id=customer_id, adjustment_id=adjustment_id)


def put(adjustment: Adjustment) -> Write:
    """The write of a new adjustment (2 write units)."""
    return ADJUSTMENTS.put_new(adjustment)
