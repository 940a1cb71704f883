"""Bounces and complaints that SES reports → the address is suppressed."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.core import clock
from shared.core.addresses import normalise_email
from shared.core.errors import Invalid
from shared.core.facts import from_timestamp
from shared.customers import actions
from shared.customers.consent import SuppressionReason
from shared.customers.store import profiles
from shared.edge.outcomes import Unprocessable
from shared.edge.queues import LOGGER, consume

# The plain text that SES sends to test whether it may publish to the topic.
TOPIC_VALIDATED: Final = "Successfully validated SNS topic"


def record_mail_events(record: SQSRecord) -> None:
    """Only events that end deliverability count: permanent bounces, complaints; not a full mailbox or a "not spam"."""
    if record.body.startswith(TOPIC_VALIDATED):
        return
    try:
        addresses, reason, feedback_id, about = _read(json.loads(record.body))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unprocessable("the message is no event of SES") from error
    for address in addresses:
        _suppress(address, reason, feedback_id, about)


def _read(event: Mapping[str, Any]) -> tuple[list[str], SuppressionReason, str, datetime]:
    """The addresses that an event is about, none where it ends nothing, with its reason, id and time."""
    kind, about = event.get("eventType") or event.get("notificationType"), event["mail"]["timestamp"]
    feedback: Mapping[str, Any] = {}
    recipients: list[Mapping[str, str]] = []
    reason = SuppressionReason.BOUNCE
    if kind == "Bounce" and event["bounce"]["bounceType"] == "Permanent":
        feedback, recipients = event["bounce"], event["bounce"]["bouncedRecipients"]
    elif kind == "Complaint" and event["complaint"].get("complaintFeedbackType") != "not-spam":
        feedback, recipients = event["complaint"], event["complaint"]["complainedRecipients"]
        reason, about = SuppressionReason.COMPLAINT, event["complaint"]["timestamp"]
    addresses = [recipient["emailAddress"] for recipient in recipients]
    return addresses, reason, feedback["feedbackId"] if addresses else "", from_timestamp(about)


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
