"""Adjustments by staff: pk `CUST#<customer_id>`, sk `ADJUSTMENT#<adjustment_id>`; personal: reason, operator."""

from collections.abc import Sequence
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


def get_all(customer_id: str, adjustment_ids: Sequence[str]) -> dict[str, Adjustment]:
    """Those of a customer's adjustments that there are, by id, in one call (1 read unit each)."""
    keys = [ADJUSTMENTS.key(customer_id=customer_id, adjustment_id=adjustment_id) for adjustment_id in adjustment_ids]
    made = [ADJUSTMENTS.entity(item) for item in CUSTOMERS.batch_get(keys, consistent=True)]
    return {adjustment.adjustment_id: adjustment for adjustment in made}


def put(adjustment: Adjustment) -> Write:
    """The write of a new adjustment (2 write units)."""
    return ADJUSTMENTS.put_new(adjustment)
