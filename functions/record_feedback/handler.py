"""Bounces and complaints that SES reports → the address is suppressed."""

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared import clock
from shared.addresses import normalise_email
from shared.domain import customer
from shared.domain.consent import SuppressionReason
from shared.domain.errors import Invalid
from shared.store import customers

_LOGGER = Logger()
_PROCESSOR = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def record_feedback(record: SQSRecord) -> None:
    """Only what ends deliverability counts: permanent bounces and complaints; a full mailbox is no reason."""
    event = json.loads(record.body)
    match event.get("eventType") or event.get("notificationType"):
        case "Bounce" if event["bounce"]["bounceType"] == "Permanent":
            feedback, recipients = event["bounce"], event["bounce"]["bouncedRecipients"]
            reason = SuppressionReason.BOUNCE
        case "Complaint":
            feedback, recipients = event["complaint"], event["complaint"]["complainedRecipients"]
            reason = SuppressionReason.COMPLAINT
        case _:
            return
    for recipient in recipients:
        _suppress(recipient["emailAddress"], reason, feedback["feedbackId"])


def _suppress(address: str, reason: SuppressionReason, feedback_id: str) -> None:
    try:
        customer_id = customers.find_id(normalise_email(address))
    except Invalid:
        customer_id = None
    if customer_id is None:
        _LOGGER.warning("feedback on an address that belongs to no customer", feedback_id=feedback_id)
        return
    now = clock.now()
    customers.change(customer_id, lambda known: customer.suppress(known, reason, feedback_id, now))


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answers with the messages that failed."""
    return process_partial_response(event, record_feedback, _PROCESSOR, context)
