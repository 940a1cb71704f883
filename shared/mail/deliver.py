"""Mail that a customer has agreed to: checked at the last moment, sent at most once, each skip recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

from botocore.config import Config

from shared.core import aws, clock, environment
from shared.core.locales import choose_locale
from shared.core.settings import Settings
from shared.customers.consent import Channel, Status, Topic, allows
from shared.customers.customer import Customer
from shared.customers.links import unsubscribe_path
from shared.customers.store import contact_histories
from shared.mail import compose as email
from shared.mail.store import mails
from shared.mail.store.mails import Outcome

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

# After these nobody knows; every other refusal says that nothing was sent.
_MAY_HAVE_BEEN_SENT: Final = frozenset({"InternalFailure", "InternalServiceErrorException", "ServiceUnavailable"})


class Skip(StrEnum):
    """Why a mail was not sent."""

    NO_ADDRESS = "NO_ADDRESS"
    NO_CONSENT = "NO_CONSENT"
    SUPPRESSED = "SUPPRESSED"
    PAUSED = "PAUSED"
    OPEN_CASE = "OPEN_CASE"
    OUTDATED = "OUTDATED"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What to write: the template of `email.render_email` with its `context`."""

    template: str
    context: dict[str, object]


def skip_reason(customer: Customer | None, topic: Topic, today: date) -> Skip | None:
    """Why nothing on this topic may be sent to her now; None where it may."""
    if customer is None or customer.email is None:
        return Skip.NO_ADDRESS
    if not allows(customer.consents, Channel.EMAIL, topic):
        held = customer.consents.get((Channel.EMAIL, topic))
        return Skip.SUPPRESSED if held and held.status is Status.SUPPRESSED else Skip.NO_CONSENT
    if customer.paused_until and customer.paused_until > today:
        return Skip.PAUSED
    return None


def deliver(
    customer: Customer | None,
    customer_id: str,
    mail_id: str,
    topic: Topic,
    write: Callable[[Customer, Settings, str], Letter | None],
    *,
    despite_case: bool = False,
    skip_id: str | None = None,
) -> None:
    """Send a mail on a topic, at most once for each `mail_id`; raises MailRefused where it may be tried again.

    `write` gets the customer, the settings and the root of links; None from it says that the mail is out of date.
    While a case of the customer is open nothing is sent but `despite_case`. A skip is recorded under `skip_id` where
    there is one: then it does not use up the `mail_id`.
    """
    settings, now = environment.settings(), clock.now()
    root = environment.public_url()
    reason = skip_reason(customer, topic, now.astimezone(settings.zone).date())
    if reason is None and not despite_case and contact_histories.get(customer_id).open_cases:
        reason = Skip.OPEN_CASE
    letter = None
    if customer is not None and reason is None:
        letter = write(customer, settings, root)
        reason = None if letter else Skip.OUTDATED
    if customer is None or letter is None:
        mails.settle(customer_id, skip_id or mail_id, Outcome.SKIPPED, {"topic": topic, "reason": str(reason)}, now)
        return
    # Before the claim: what cannot be written is not sent, and has to be told from what nobody knows of.
    message = _compose(customer, letter, topic, settings, root)
    if not mails.claim(customer_id, mail_id, now):
        # Sent already, or claimed by one that died: what is settled stays, what is not becomes UNKNOWN.
        mails.settle(customer_id, mail_id, Outcome.UNKNOWN, {"template": letter.template}, now)
        return
    try:
        message_id = email.send_email(_ses(), message, settings, environment.variable("CONFIGURATION_SET"))
    except email.MailRefused as refused:
        if str(refused) not in _MAY_HAVE_BEEN_SENT:
            mails.release(customer_id, mail_id, now)
        raise
    sent = {"template": letter.template, "message_id": message_id}
    mails.settle(customer_id, mail_id, Outcome.SENT, sent, clock.now())


def tell_marketer(customer_id: str, mail_id: str, write: Callable[[Settings], Letter]) -> None:
    """Send a mail about a customer to the shop's own marketer, at least once for each `mail_id`."""
    if mails.was_sent(customer_id, mail_id):
        return
    settings = environment.settings()
    letter = write(settings)
    message = email.render_email(
        letter.template,
        settings,
        language=settings.locale,
        to=settings.marketer_email or settings.sender,
        unsubscribe_url=None,
        tags=None,
        **letter.context,
    )
    message_id = email.send_email(_ses(), message, settings, environment.variable("CONFIGURATION_SET"))
    mails.record_sent(customer_id, mail_id, letter.template, message_id, clock.now(), to="MARKETER")


def _compose(customer: Customer, letter: Letter, topic: Topic, settings: Settings, root: str) -> email.Email:
    assert customer.email is not None
    return email.render_email(
        letter.template,
        settings,
        language=choose_locale(customer.locale, default=settings.locale),
        to=customer.email,
        unsubscribe_url=f"{root}/{unsubscribe_path(customer.customer_id, topic)}",
        tags={"topic": topic},
        name=customer.contact.name,
        **letter.context,
    )


@cache
def _ses() -> "SESV2Client":
    # One try: a mail whose answer is lost may have been sent.
    return aws.client("sesv2", config=Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=10))
