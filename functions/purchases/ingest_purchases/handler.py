"""Queue of purchases and refunds from back offices → the same records as by HTTP; a bad message is given up alone."""

from collections.abc import Mapping

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.core import clock, environment
from shared.core.errors import Conflict, Invalid, NotFound
from shared.core.json_text import repeats_member
from shared.edge.http import validation_errors
from shared.edge.outcomes import Unprocessable
from shared.edge.queues import consume
from shared.purchases.actions import take_purchase, take_refund
from shared.purchases.payloads import PurchasePayload, RefundMessage, is_refund


def ingest(record: SQSRecord) -> None:
    """A message with a `refund_id` is a refund. Raises Unprocessable for what can never succeed."""
    settings, time = environment.settings(), clock.shop_time()
    message = _read(record.body)
    try:
        if isinstance(message, RefundMessage):
            take_refund(message, message.order_id, settings, time)
        else:
            take_purchase(message, settings, time)
    except (Invalid, Conflict, NotFound) as refusal:
        raise Unprocessable(refusal.detail) from refusal


def _read(text: str) -> PurchasePayload | RefundMessage:
    """The message; the reason why not is logged, and so repeats nothing of it: unknown members are not named."""
    try:
        message = (RefundMessage if is_refund(text) else PurchasePayload).model_validate_json(text)
    except ValueError as error:
        problems = validation_errors(error) or [{"pointer": "", "detail": "the message is no JSON object", "type": ""}]
        reasons = (f"{_place(problem)}: {problem['detail']}".lstrip(": ") for problem in problems)
        raise Unprocessable("; ".join(reasons)) from None
    if repeats_member(text):
        raise Unprocessable("the message has two members of the same name")
    return message


def _place(problem: Mapping[str, str]) -> str:
    place = problem["pointer"].lstrip("/")
    if problem["type"] == "extra_forbidden":
        return "/".join((*place.split("/")[:-1], "(an unknown member)"))
    return place


handler = consume(ingest)
