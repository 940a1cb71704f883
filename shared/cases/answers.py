"""Answers about cases."""

from typing import Annotated, Literal

from pydantic import Field

from shared.cases.case import CaseStatus, Origin, Outcome, Priority
from shared.edge.answers import Answer, Count, Next, Timestamp, absent, example


class NoteView(Answer):
    """A note in a case; one with an `origin` is what the customer said later about the same incident."""

    at: Timestamp
    author: str = Field(description="id of the member of staff who wrote it, or `customer`")
    text: str
    origin: Origin | None = Field(description="where the customer said it; null for a note by staff")
    message_id: str | None = Field(description="id of the customer's message; null for a note by staff")
    score: Annotated[int, Field(ge=0, le=10)] | None = Field(description="the score, where it is an answer to a survey")


class CaseSubject(Answer):
    """The dimensions by which a case is counted; members that are not known are absent."""

    segment: str = absent("RFM segment of the customer when they were asked")
    channel: str = absent("sales channel of the order")
    category: str = absent("category of the order's most valuable line")
    order_id: str = absent()


class _Case(Answer):
    case_id: str
    customer_id: str
    status: CaseStatus
    origin: Origin = Field(description="what opened it")
    priority: Priority = Field(description="by the customer's value")
    owner: str | None = Field(description="id of the member of staff who has it")
    opened_at: Timestamp
    due_at: Timestamp = Field(description="when it has to be resolved")
    text: str = Field(description="what the customer wrote")
    score: Annotated[int, Field(ge=0, le=10)] | None = Field(description="the score that the customer gave")
    sentiment: Literal["POSITIVE", "NEUTRAL", "NEGATIVE", "MIXED"] | None = Field(description="mood of the text")
    themes: list[str] = Field(description="themes of the text, such as DELIVERY")
    outcome: Outcome | None = Field(description="what came of it; null while it is open")
    resolved_at: Timestamp | None
    escalated_at: Timestamp | None = Field(description="when the marketer got the mail that it is overdue")
    about: CaseSubject


_EXAMPLE = {
    "case_id": "c-0f3b1c9a7d2e44",
    "customer_id": "K-77",
    "status": "OPEN",
    "origin": "SURVEY",
    "priority": "HIGH",
    "owner": "grace",
    "opened_at": "2026-11-21T20:14:00.000Z",
    "due_at": "2026-11-22T20:14:00.000Z",
    "text": "The parcel came two weeks late.",
    "score": 3,
    "sentiment": "NEGATIVE",
    "themes": ["DELIVERY"],
    "outcome": None,
    "resolved_at": None,
    "escalated_at": None,
    "about": {"segment": "Champions", "channel": "web"},
}


class CaseView(_Case):
    """A case with its notes, oldest first."""

    model_config = example(
        **_EXAMPLE,
        notes=[
            {
                "at": "2026-11-21T20:30:00.000Z",
                "author": "grace",
                "text": "Called them.",
                "origin": None,
                "message_id": None,
                "score": None,
            }
        ],
    )

    notes: list[NoteView]


class CaseInList(_Case):
    """A case with the number of its notes."""

    notes: Count


class CaseList(Answer):
    """A page of cases: open ones, the most urgent first, or resolved ones, the last resolved first."""

    model_config = example(cases=[{**_EXAMPLE, "notes": 1}], next=None)

    cases: list[CaseInList]
    next: Next
