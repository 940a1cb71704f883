"""Cases: a complaint, or an answer that asks for repair, until somebody has resolved it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from shared.cases import facts
from shared.core.errors import Conflict
from shared.core.facts import Fact, FactType, to_timestamp
from shared.nps.survey import Rules
from shared.scorecards.rfm import Score

# Each of up to 2,000 signs of up to four bytes: together they fit into one item of 400 KB.
MAX_NOTES: Final = 40


class Origin(StrEnum):
    """What opened a case."""

    SURVEY = "SURVEY"
    COMPLAINT = "COMPLAINT"


class Priority(StrEnum):
    """How soon a case is due."""

    HIGH = "HIGH"
    NORMAL = "NORMAL"
    LOW = "LOW"


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


class Outcome(StrEnum):
    """What came of a case."""

    SOLVED = "SOLVED"
    COMPENSATED = "COMPENSATED"
    EXPLAINED = "EXPLAINED"
    NO_REPLY = "NO_REPLY"
    NOT_JUSTIFIED = "NOT_JUSTIFIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody wrote into a case."""

    at: datetime
    author: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case. `text` is what the customer wrote, `score` what she answered, if she did.

    `escalated_at` is when it was told of as overdue; `version` counts the writes.
    """

    case_id: str
    customer_id: str
    origin: Origin
    opened_at: datetime
    due_at: datetime
    priority: Priority
    text: str = ""
    score: int | None = None
    sentiment: str | None = None
    themes: tuple[str, ...] = ()
    owner: str | None = None
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


def case_id(customer_id: str, cause: str) -> str:
    """A short id, the same for the same customer and cause: `c-` and fourteen characters."""
    return "c-" + hashlib.sha256(f"{customer_id}/{cause}".encode()).hexdigest()[:14]


def priority_of(score: Score | None) -> Priority:
    """By the customer's value: the two upper fifths of what customers spend are HIGH, the lowest is LOW."""
    if score is None or score.m is None:
        return Priority.NORMAL
    return Priority.HIGH if score.m >= 4 else Priority.NORMAL if score.m >= 2 else Priority.LOW


def due(priority: Priority, rules: Rules, opened_at: datetime) -> datetime:
    """When a case of this priority has to be resolved."""
    hours = {
        Priority.HIGH: rules.due_hours_high,
        Priority.NORMAL: rules.due_hours_normal,
        Priority.LOW: rules.due_hours_low,
    }[priority]
    return opened_at + timedelta(hours=hours)


def opened(one: Case) -> Fact:
    """`CaseOpened`."""
    data = {
        "origin": one.origin,
        "priority": one.priority,
        "due_at": to_timestamp(one.due_at),
        "owner": one.owner,
        "score": one.score,
    }
    return _fact(facts.CASE_OPENED, one.case_id, one, one.opened_at, data)


def assign(one: Case, owner: str, now: datetime) -> tuple[Case, Fact] | None:
    """Give a case to somebody; None where she has it. Raises Conflict for a resolved case."""
    _check_open(one)
    if one.owner == owner:
        return None
    after = replace(one, owner=owner, version=one.version + 1)
    data = {"owner": owner}
    return after, _fact(facts.CASE_ASSIGNED, f"{one.case_id}/{one.version}", one, now, data)


def comment(one: Case, author: str, text: str, now: datetime) -> tuple[Case, Fact] | None:
    """Write a note; None where the last one is the same. Raises Conflict where there are too many."""
    if one.notes and (one.notes[-1].author, one.notes[-1].text) == (author, text):
        return None
    if len(one.notes) >= MAX_NOTES:
        raise Conflict(f"case {one.case_id} has {MAX_NOTES} notes, the most that one takes")
    after = replace(one, notes=(*one.notes, Note(at=now, author=author, text=text)), version=one.version + 1)
    data = {"author": author}
    return after, _fact(facts.CASE_COMMENTED, f"{one.case_id}/{one.version}", one, now, data)


def hear(
    one: Case, score: int, text: str, sentiment: str | None, themes: tuple[str, ...], now: datetime
) -> tuple[Case, Fact]:
    """Take over what the customer has changed of her answer."""
    after = replace(one, score=score, text=text, sentiment=sentiment, themes=themes, version=one.version + 1)
    data = {"score": score}
    return after, _fact(facts.CASE_CHANGED, f"{one.case_id}/{one.version}", one, now, data)


def resolve(one: Case, outcome: Outcome, now: datetime) -> tuple[Case, Fact] | None:
    """Close a case with what came of it; None where it is closed so. Raises Conflict where it is closed otherwise."""
    if one.resolved_at:
        if one.outcome is outcome:
            return None
        raise Conflict(f"case {one.case_id} is resolved as {one.outcome} already")
    after = replace(one, outcome=outcome, resolved_at=now, version=one.version + 1)
    minutes = int((now - one.opened_at).total_seconds() // 60)
    data = {"outcome": outcome, "minutes": minutes, "owner": one.owner}
    return after, _fact(facts.CASE_RESOLVED, one.case_id, one, now, data)


def escalate(one: Case, now: datetime) -> tuple[Case, Fact] | None:
    """Tell once that a case is overdue; None where it is not, or was told."""
    if one.resolved_at or one.escalated_at or now < one.due_at:
        return None
    after = replace(one, escalated_at=now, version=one.version + 1)
    data = {"due_at": to_timestamp(one.due_at), "owner": one.owner}
    return after, _fact(facts.CASE_OVERDUE, one.case_id, one, now, data)


def _check_open(one: Case) -> None:
    if one.resolved_at:
        raise Conflict(f"case {one.case_id} is resolved already")


def _fact(type_: FactType, fact_id: str, one: Case, now: datetime, data: dict[str, Any]) -> Fact:
    return type_.fact(id=fact_id, customer_id=one.customer_id, now=now, data={"case_id": one.case_id, **data})
