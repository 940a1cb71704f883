"""Bounces and complaints that SES reports → the address is suppressed."""

import json
from datetime import datetime
from typing import Final

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.core import clock
from shared.core.addresses import normalise_email
from shared.core.errors import Invalid
from shared.core.facts import from_timestamp
from shared.customers import actions
from shared.customers.consent import SuppressionReason
from shared.customers.store import profiles
from shared.edge.queues import LOGGER, consume

# The plain text that SES sends to test whether it may publish to the topic.
TOPIC_VALIDATED: Final = "Successfully validated SNS topic"


def record_mail_events(record: SQSRecord) -> None:
    """Only events that end deliverability count: permanent bounces, complaints; not a full mailbox or a "not spam"."""
    if record.body.startswith(TOPIC_VALIDATED):
        return
    event = json.loads(record.body)
    match event.get("eventType") or event.get("notificationType"):
        case "Bounce" if event["bounce"]["bounceType"] == "Permanent":
            feedback, recipients = event["bounce"], event["bounce"]["bouncedRecipients"]
            reason, about = SuppressionReason.BOUNCE, event["mail"]["timestamp"]
        case "Complaint" if event["complaint"].get("complaintFeedbackType") != "not-spam":
            feedback, recipients = event["complaint"], event["complaint"]["complainedRecipients"]
            reason, about = SuppressionReason.COMPLAINT, event["complaint"]["timestamp"]
        case _:
            return
    for recipient in recipients:
        _suppress(recipient["emailAddress"], reason, feedback["feedbackId"], from_timestamp(about))


def _suppress(address: str, reason: SuppressionReason, feedback_id: str, about: datetime) -> None:
    try:
        customer_id = profiles.get_id(normalise_email(address))
    except Invalid:
        customer_id = None
    if customer_id is None:
        LOGGER.warning("feedback on an address that belongs to no customer", feedback_id=feedback_id)
        return
    actions.suppress(customer_id, reason, feedback_id, about, clock.now())


handler = consume(record_mail_events)
