"""Cases: how soon they are due, who has them, and the steps until they are resolved."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.cases import case
from shared.cases.case import (
    MAX_NOTES,
    MAX_OPEN_CASES,
    Case,
    CaseRules,
    CaseStatus,
    Complaint,
    Origin,
    Outcome,
    Priority,
    TooManyCases,
)
from shared.core.errors import Conflict
from shared.core.shop_time import ShopTime
from shared.scorecards.rfm import PROSPECTS
from shared.scorecards.score import Score

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
    rules = CaseRules(due_hours_high=2, due_hours_normal=20, due_hours_low=200)
    assert case.due(Priority(priority), rules, NOW) == NOW + timedelta(hours=hours)


def test_the_same_cause_of_the_same_customer_is_the_same_case() -> None:
    case_id = case.case_id("K-1", "after-purchase.2026-11-14")
    assert case_id == case.case_id("K-1", "after-purchase.2026-11-14")
    assert len({case_id, case.case_id("K-2", "after-purchase.2026-11-14"), case.case_id("K-1", "other")}) == 3
    assert (case_id[:2], len(case_id)) == ("c-", 16)


def test_a_new_case_has_the_owner_of_the_rules_and_is_due_by_its_customers_value() -> None:
    complaint = Complaint(text="Broken", score=3, themes=("QUALITY",), about={"channel": "web"})
    rules = CaseRules(owner="grace", due_hours_high=2)
    champion = Score("Champions", 5, 5, 5)
    new = case.new_case("K-1", "after-purchase.2026-11-14", Origin.SURVEY, complaint, champion, rules, NOW)
    assert (new.case_id, new.version) == (case.case_id("K-1", "after-purchase.2026-11-14"), 1)
    assert (new.text, new.score, new.themes, new.about) == ("Broken", 3, ("QUALITY",), {"channel": "web"})
    assert (new.owner, new.priority, new.due_at) == ("grace", Priority.HIGH, NOW + timedelta(hours=2))


def test_the_customer_is_asked_so_many_days_later_by_the_shops_clock() -> None:
    late = ShopTime(datetime(2026, 11, 21, 23, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    assert case.follow_up_on(CaseRules(recovery_after_days=3), late) == date(2026, 11, 25)


def test_a_customer_has_so_many_open_cases_and_no_more() -> None:
    case.check_open_cases(MAX_OPEN_CASES - 1)
    with pytest.raises(TooManyCases):
        case.check_open_cases(MAX_OPEN_CASES)


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


def test_a_changed_answer_is_taken_over_and_its_fact_does_not_carry_its_words() -> None:
    noted = replace(OPEN, score=3, owner="grace", version=4)
    complaint = Complaint(text="Worse", score=1, sentiment="NEGATIVE", themes=("SIZE",))
    after, fact = case.revise(noted, ["c-1"], complaint, NOW)
    assert after == replace(noted, score=1, text="Worse", sentiment="NEGATIVE", themes=("SIZE",), version=5)
    assert (fact.type, fact.id, fact.data) == ("CaseChanged", "c-1/4", {"case_id": "c-1", "score": 1})


def test_a_case_goes_from_person_to_person_and_is_not_given_twice() -> None:
    change = case.assign(OPEN, "grace", NOW)
    assert change is not None
    after, fact = change
    assert (after.owner, after.version) == ("grace", 2)
    assert (fact.type, fact.id, fact.data["owner"]) == ("CaseAssigned", "c-1/1", "grace")
    assert case.assign(after, "grace", NOW) is None
    again = case.assign(after, "ada", NOW)
    assert again is not None
    assert again[1].id == "c-1/2"


def test_a_note_is_written_once_and_may_come_again_after_another() -> None:
    noted, texts = OPEN, ("Called", "Called", "Wrote", "Called")
    for text in texts:
        change = case.comment(noted, "grace", text, NOW)
        noted = change[0] if change else noted
    assert [note.text for note in noted.notes] == ["Called", "Wrote", "Called"]
    other = case.comment(noted, "ada", "Called", NOW)
    assert other is not None
    assert other[0].notes[-1].author == "ada"
    assert "Called" not in other[1].data.values()


def test_a_case_takes_so_many_notes_and_the_last_again_is_still_nothing() -> None:
    noted = OPEN
    for number in range(MAX_NOTES):
        change = case.comment(noted, "grace", str(number), NOW)
        assert change is not None
        noted = change[0]
    assert case.comment(noted, "grace", str(MAX_NOTES - 1), NOW) is None
    with pytest.raises(Conflict, match="notes"):
        case.comment(noted, "grace", "another", NOW)


def resolved(outcome: Outcome = Outcome.SOLVED) -> Case:
    change = case.resolve(OPEN, outcome, NOW + timedelta(hours=3))
    assert change is not None
    return change[0]


def test_a_resolved_case_says_what_came_of_it_and_how_long_it_took() -> None:
    change = case.resolve(replace(OPEN, owner="grace"), Outcome.COMPENSATED, NOW + timedelta(minutes=90, seconds=59))
    assert change is not None
    after, fact = change
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
    assert case.comment(resolved(), "grace", "They wrote to say thank you", NOW) is not None


def test_an_overdue_case_is_reported_once_from_the_moment_when_it_is_due() -> None:
    assert case.escalate(OPEN, DUE - timedelta(milliseconds=1)) is None
    change = case.escalate(OPEN, DUE)
    assert change is not None
    after, fact = change
    assert (after.escalated_at, fact.type, fact.id) == (DUE, "CaseOverdue", "c-1")
    assert case.escalate(after, DUE + timedelta(days=1)) is None
    assert case.escalate(resolved(), DUE + timedelta(days=1)) is None
