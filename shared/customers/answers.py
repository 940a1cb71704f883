"""Answers about customers."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from shared.customers.consent import Channel, Status, SuppressionReason, Topic
from shared.edge.answers import Answer, Day, Next, Timestamp, absent, example


class SignupTaken(Answer):
    """A signup was taken; the answer is the same for every address, known or not."""

    model_config = example(status="PENDING")

    status: Literal["PENDING"] = Field(description="a mail asks to confirm it")


class ConsentState(Answer):
    """Where a consent stands. Only SUBSCRIBED allows marketing."""

    status: Status
    since: Timestamp = Field(description="when it became so")
    reason: SuppressionReason | None = Field(description="why it is SUPPRESSED")


class CustomerProfile(Answer):
    """The profile of a customer."""

    customer_id: str
    email: str | None = Field(description="null for customers whom the shop knows by number only")
    name: str | None
    phone: str | None
    birthday: Day | None
    locale: str | None = Field(description="language as they sent it, such as de-DE")
    time_zone: str | None = Field(description="IANA time zone")
    referral_code: str | None = Field(description="the code by which a friend referred them")
    created_at: Timestamp
    paused_until: Day | None = Field(description="the first day with mail again")
    signup_requested_at: Timestamp | None = Field(description="time of a signup that waits for its confirmation")
    consents: dict[Channel, dict[Topic, ConsentState]] = Field(description="by channel and topic")


class SignedOut(Answer):
    """All links of a customer have ended."""

    model_config = example(customer_id="K-77", links_ended_until="2026-11-21T20:14:00.000Z")

    customer_id: str
    links_ended_until: Timestamp = Field(description="links made until then are not valid; those in later mails are")


class TimelineFact(Answer):
    """A fact; its further members are those of its type, see docs/events.md. `code` only for keys with points:write."""

    model_config = ConfigDict(strict=True, extra="allow")

    type: str = Field(description="type of the fact, such as PurchaseRecorded")
    id: str = Field(description="unique among the customer's facts of this type")
    customer_id: str
    occurred_at: Timestamp = Field(description="when it happened")
    recorded_at: Timestamp = Field(description="when it was written")
    version: Annotated[int, Field(ge=1)] = absent("version of the type's schema")


class Timeline(Answer):
    """A page of a customer's facts, newest first."""

    model_config = example(
        customer_id="K-77",
        facts=[
            {
                "type": "MailPaused",
                "id": "20261121201400000000",
                "customer_id": "K-77",
                "occurred_at": "2026-11-21T20:14:00.000Z",
                "recorded_at": "2026-11-21T20:14:00.000Z",
                "until": "2026-12-21",
            }
        ],
        next=None,
    )

    customer_id: str
    facts: list[TimelineFact]
    next: Next
