"""Lists of cases: pk `CASES#OPEN`, `CASES#RESOLVED`, `CASES#RECOVERY`, sk `<when>#<case_id>`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from shared.cases.case import Case, CaseStatus
from shared.core.codec import to_members
from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """An open case in the order of urgency."""

    due_at: datetime
    case_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedCase:
    """A resolved case in the order of time."""

    resolved_at: datetime
    case_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A resolved case whose customer is to be asked whether it helped, from the shop's day `ask_on` on."""

    ask_on: date
    case_id: str


OPEN: Final = Kind(OpenCase, CUSTOMERS, "CASES#OPEN", "{due_at}#{case_id}", in_key=("due_at",))
RESOLVED: Final = Kind(ResolvedCase, CUSTOMERS, "CASES#RESOLVED", "{resolved_at}#{case_id}", in_key=("resolved_at",))
FOLLOW_UPS: Final = Kind(FollowUp, CUSTOMERS, "CASES#RECOVERY", "{ask_on}#{case_id}", in_key=("ask_on",))


def page(status: CaseStatus, limit: int, after: str | None = None) -> tuple[list[str], str | None]:
    """Ids of open cases, the most urgent first, or of resolved ones, the newest first; and the key to go on from."""
    kind: Kind[Any] = OPEN if status is CaseStatus.OPEN else RESOLVED
    items = kind.items(limit + 1, status is CaseStatus.RESOLVED, after)
    more = items[limit - 1]["sk"] if len(items) > limit else None
    return [item["case_id"] for item in items[:limit]], more


def list_follow_ups(today: date) -> list[FollowUp]:
    """Resolved cases about which it is time to ask, the oldest first (1 read unit per 4 KB of all that wait)."""
    return [entry for entry in FOLLOW_UPS.query() if entry.ask_on <= today]


def put_open(case: Case) -> Write:
    """The write that lists an open case (2 write units)."""
    return OPEN.put(OpenCase(due_at=case.due_at, case_id=case.case_id))


def delete_open(case: Case) -> Write:
    """The write that takes a case off the list of open ones (2 write units)."""
    return CUSTOMERS.delete(OPEN.key(**to_members(OpenCase(due_at=case.due_at, case_id=case.case_id))))


def put_resolved(case_id: str, resolved_at: datetime) -> Write:
    """The write that lists a resolved case (2 write units)."""
    return RESOLVED.put(ResolvedCase(resolved_at=resolved_at, case_id=case_id))


def put_follow_up(follow_up: FollowUp) -> Write:
    """The write that lists a case to be asked about (2 write units)."""
    return FOLLOW_UPS.put(follow_up)


def delete_follow_up(follow_up: FollowUp) -> Write:
    """The write that takes a case off the list of those to be asked about (2 write units)."""
    return CUSTOMERS.delete(FOLLOW_UPS.key(**to_members(follow_up)))
