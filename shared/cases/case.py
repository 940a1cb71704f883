"""Cases: a complaint, or an answer that asks for repair, until somebody has resolved it."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from shared.cases import facts
from shared.core.errors import Conflict
from shared.core.facts import Fact, FactType, to_timestamp
from shared.core.privacy import FREE_TEXT, STAFF
from shared.core.shop_time import ShopTime
from shared.scorecards.score import Score

# The most that is written at once, in characters: by the customer, and by staff in a note.
TEXT_MAX_LENGTH: Final = 2_000
# At their greatest length, in characters of up to four bytes, all notes fit into an item of 400 KB.
MAX_NOTES: Final = 40
# Messages that their customer adds to a case. A further one opens a case of its own.
MAX_ADDED: Final = 5
# A survey's answer and a complaint within so many days are about the same incident: a survey asks a week after a
# purchase, and a case is due after five days at the latest.
INCIDENT_DAYS: Final = 7
# Stands for the customer as the author of a note.
CUSTOMER: Final = "customer"
# Open cases of one customer. More complaints have to wait until some are resolved.
MAX_OPEN_CASES: Final = 5


class Origin(StrEnum):
    """The cause of a case."""

    SURVEY = "SURVEY"
    COMPLAINT = "COMPLAINT"


class Priority(StrEnum):
    """How soon a case is due."""

    HIGH = "HIGH"
    NORMAL = "NORMAL"
    LOW = "LOW"


_URGENCY: Final = (Priority.LOW, Priority.NORMAL, Priority.HIGH)


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


class Outcome(StrEnum):
    """How a case ended."""

    SOLVED = "SOLVED"
    COMPENSATED = "COMPENSATED"
    EXPLAINED = "EXPLAINED"
    NO_REPLY = "NO_REPLY"
    NOT_JUSTIFIED = "NOT_JUSTIFIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRules:
    """The shop's rules for cases: due after so many hours by priority, `owner` is the first owner.

    `recovery_after_days` after a case is resolved the customer is asked whether it helped.
    """

    owner: Annotated[str | None, STAFF] = None
    due_hours_high: int = 24
    due_hours_normal: int = 48
    due_hours_low: int = 120
    recovery_after_days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A customer's words; where they answered a survey, the score from 0 to 10 and the reading of the words, too.

    `about` are the dimensions by which the answer is counted.
    """

    text: str
    score: int | None = None
    sentiment: str | None = None
    themes: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note by a member of staff, or what the customer said later about the same incident, by CUSTOMER.

    The customer's has an `origin`, the id of their message and, from a survey, a score from 0 to 10.
    """

    at: datetime
    author: Annotated[str, STAFF]
    text: Annotated[str, FREE_TEXT]
    origin: Origin | None = None
    message_id: str | None = None
    score: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case, with the customer's words as of their last change.

    `escalated_at` is when it was reported as overdue; `version` counts the writes.
    """

    case_id: str
    customer_id: str
    origin: Origin
    opened_at: datetime
    due_at: datetime
    priority: Priority
    text: Annotated[str, FREE_TEXT] = ""
    score: int | None = None
    sentiment: str | None = None
    themes: tuple[str, ...] = ()
    owner: Annotated[str | None, STAFF] = None
    notes: tuple[Note, ...] = ()
    outcome: Outcome | None = None
    resolved_at: datetime | None = None
    escalated_at: datetime | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    version: int = 1

    @property
    def status(self) -> CaseStatus:
        """OPEN until it is resolved."""
        return CaseStatus.RESOLVED if self.resolved_at else CaseStatus.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The words of a customer in a case; `score` is None for a complaint. Those that opened it have the case's id."""

    message_id: str
    at: datetime
    origin: Origin
    text: str
    score: int | None


class TooManyCases(Conflict):
    """The customer has as many open cases as they may have."""


def case_id(customer_id: str, cause: str) -> str:
    """A short id, the same for the same customer and cause: `c-` and fourteen characters."""
    return "c-" + hashlib.sha256(f"{customer_id}/{cause}".encode()).hexdigest()[:14]


