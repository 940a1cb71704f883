"""`CustomerSignedUp` → the mail that asks to confirm, or one that says she is subscribed already."""

import json
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.config import Config

from shared.core import aws, clock, environment
from shared.core.settings import Settings
from shared.customers.customer import CONFIRMATION_LINK_DAYS, Customer, mail_for_signup
from shared.customers.links import PREFERENCES_LINK, confirmation_path, preferences_path
from shared.customers.store import profiles as customers
from shared.edge.queues import consume
from shared.mail import compose as email
from shared.mail.store import mails

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


def send(record: SQSRecord) -> None:
    """Send once per signup. Killed between sending and recording, it sends again: better twice than never asked."""
    fact = json.loads(record.body)["detail"]
    signup_id = fact["signup_id"]
    found = customers.get(fact["customer_id"])
    template = mail_for_signup(found, signup_id) if found else None
    if found is None or template is None or mails.was_sent(found.customer_id, signup_id):
        return
    settings, now = environment.settings(), clock.now()
    message = _compose(template, found, settings, now)
    message_id = email.send_email(_ses(), message, settings, environment.variable("CONFIGURATION_SET"))
    mails.record_sent(found.customer_id, signup_id, template, message_id, clock.now())


def _compose(template: str, found: Customer, settings: Settings, now: datetime) -> email.Email:
    assert found.email is not None
    assert found.signup is not None
    root = environment.public_url()
    if template == "confirm_signup":
        return email.render_email(
            template,
            settings,
            to=found.email,
            subject=f"Please confirm your subscription to {settings.shop_name}",
            unsubscribe_url=None,
            name=found.signup.contact.name,
            confirm_url=f"{root}/{confirmation_path(found.customer_id, found.signup)}",
            valid_days=CONFIRMATION_LINK_DAYS,
        )
    return email.render_email(
        template,
        settings,
        to=found.email,
        subject=f"You are already subscribed to {settings.shop_name}",
        unsubscribe_url=None,
        name=found.contact.name,
        preferences_url=f"{root}/{preferences_path(found.customer_id, now + PREFERENCES_LINK)}",
    )


@cache
def _ses() -> "SESV2Client":
    # One try: a mail whose answer is lost may have been sent. The queue tries again, and looks first.
    return aws.client("sesv2", config=Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=10))


handler = consume(send)
