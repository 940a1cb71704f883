"""Cases: how soon they are due, who has them, and the steps until they are resolved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.cases import case
from shared.cases.case import MAX_NOTES, Case, CaseStatus, Origin, Outcome, Priority
from shared.core.errors import Conflict
from shared.nps.survey import Rules
from shared.scorecards.rfm import PROSPECTS, Score

NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)
DUE = NOW + timedelta(hours=48)
OPEN = Case(
    case_id="c-1",
    customer_id="K-1",
    origin=Origin.COMPLAINT,
    opened_at=NOW,
    due_at=DUE,
    priority=Priority.NORMAL,
    text="Broken",
)


@pytest.mark.parametrize(
    ("m", "priority"),
    [(5, "HIGH"), (4, "HIGH"), (3, "NORMAL"), (2, "NORMAL"), (1, "LOW")],
)
def test_the_priority_follows_what_the_customer_spends(m: int, priority: str) -> None:
    assert case.priority_of(Score("Champions", 1, 1, m)) == priority


def test_who_has_no_score_yet_has_the_normal_priority() -> None:
    assert case.priority_of(None) is Priority.NORMAL
    assert case.priority_of(Score(PROSPECTS, None, None, None)) is Priority.NORMAL


@pytest.mark.parametrize(("priority", "hours"), [("HIGH", 2), ("NORMAL", 20), ("LOW", 200)])
def test_a_case_is_due_by_its_priority(priority: str, hours: int) -> None:
    rules = Rules(due_hours_high=2, due_hours_normal=20, due_hours_low=200)
    assert case.due(Priority(priority), rules, NOW) == NOW + timedelta(hours=hours)


def test_the_same_cause_of_the_same_customer_is_the_same_case() -> None:
    one = case.case_id("K-1", "after-purchase.2026-11-14")
    assert one == case.case_id("K-1", "after-purchase.2026-11-14")
    assert len({one, case.case_id("K-2", "after-purchase.2026-11-14"), case.case_id("K-1", "other")}) == 3
    assert (one[:2], len(one)) == ("c-", 16)


def test_the_fact_of_a_new_case_does_not_carry_what_was_written() -> None:
    fact = case.opened(replace(OPEN, owner="grace", score=3))
    assert (fact.type, fact.id, fact.occurred_at) == ("CaseOpened", "c-1", NOW)
    assert fact.data == {
        "case_id": "c-1",
        "origin": "COMPLAINT",
        "priority": "NORMAL",
        "due_at": "2026-11-23T07:00:00.000Z",
        "owner": "grace",
        "score": 3,
    }
    assert "score" not in case.opened(OPEN).data


def test_a_changed_answer_is_taken_over_and_its_fact_does_not_carry_what_was_written() -> None:
    noted = replace(OPEN, score=3, owner="grace", version=4)
    after, fact = case.hear(noted, 1, "Worse", "NEGATIVE", ("SIZE",), NOW)
    assert after == replace(noted, score=1, text="Worse", sentiment="NEGATIVE", themes=("SIZE",), version=5)
    assert (fact.type, fact.id, fact.data) == ("CaseChanged", "c-1/4", {"case_id": "c-1", "score": 1})


def test_a_case_goes_from_one_to_another_and_is_not_given_twice() -> None:
    done = case.assign(OPEN, "grace", NOW)
    assert done is not None
    after, fact = done
    assert (after.owner, after.version) == ("grace", 2)
    assert (fact.type, fact.id, fact.data["owner"]) == ("CaseAssigned", "c-1/1", "grace")
    assert case.assign(after, "grace", NOW) is None
    again = case.assign(after, "ada", NOW)
    assert again is not None
    assert again[1].id == "c-1/2"


def test_a_note_is_written_once_and_may_come_again_after_another() -> None:
    one, notes = OPEN, ("Called", "Called", "Wrote", "Called")
    for text in notes:
        done = case.comment(one, "grace", text, NOW)
        one = done[0] if done else one
    assert [note.text for note in one.notes] == ["Called", "Wrote", "Called"]
    other = case.comment(one, "ada", "Called", NOW)
    assert other is not None
    assert other[0].notes[-1].author == "ada"
    assert "Called" not in other[1].data.values()


def test_a_case_takes_so_many_notes_and_the_last_one_again_is_still_nothing() -> None:
    one = OPEN
    for number in range(MAX_NOTES):
        done = case.comment(one, "grace", str(number), NOW)
        assert done is not None
        one = done[0]
    assert case.comment(one, "grace", str(MAX_NOTES - 1), NOW) is None
    with pytest.raises(Conflict, match="notes"):
        case.comment(one, "grace", "one more", NOW)


def resolved(outcome: Outcome = Outcome.SOLVED) -> Case:
    done = case.resolve(OPEN, outcome, NOW + timedelta(hours=3))
    assert done is not None
    return done[0]


def test_a_resolved_case_says_what_came_of_it_and_how_long_it_took() -> None:
    done = case.resolve(replace(OPEN, owner="grace"), Outcome.COMPENSATED, NOW + timedelta(minutes=90, seconds=59))
    assert done is not None
    after, fact = done
    assert (OPEN.status, after.status, after.outcome) == (CaseStatus.OPEN, CaseStatus.RESOLVED, Outcome.COMPENSATED)
    assert (fact.type, fact.id) == ("CaseResolved", "c-1")
    assert (fact.data["minutes"], fact.data["outcome"], fact.data["owner"]) == (90, "COMPENSATED", "grace")


def test_a_case_is_resolved_in_one_way_and_then_given_to_nobody() -> None:
    assert case.resolve(resolved(), Outcome.SOLVED, NOW + timedelta(days=1)) is None
    with pytest.raises(Conflict, match="SOLVED"):
        case.resolve(resolved(), Outcome.EXPLAINED, NOW)
    with pytest.raises(Conflict, match="resolved"):
        case.assign(resolved(), "grace", NOW)


def test_a_note_may_follow_when_the_case_is_resolved() -> None:
    assert case.comment(resolved(), "grace", "She wrote to say thank you", NOW) is not None


def test_an_overdue_case_is_told_of_once_from_the_moment_at_which_it_is_due() -> None:
    assert case.escalate(OPEN, DUE - timedelta(milliseconds=1)) is None
    done = case.escalate(OPEN, DUE)
    assert done is not None
    after, fact = done
    assert (after.escalated_at, fact.type, fact.id) == (DUE, "CaseOverdue", "c-1")
    assert case.escalate(after, DUE + timedelta(days=1)) is None
    assert case.escalate(resolved(), DUE + timedelta(days=1)) is None
