"""Facts about cases; those by staff name the member of staff by an id."""

from typing import Annotated, Final, Literal, NotRequired, TypedDict

from shared.core.facts import FactType, Member, Timestamp

_Score = Annotated[int, Member("the score that the customer gave, 0 to 10", 3)]
_Owner = Annotated[str, Member("id of the member of staff who has the case", "grace", personal=True)]


class _Case(TypedDict):
    case_id: Annotated[str, Member("the case", "c-0f3b1c9a7d2e44")]


class CaseOpened(_Case):
    """Members of `CaseOpened`."""

    origin: Annotated[Literal["SURVEY", "COMPLAINT"], Member("what opened it", "SURVEY")]
    priority: Annotated[Literal["HIGH", "NORMAL", "LOW"], Member("by the customer's value", "HIGH")]
    due_at: Annotated[Timestamp, Member("when it has to be resolved", "2026-11-22T20:14:00.000Z")]
    owner: NotRequired[_Owner]
    score: NotRequired[_Score]


class CaseContinued(_Case):
    """Members of `CaseContinued`."""

    message_id: Annotated[str, Member("the customer's message in the case", "c-5d20e6a8b94f71")]
    origin: Annotated[Literal["SURVEY", "COMPLAINT"], Member("what was added to it", "COMPLAINT")]
    priority: Annotated[Literal["HIGH", "NORMAL", "LOW"], Member("its priority now", "HIGH")]
    due_at: Annotated[Timestamp, Member("when it has to be resolved now", "2026-11-22T20:14:00.000Z")]
    owner: NotRequired[_Owner]
    score: NotRequired[_Score]


class CaseAssigned(_Case):
    """Members of `CaseAssigned`."""

    owner: _Owner


class CaseCommented(_Case):
    """Members of `CaseCommented`."""

    author: Annotated[str, Member("id of the member of staff who wrote the note", "grace", personal=True)]


class CaseChanged(_Case):
    """Members of `CaseChanged`."""

    score: _Score


class CaseOverdue(_Case):
    """Members of `CaseOverdue`."""

    due_at: Annotated[Timestamp, Member("when it had to be resolved", "2026-11-22T20:14:00.000Z")]
    owner: NotRequired[_Owner]


class CaseResolved(_Case):
    """Members of `CaseResolved`."""

    outcome: Annotated[
        Literal["SOLVED", "COMPENSATED", "EXPLAINED", "NO_REPLY", "NOT_JUSTIFIED"], Member("what came of it", "SOLVED")
    ]
    minutes: Annotated[int, Member("how long it was open, in whole minutes", 135)]
    owner: NotRequired[_Owner]


_CASE: Final = Member("the case id", "c-0f3b1c9a7d2e44")
_CHANGE: Final = Member("the case id `/` the version of the case before the change", "c-0f3b1c9a7d2e44/2")

CASE_OPENED: Final = FactType(
    name="CaseOpened", summary="A detractor answered, or somebody complained.", id=_CASE, data=CaseOpened
)
CASE_CONTINUED: Final = FactType(
    name="CaseContinued",
    summary="A customer with an open case complained, or answered as a detractor, about the same incident.",
    id=_CHANGE,
    data=CaseContinued,
)
CASE_ASSIGNED: Final = FactType(
    name="CaseAssigned", summary="Staff gave a case to somebody.", id=_CHANGE, data=CaseAssigned
)
CASE_COMMENTED: Final = FactType(
    name="CaseCommented", summary="Staff wrote a note into a case.", id=_CHANGE, data=CaseCommented
)
CASE_CHANGED: Final = FactType(
    name="CaseChanged",
    summary="The customer changed the answer that had opened the case.",
    id=_CHANGE,
    data=CaseChanged,
)
CASE_OVERDUE: Final = FactType(
    name="CaseOverdue",
    summary="A case was not resolved in time; within some minutes after it was due.",
    id=_CASE,
    data=CaseOverdue,
)
CASE_RESOLVED: Final = FactType(
    name="CaseResolved", summary="Staff closed a case with what came of it.", id=_CASE, data=CaseResolved
)
