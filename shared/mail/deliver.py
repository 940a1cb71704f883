"""Mail is sent by one of two policies, at most once or at least once for each mail id; the outcome is a fact."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from botocore.config import Config

from shared.core import aws, clock, environment
from shared.core.dynamodb import Cancelled, apply, optimistic, transact
from shared.core.errors import Busy
from shared.edge.outcomes import Unavailable, Unprocessable
from shared.mail.compose import Email, Letter, MailRefused, render_email, send_email
from shared.mail.refusals import Remedy, remedy
from shared.mail.store import mails
from shared.mail.store.mails import Outcome

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

# From this status on SES may have accepted the mail; below it certainly has not.
_SERVER_ERROR: Final = 500


def at_most_once(customer_id: str, mail_id: str, email: Email) -> None:
    """Send a mail, unless it was sent or may have been: claim it, call SES, put the outcome on record.

    Costs 1 write unit for the claim and 4 for the outcome. Where SES certainly did not take it, the claim is released,
    so that the mail can be tried again. Raises as `_explained` says where SES refused it.
    """
    now = clock.now()
    if not _claim(customer_id, mail_id, now):
        # Sent already, or claimed by a sender that died: an outcome stays, a mail without an outcome becomes UNKNOWN.
        _record(customer_id, mail_id, Outcome.UNKNOWN, {"template": email.template}, now)
        return
    try:
        message_id = send_email(_ses(), email, environment.settings(), environment.variable("CONFIGURATION_SET"))
    except MailRefused as refused:
        if refused.http_status < _SERVER_ERROR:
            apply(mails.release(customer_id, mail_id, now))
        raise _explained(refused) from refused
    sent = {"template": email.template, "message_id": message_id}
    _record(customer_id, mail_id, Outcome.SENT, sent, clock.now())


def at_least_once(customer_id: str, mail_id: str, email: Email, *, to: str | None = None) -> None:
    """Send a mail and put it on record (4 write units); a sender that dies in between sends it again.

    Callers ask `mails.was_sent` first, before they compose. `to` names another recipient than the customer, whom
    the mail is about. Raises as `_explained` says where SES refused it.
    """
    try:
        message_id = send_email(_ses(), email, environment.settings(), environment.variable("CONFIGURATION_SET"))
    except MailRefused as refused:
        raise _explained(refused) from refused
    data = {"template": email.template, "message_id": message_id, **({"to": to} if to else {})}
    _record_sent(customer_id, mail_id, message_id, data, clock.now())


def to_marketer(customer_id: str, mail_id: str, letter: Letter, *, reply_to: str | None = None) -> None:
    """Mail the shop's own marketer about a customer, in the shop's language, at least once.

    `reply_to` is the customer's address, to which the marketer's answer goes.
    """
    settings = environment.settings()
    to = settings.marketer_email or settings.sender
    email = render_email(letter, settings, language=settings.locale, to=to, unsubscribe_url=None, reply_to=reply_to)
    at_least_once(customer_id, mail_id, email, to="MARKETER")


def skip(customer_id: str, mail_id: str, data: Mapping[str, str], now: datetime) -> None:
    """Put on record that a mail is not sent, and why (4 write units); once."""
    _record(customer_id, mail_id, Outcome.SKIPPED, data, now)


def _explained(refused: MailRefused) -> Exception:
    """What the queue makes of a refusal: Unavailable waits for hours, Unprocessable is given up, Busy comes again soon.

    MailRefused itself where SES may have taken the mail.
    """
    if refused.http_status >= _SERVER_ERROR:
        return refused
    match remedy(refused.code, over_quota=refused.over_quota):
        case Remedy.WAIT:
            return Unavailable(f"SES sends no mail now: {'daily quota used up' if refused.over_quota else refused}")
        case Remedy.NONE:
            return Unprocessable(f"SES does not take this mail: {refused}")
    return Busy(f"SES took no mail just now: {refused}")


def _claim(customer_id: str, mail_id: str, now: datetime) -> bool:
    try:
        apply(mails.claim(customer_id, mail_id, now))
    except Cancelled as cancelled:
        if cancelled.refused(0):
            return False
        raise Busy("the mail is being claimed by others; try again") from cancelled
    return True


@optimistic
def _record(customer_id: str, mail_id: str, outcome: Outcome, data: Mapping[str, str], now: datetime) -> None:
    """The first outcome stays, unless a later outcome is SENT."""
    try:
        transact(*mails.put_outcome(customer_id, mail_id, outcome, data, now))
    except Cancelled as cancelled:
        if not cancelled.refused(0):
            raise


@optimistic
def _record_sent(customer_id: str, mail_id: str, message_id: str, data: Mapping[str, str], now: datetime) -> None:
    try:
        transact(*mails.put_sent(customer_id, mail_id, message_id, data, now))
    except Cancelled as cancelled:
        if not cancelled.refused(0):
            raise


@cache
def _ses() -> "SESV2Client":
    # A single try: a mail whose answer is lost may have been sent.
    return aws.client("sesv2", config=Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=10))
