"""Facts about mails to, or about, a customer."""

from typing import Annotated, Final, Literal, NotRequired, TypedDict

from shared.core.facts import FactType, Member
from shared.customers.consent import Topic

_Template = Annotated[str, Member("the template by which it was written", "survey_invitation")]


class EmailSent(TypedDict):
    """Members of `EmailSent`."""

    template: _Template
    message_id: Annotated[str, Member("SES's id of the message", "0107018f2d1a7c3e-6a1b")]
    to: NotRequired[Annotated[Literal["MARKETER"], Member("who got it, where that was not the customer", "MARKETER")]]


class EmailSkipped(TypedDict):
    """Members of `EmailSkipped`."""

    topic: Annotated[Topic, Member("the topic of the mail", "SURVEYS")]
    reason: Annotated[
        Literal["NO_ADDRESS", "NO_CONSENT", "SUPPRESSED", "PAUSED", "OPEN_CASE", "OUTDATED"],
        Member("why it was not sent", "NO_CONSENT"),
    ]


class EmailUnknown(TypedDict):
    """Members of `EmailUnknown`."""

    template: _Template


_MAIL: Final = Member("the mail id", "survey-after-purchase.2026-11-14")

EMAIL_SENT: Final = FactType(name="EmailSent", summary="SES took a mail.", id=_MAIL, data=EmailSent)
EMAIL_SKIPPED: Final = FactType(
    name="EmailSkipped", summary="A mail was not sent, and why.", id=_MAIL, data=EmailSkipped
)
EMAIL_UNKNOWN: Final = FactType(
    name="EmailUnknown",
    summary="The sender of a mail ended before its outcome was recorded: it may have been sent, and is not again.",
    id=_MAIL,
    data=EmailUnknown,
)
