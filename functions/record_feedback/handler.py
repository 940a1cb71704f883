"""Bounces and complaints that SES reports → the address is suppressed."""

import json

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared import clock
from shared.addresses import normalise_email
from shared.domain import customer
from shared.domain.consent import SuppressionReason
from shared.domain.errors import Invalid
from shared.queues import LOGGER, consume
from shared.store import customers


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
        LOGGER.warning("feedback on an address that belongs to no customer", feedback_id=feedback_id)
        return
    now = clock.now()
    customers.change(customer_id, lambda known: customer.suppress(known, reason, feedback_id, now))


handler = consume(record_feedback)
