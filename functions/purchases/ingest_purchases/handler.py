"""Queue of purchases and refunds from back offices → the same records as by HTTP; a bad message fails alone."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.core import clock, environment
from shared.edge.queues import consume, parse
from shared.purchases.actions import take_purchase, take_refund
from shared.purchases.payloads import PurchasePayload, RefundMessage, is_refund


def ingest(record: SQSRecord) -> None:
    """A message with a `refund_id` is a refund. An invalid message raises, and ends in the dead-letter queue."""
    settings, time = environment.settings(), clock.shop_time()
    if is_refund(record.body):
        message = parse(record.body, RefundMessage)
        take_refund(message, message.order_id, settings, time)
    else:
        take_purchase(parse(record.body, PurchasePayload), settings, time)


handler = consume(ingest)