def priority_of(score: Score | None) -> Priority:
    """By the customer's value: the two upper fifths of what customers spend are HIGH, the lowest is LOW."""
    if score is None or score.m is None:
        return Priority.NORMAL
    return Priority.HIGH if score.m >= 4 else Priority.NORMAL if score.m >= 2 else Priority.LOW


def due(priority: Priority, rules: CaseRules, opened_at: datetime) -> datetime:
    """When a case of this priority has to be resolved."""
    hours = {
        Priority.HIGH: rules.due_hours_high,
        Priority.NORMAL: rules.due_hours_normal,
        Priority.LOW: rules.due_hours_low,
    }[priority]
    return opened_at + timedelta(hours=hours)


def follow_up_on(rules: CaseRules, time: ShopTime) -> date:
    """The shop's day on which the customer of a case that is resolved now is asked whether it helped."""
    return time.day_of(time.now + timedelta(days=rules.recovery_after_days))


def check_open_cases(count: int) -> None:
    """Raises TooManyCases where a customer with so many open cases has to wait with another complaint."""
    if count >= MAX_OPEN_CASES:
        raise TooManyCases(f"{MAX_OPEN_CASES} cases of this customer are open already")


def new_case(
    customer_id: str,
    cause: str,
    origin: Origin,
    complaint: Complaint,
    score: Score | None,
    rules: CaseRules,
    now: datetime,
) -> Case:
    """A case of now: as urgent as the customer with this RFM score is valuable, with the owner by the rules."""
    priority = priority_of(score)
    return Case(
        case_id=case_id(customer_id, cause),
        customer_id=customer_id,
        origin=origin,
        opened_at=now,
        due_at=due(priority, rules, now),
        priority=priority,
        text=complaint.text,
        score=complaint.score,
        sentiment=complaint.sentiment,
        themes=complaint.themes,
        owner=rules.owner,
        about=complaint.about,
    )


def messages(case: Case) -> list[Message]:
    """All that the customer said in a case, oldest first."""
    first = Message(message_id=case.case_id, at=case.opened_at, origin=case.origin, text=case.text, score=case.score)
    added = [
        Message(message_id=note.message_id, at=note.at, origin=note.origin, text=note.text, score=note.score)
        for note in case.notes
        if note.origin and note.message_id
    ]
    return [first, *added]


def is_same_incident(case: Case, origin: Origin, complaint: Complaint, now: datetime) -> bool:
    """Whether what a customer says now belongs to this case of theirs instead of to a new case.

    A survey's answer and a complaint, in either order, are about the same incident where the case is open, was opened
    within INCIDENT_DAYS, and no two different orders are known. Two complaints are two incidents.
    """
    orders = {about["order_id"] for about in (case.about, complaint.about) if "order_id" in about}
    return (
        case.resolved_at is None
        and case.origin is not origin
        and now - case.opened_at <= timedelta(days=INCIDENT_DAYS)
        and len(orders) < 2
        and sum(note.origin is not None for note in case.notes) < MAX_ADDED
        and len(case.notes) < MAX_NOTES
    )


def continue_case(
    case: Case,
    message_id: str,
    origin: Origin,
    complaint: Complaint,
    score: Score | None,
    rules: CaseRules,
    now: datetime,
) -> tuple[Case, Fact]:
    """Add what the customer says now; where their value has grown, the case is more urgent and due earlier."""
    note = Note(
        at=now, author=CUSTOMER, text=complaint.text, origin=origin, message_id=message_id, score=complaint.score
    )
    priority = max(case.priority, priority_of(score), key=_URGENCY.index)
    due_at = case.due_at if priority is case.priority else min(case.due_at, due(priority, rules, now))
    after = replace(
        case,
        notes=(*case.notes, note),
        priority=priority,
        due_at=due_at,
        sentiment=complaint.sentiment or case.sentiment,
        themes=complaint.themes or case.themes,
        about={**complaint.about, **case.about},
        version=case.version + 1,
    )
    data = {
        "case_id": case.case_id,
        "message_id": message_id,
        "origin": origin,
        "priority": priority,
        "due_at": to_timestamp(due_at),
        "owner": case.owner,
        "score": complaint.score,
    }
    return after, _fact(facts.CASE_CONTINUED, f"{case.case_id}/{case.version}", case, now, data)


