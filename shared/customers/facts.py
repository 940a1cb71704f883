"""Facts about consents and pauses of a customer; their evidence lies apart, where it can be erased."""

from typing import Annotated, Final, NotRequired, TypedDict

from shared.core.facts import Day, FactType, Member
from shared.customers.consent import Channel, SuppressionReason, Topic

_Topics = Annotated[list[Topic], Member("the topics concerned", ["NEWS", "OFFERS"])]
_Reached = Annotated[Channel, Member("the channel concerned", "EMAIL")]


class CustomerSignedUp(TypedDict):
    """Members of `CustomerSignedUp`."""

    signup_id: Annotated[str, Member("the signup", "2f1c9f0e7a5d4c0b")]
    topics: _Topics
    locale: NotRequired[Annotated[str, Member("language as sent, not normalised", "de-DE")]]


class ConsentGranted(TypedDict):
    """Members of `ConsentGranted`."""

    channel: _Reached
    topics: _Topics
    signup_id: NotRequired[Annotated[str, Member("the signup that was confirmed", "2f1c9f0e7a5d4c0b")]]


class ConsentWithdrawn(TypedDict):
    """Members of `ConsentWithdrawn`."""

    channel: _Reached
    topics: _Topics


class ConsentSuppressed(TypedDict):
    """Members of `ConsentSuppressed`."""

    channel: _Reached
    reason: Annotated[SuppressionReason, Member("what SES reported", "BOUNCE")]
    feedback_id: Annotated[str, Member("SES's id of the report", "0107018f2d1a7c3e-6a1b")]


class CustomerSignedOut(TypedDict):
    """Members of `CustomerSignedOut`."""

    epoch: Annotated[int, Member("how often they have been signed out everywhere", 1)]


class MailPaused(TypedDict):
    """Members of `MailPaused`."""

    until: Annotated[Day, Member("the first day with mail again, in the shop's time zone", "2026-12-21")]


class MailResumed(TypedDict):
    """`MailResumed` has no members of its own."""


_SIGNUP: Final = Member("the signup id", "2f1c9f0e7a5d4c0b")
_TIME: Final = Member("the time, in UTC to the microsecond", "20261121201400000000")

CUSTOMER_SIGNED_UP: Final = FactType(
    name="CustomerSignedUp",
    summary="A signup was taken and waits for its confirmation.",
    id=_SIGNUP,
    data=CustomerSignedUp,
)
CONSENT_GRANTED: Final = FactType(
    name="ConsentGranted",
    summary="A signup was confirmed, or topics were chosen in the preference centre.",
    id=Member("the signup id, or the channel `-` the time", "2f1c9f0e7a5d4c0b"),
    data=ConsentGranted,
)
CONSENT_WITHDRAWN: Final = FactType(
    name="ConsentWithdrawn",
    summary="A customer unsubscribed from topics, or no longer chose them in the preference centre.",
    id=Member("the channel `-` the time", "EMAIL-20261121201400000000"),
    data=ConsentWithdrawn,
)
CONSENT_SUPPRESSED: Final = FactType(
    name="ConsentSuppressed",
    summary="SES reported a permanent bounce or a complaint: no mail goes to this address any more.",
    id=Member("SES's id of the report", "0107018f2d1a7c3e-6a1b"),
    data=ConsentSuppressed,
)
CUSTOMER_SIGNED_OUT: Final = FactType(
    name="CustomerSignedOut",
    summary="All links of a customer were ended; those in later mails are valid.",
    id=Member("the epoch that began", "1"),
    data=CustomerSignedOut,
)
MAIL_PAUSED: Final = FactType(
    name="MailPaused",
    summary="A customer asked for no mail until a day.",
    id=_TIME,
    data=MailPaused,
)
MAIL_RESUMED: Final = FactType(
    name="MailResumed",
    summary="A customer ended a pause before its day.",
    id=_TIME,
    data=MailResumed,
)
