"""Mails: pk `CUST#<customer_id>`, sk `MAIL#<mail_id>`, deleted after KEEP_DAYS; the outcome of each stays as a fact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from shared.core import fact_store
from shared.core.codec import SECONDS
from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.facts import Fact
from shared.core.kind import Kind
from shared.mail.facts import EMAIL_SENT, EMAIL_SKIPPED, EMAIL_UNKNOWN

# Longer than a year: some mails are sent once a year.
KEEP_DAYS: Final = 400


class Outcome(StrEnum):
    """The outcome of a mail that is sent at most once: the type of its fact."""

    SENT = "EmailSent"
    SKIPPED = "EmailSkipped"
    UNKNOWN = "EmailUnknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to a customer: claimed, released again, or with its outcome; `message_id` is SES's."""

    customer_id: str
    mail_id: str
    expires_at: Annotated[datetime, SECONDS]
    claimed_at: datetime | None = None
    released_at: datetime | None = None
    outcome: Outcome | None = None
    message_id: str | None = None


_TYPES: Final = {Outcome.SENT: EMAIL_SENT, Outcome.SKIPPED: EMAIL_SKIPPED, Outcome.UNKNOWN: EMAIL_UNKNOWN}
MAILS: Final = Kind(Mail, CUSTOMERS, "CUST#{customer_id}", "MAIL#{mail_id}", in_key=("customer_id", "mail_id"))


def was_sent(customer_id: str, mail_id: str) -> bool:
    """Whether this mail is on record (1 read unit)."""
    return MAILS.get(customer_id=customer_id, mail_id=mail_id) is not None


def claim(customer_id: str, mail_id: str, now: datetime) -> Write:
    """The write that claims the right to send a mail, if nobody has had it (1 write unit)."""
    free = "attribute_not_exists(sk) OR attribute_exists(released_at)"
    return MAILS.put(_mail(customer_id, mail_id, now, claimed_at=now), free)


def release(customer_id: str, mail_id: str, now: datetime) -> Write:
    """The write that releases a claim: the mail has certainly not been sent (1 write unit)."""
    return MAILS.put(_mail(customer_id, mail_id, now, released_at=now), "attribute_exists(claimed_at)")


def put_outcome(
    customer_id: str, mail_id: str, outcome: Outcome, data: Mapping[str, str], now: datetime
) -> tuple[Write, Write]:
    """The writes of an outcome and its fact, over none or, if it is SENT after all, over UNKNOWN (4 write units)."""
    condition, values = "attribute_not_exists(outcome)", dict[str, str]()
    if outcome is Outcome.SENT:
        # A second delivery of the same message, while the first was still sending, has recorded UNKNOWN.
        condition, values = f"{condition} OR outcome = :unknown", {":unknown": Outcome.UNKNOWN}
    mail = _mail(customer_id, mail_id, now, outcome=outcome)
    return MAILS.put(mail, condition, values), fact_store.record(_fact(outcome, customer_id, mail_id, data, now))


def put_sent(
    customer_id: str, mail_id: str, message_id: str, data: Mapping[str, str], now: datetime
) -> tuple[Write, Write]:
    """The writes of a mail that was sent at least once, and of its fact, if it is not on record (4 write units)."""
    mail = _mail(customer_id, mail_id, now, message_id=message_id)
    return MAILS.put_new(mail), fact_store.record(_fact(Outcome.SENT, customer_id, mail_id, data, now))


def _mail(
    customer_id: str,
    mail_id: str,
    now: datetime,
    *,
    claimed_at: datetime | None = None,
    released_at: datetime | None = None,
    outcome: Outcome | None = None,
    message_id: str | None = None,
) -> Mail:
    return Mail(
        customer_id=customer_id,
        mail_id=mail_id,
        expires_at=now + timedelta(days=KEEP_DAYS),
        claimed_at=claimed_at,
        released_at=released_at,
        outcome=outcome,
        message_id=message_id,
    )


def _fact(outcome: Outcome, customer_id: str, mail_id: str, data: Mapping[str, str], now: datetime) -> Fact:
    return _TYPES[outcome].fact(id=mail_id, customer_id=customer_id, now=now, data=data)