def opened(case: Case) -> Fact:
    """`CaseOpened`."""
    data = {
        "case_id": case.case_id,
        "origin": case.origin,
        "priority": case.priority,
        "due_at": to_timestamp(case.due_at),
        "owner": case.owner,
        "score": case.score,
    }
    return _fact(facts.CASE_OPENED, case.case_id, case, case.opened_at, data)


def assign(case: Case, owner: str, now: datetime) -> tuple[Case, Fact] | None:
    """Give a case to somebody; None where they have it. Raises Conflict for a resolved case."""
    if case.resolved_at:
        raise Conflict(f"case {case.case_id} is resolved already")
    if case.owner == owner:
        return None
    after = replace(case, owner=owner, version=case.version + 1)
    data = {"case_id": case.case_id, "owner": owner}
    return after, _fact(facts.CASE_ASSIGNED, f"{case.case_id}/{case.version}", case, now, data)


def comment(case: Case, author: str, text: str, now: datetime) -> tuple[Case, Fact] | None:
    """Write a note; None where the last note is the same. Raises Conflict where there are too many."""
    if case.notes and (case.notes[-1].author, case.notes[-1].text) == (author, text):
        return None
    if len(case.notes) >= MAX_NOTES:
        raise Conflict(f"case {case.case_id} has {MAX_NOTES} notes, the most that a case takes")
    after = replace(case, notes=(*case.notes, Note(at=now, author=author, text=text)), version=case.version + 1)
    data = {"case_id": case.case_id, "author": author}
    return after, _fact(facts.CASE_COMMENTED, f"{case.case_id}/{case.version}", case, now, data)


def revise(case: Case, message_ids: Collection[str], complaint: Complaint, now: datetime) -> tuple[Case, Fact]:
    """Take over a change of the customer's answer, whose earlier forms had these ids."""
    after = replace(case, sentiment=complaint.sentiment, themes=complaint.themes, version=case.version + 1)
    if case.case_id in message_ids:
        after = replace(after, score=complaint.score, text=complaint.text)
    else:
        # A complaint opened the case: the mood and the themes come from the answer that was added to it.
        notes = [
            replace(note, text=complaint.text, score=complaint.score) if note.message_id in message_ids else note
            for note in case.notes
        ]
        after = replace(after, notes=tuple(notes))
    data = {"case_id": case.case_id, "score": complaint.score}
    return after, _fact(facts.CASE_CHANGED, f"{case.case_id}/{case.version}", case, now, data)


def resolve(case: Case, outcome: Outcome, now: datetime) -> tuple[Case, Fact] | None:
    """Close a case with its outcome; None where it is closed so. Raises Conflict where it is closed otherwise."""
    if case.resolved_at:
        if case.outcome is outcome:
            return None
        raise Conflict(f"case {case.case_id} is resolved as {case.outcome} already")
    after = replace(case, outcome=outcome, resolved_at=now, version=case.version + 1)
    minutes = int((now - case.opened_at).total_seconds() // 60)
    data = {"case_id": case.case_id, "outcome": outcome, "minutes": minutes, "owner": case.owner}
    return after, _fact(facts.CASE_RESOLVED, case.case_id, case, now, data)


def escalate(case: Case, now: datetime) -> tuple[Case, Fact] | None:
    """Report once that a case is overdue; None where it is not, or was reported."""
    if case.resolved_at or case.escalated_at or now < case.due_at:
        return None
    after = replace(case, escalated_at=now, version=case.version + 1)
    data = {"case_id": case.case_id, "due_at": to_timestamp(case.due_at), "owner": case.owner}
    return after, _fact(facts.CASE_OVERDUE, case.case_id, case, now, data)


def _fact(fact_type: FactType, fact_id: str, case: Case, now: datetime, data: dict[str, Any]) -> Fact:
    return fact_type.fact(id=fact_id, customer_id=case.customer_id, now=now, data=data)
