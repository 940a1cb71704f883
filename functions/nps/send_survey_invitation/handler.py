"""`SurveyInvited` → the mail with eleven scores to choose from, at most once, and not in the customer's quiet hours."""

import json
import math
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.cases.store import records as cases
from shared.contact.actions import write_to
from shared.contact.check import Occasion
from shared.core import aws, clock, environment
from shared.core import fact_store as facts
from shared.core.locales import choose_locale
from shared.core.settings import Settings
from shared.customers.consent import Topic
from shared.customers.customer import Customer
from shared.customers.store import profiles as customers
from shared.edge.queues import NotYet, consume
from shared.edge.templates import translate
from shared.loyalty.actions import configuring
from shared.mail.compose import Letter
from shared.nps import survey
from shared.nps.links import survey_path
from shared.nps.store import definitions as surveys
from shared.nps.survey import RECOVERY, Invitation

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# SQS hides a message for twelve hours at most, counted from when it was received, and refuses to begin longer ones.
MAX_WAIT_SECONDS: Final = 11 * 3600


def send(record: SQSRecord) -> None:
    """What was answered, or has expired meanwhile, is not sent. In quiet hours the message comes again after them."""
    fact = facts.from_members(json.loads(record.body)["detail"])
    asked = surveys.find_invitation(fact.customer_id, fact.id)
    found = customers.get(fact.customer_id)
    settings, now = environment.settings(), clock.now()
    assert asked is not None, "an invitation is written with its fact"
    send_at = survey.out_of_quiet_hours(now, surveys.rules(), surveys.home_of(found, settings.zone))
    if max(send_at, asked.send_at) > now:
        _wait(record, int((max(send_at, asked.send_at) - now).total_seconds()) + 1)
    write_to(
        found,
        fact.customer_id,
        f"survey-{asked.invitation_id}",
        # Whether a case was resolved well may be asked while another is open.
        Occasion(topic=Topic.SURVEYS, despite_case=asked.survey_id == RECOVERY),
        lambda customer, settings, root: _write(asked, customer, settings, root, now),
    )


def _write(asked: Invitation, customer: Customer, settings: Settings, root: str, now: datetime) -> Letter | None:
    if asked.answer or now >= asked.expires_at:
        return None
    language = choose_locale(customer.locale, default=settings.locale)
    url = f"{root}/{survey_path(asked.customer_id, asked.invitation_id, asked.expires_at)}"
    context: dict[str, object] = {
        "survey_url": url,
        "score_urls": [f"{url}?score={score}" for score in range(11)],
        "valid_days": math.ceil((asked.expires_at - now) / timedelta(days=1)),
    }
    if asked.survey_id == RECOVERY:
        one = cases.find(asked.case_id or "")
        if one is None or one.resolved_at is None:
            return None
        resolved_on = one.resolved_at.astimezone(settings.zone).date()
        _, texts = survey.recovery_words(surveys.rules(), language, settings.locale, translate)
        context |= {"question": texts.question, "resolved_on": resolved_on}
        return Letter(template="recovery_invitation", context=context)
    wanted = surveys.find(asked.survey_id)
    if wanted is None or not wanted.enabled:
        return None
    _, texts = survey.words(wanted, customer.locale, language, translate)
    context |= {"question": texts.question, "points": configuring.points_for_answer(wanted.points)}
    return Letter(template="survey_invitation", context=context)


def _wait(record: SQSRecord, seconds: int) -> None:
    _sqs().change_message_visibility(
        QueueUrl=environment.variable("INVITATIONS_QUEUE_URL"),
        ReceiptHandle=record.receipt_handle,
        VisibilityTimeout=min(seconds, MAX_WAIT_SECONDS),
    )
    raise NotYet(f"in {seconds} seconds")


@cache
def _sqs() -> "SQSClient":
    return aws.client("sqs")


handler = consume(send)
