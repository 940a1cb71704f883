"""Mails: pk `CUST#<customer_id>`, sk `MAIL#<mail_id>`, gone after KEEP_DAYS; what became of each stays as a fact."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.core import dynamodb as table
from shared.core import fact_store as facts
from shared.core.errors import Busy
from shared.core.facts import to_timestamp
from shared.mail.facts import EMAIL_SENT, EMAIL_SKIPPED, EMAIL_UNKNOWN

# Longer than a year: some mails may go out once in it.
KEEP_DAYS: Final = 400


class Outcome(StrEnum):
    """What became of a mail that may go out at most once: the type of its fact."""

    SENT = EMAIL_SENT.name
    SKIPPED = EMAIL_SKIPPED.name
    UNKNOWN = EMAIL_UNKNOWN.name


_FACT_OF: Final = {
    Outcome.SENT: EMAIL_SENT,
    Outcome.SKIPPED: EMAIL_SKIPPED,
    Outcome.UNKNOWN: EMAIL_UNKNOWN,
}


def was_sent(customer_id: str, mail_id: str) -> bool:
    """Whether this mail is on record (1 read unit)."""
    return table.get(table.customers_table(), _key(customer_id, mail_id)) is not None


def record_sent(
    customer_id: str, mail_id: str, template: str, message_id: str, now: datetime, *, to: str | None = None
) -> None:
    """Put a sent mail on record, with its fact (4 write units); once, whoever else sent it too.

    `to` says who got it where it was about the customer and not to her.
    """
    item = {
        **_key(customer_id, mail_id),
        "message_id": message_id,
        "expires_at": _expires_at(now),
    }
    data = {"template": template, "message_id": message_id, "to": to}
    fact = EMAIL_SENT.fact(id=mail_id, customer_id=customer_id, now=now, data=data)
    for _ in table.tries():
        try:
            table.transact([table.put_new(table.customers_table(), item), facts.record(fact)])
        except table.Cancelled as cancelled:
            if not cancelled.refused(0):
                continue
        return


def claim(customer_id: str, mail_id: str, now: datetime) -> bool:
    """Take the right to send a mail that may go out at most once (1 write unit); False where somebody has had it."""
    item = {**_key(customer_id, mail_id), "claimed_at": to_timestamp(now), "expires_at": _expires_at(now)}
    free = "attribute_not_exists(sk) OR attribute_exists(released_at)"
    try:
        table.apply(table.put(table.customers_table(), item, free))
    except table.Cancelled as cancelled:
        if cancelled.refused(0):
            return False
        raise Busy("the mail is being claimed by others; try again") from cancelled
    return True


def release(customer_id: str, mail_id: str, now: datetime) -> None:
    """Give a claim back: the mail has certainly not been sent, and may be tried again (1 write unit)."""
    item = {**_key(customer_id, mail_id), "released_at": to_timestamp(now), "expires_at": _expires_at(now)}
    table.apply(table.put(table.customers_table(), item, "attribute_exists(claimed_at)"))


def settle(customer_id: str, mail_id: str, outcome: Outcome, data: Mapping[str, str], now: datetime) -> None:
    """Put on record what became of a mail, with its fact (4 write units); the first outcome stands, but for SENT.

    A claim that was never settled is UNKNOWN: whoever sent it died in between, and it is not sent again.
    """
    item = {**_key(customer_id, mail_id), "outcome": outcome, "expires_at": _expires_at(now)}
    fact = _FACT_OF[outcome].fact(id=mail_id, customer_id=customer_id, now=now, data=data)
    condition, values = "attribute_not_exists(outcome)", dict[str, str]()
    if outcome is Outcome.SENT:
        # The same message, delivered a second time while the first was at work, has taken that for dead.
        condition, values = f"{condition} OR outcome = :unknown", {":unknown": Outcome.UNKNOWN}
    for _ in table.tries():
        try:
            table.transact([table.put(table.customers_table(), item, condition, values), facts.record(fact)])
        except table.Cancelled as cancelled:
            if not cancelled.refused(0):
                continue
        return


def _expires_at(now: datetime) -> int:
    return int((now + timedelta(days=KEEP_DAYS)).timestamp())


def _key(customer_id: str, mail_id: str) -> dict[str, str]:
    return {"pk": facts.partition(customer_id), "sk": f"MAIL#{mail_id}"}
