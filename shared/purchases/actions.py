"""Purchases and refunds on their way in: the same from HTTP, from the queue and from the command line."""

from datetime import datetime

from shared.core.settings import Settings
from shared.customers.ids import mint_customer_id
from shared.purchases import purchase
from shared.purchases.payloads import PurchasePayload, RefundPayload
from shared.purchases.store import orders as purchases
from shared.purchases.store.orders import Recorded, RecordedRefund


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
