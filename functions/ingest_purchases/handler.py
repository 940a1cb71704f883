"""Queue of purchases and refunds from back offices → the same records as by HTTP; a bad message fails alone."""

import os
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared import clock
from shared.domain import purchase
from shared.payloads import PurchasePayload, RefundMessage, is_refund
from shared.settings import Settings
from shared.store import purchases
from shared.tokens import mint_customer_id

# A message that fails alone is tried again alone; so may be all of them.
_PROCESSOR = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def ingest(record: SQSRecord) -> None:
    """A refund is told by its `refund_id`. A wrong message raises, and ends in the dead-letter queue."""
    settings = Settings.from_environment(os.environ)
    now = clock.now()
    if is_refund(record.body):
        message = RefundMessage.model_validate_json(record.body)
        wish = message.to_refund(message.order_id, settings.zone)
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


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answers with the messages that failed."""
    return process_partial_response(event, ingest, _PROCESSOR, context)
