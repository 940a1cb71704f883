"""Purchases and refunds on their way in: the same from HTTP, from the queue and from the command line."""

from datetime import datetime

from shared.domain import purchase
from shared.payloads import PurchasePayload, RefundPayload
from shared.settings import Settings
from shared.store import purchases
from shared.store.purchases import Recorded, RecordedRefund
from shared.tokens import mint_customer_id


def take_purchase(payload: PurchasePayload, settings: Settings, now: datetime) -> Recorded:
    """Record a purchase. Raises Invalid for one that the shop cannot count, Conflict and NotFound as the store does."""
    order = payload.to_order(settings.zone)
    purchase.accept(order, settings.currency, now)
    return purchases.record_order(
        order,
        customer_id=payload.customer.customer_id,
        email=payload.customer.email,
        mint=mint_customer_id,
        now=now,
        zone=settings.zone,
    )


def take_refund(payload: RefundPayload, order_id: str, settings: Settings, now: datetime) -> RecordedRefund:
    """Record a refund. Raises Invalid for one that cannot be, Conflict as the store does."""
    wish = payload.to_refund(order_id, settings.zone)
    purchase.accept_refund(wish, now)
    return purchases.record_refund(wish, now=now, zone=settings.zone)
