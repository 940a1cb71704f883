"""Queue of purchases and refunds from back offices → the same records as by HTTP; a bad message fails alone."""

import os

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared import clock
from shared.domain import purchase
from shared.payloads import PurchasePayload, RefundMessage, is_refund
from shared.queues import consume
from shared.settings import Settings
from shared.store import purchases
from shared.tokens import mint_customer_id


def ingest(record: SQSRecord) -> None:
    """A refund is told by its `refund_id`. A wrong message raises, and ends in the dead-letter queue."""
    settings = Settings.from_environment(os.environ)
    now = clock.now()
    if is_refund(record.body):
        message = RefundMessage.model_validate_json(record.body)
        wish = message.to_refund(message.order_id, settings.zone)
        purchase.accept_refund(wish, now)
        purchases.record_refund(wish, now=now, zone=settings.zone)
        return
    payload = PurchasePayload.model_validate_json(record.body)
    order = payload.to_order(settings.zone)
    purchase.accept(order, settings.currency, now)
    purchases.record_order(
        order,
        customer_id=payload.customer.customer_id,
        email=payload.customer.email,
        mint=mint_customer_id,
        now=now,
        zone=settings.zone,
    )


handler = consume(ingest)
