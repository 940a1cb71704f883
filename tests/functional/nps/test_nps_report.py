"""The report on NPS: margins and counts that add up by every dimension, the change, themes, and what repair came to."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import Any
from zlib import crc32

import pytest

from shared.cases import actions
from shared.cases.case import Outcome
from shared.core import clock
from shared.core.dynamodb import CUSTOMERS, apply
from shared.core.months import month_of, months_after
from shared.core.shop_time import ShopTime
from shared.customers.store import contact_histories
from shared.nps import counting
from shared.nps.actions import answering, reporting
from shared.nps.store import figures
from shared.nps.survey import Answer, Invitation, Survey, Trigger
from tests.functional.calls import is_killed
from tests.functional.scenes import BERLIN, answered, ask, shop_day, sign_up

Load = Callable[..., dict[str, Any]]
Invoke = Callable[..., dict[str, Any]]

SPRING = datetime(2026, 3, 15, 12, tzinfo=UTC)
HOUR = {"source": "aws.scheduler"}
COUNTS = ("n", "promoters", "passives", "detractors", "invited")


def invitation(at: datetime, survey_id: str = "after-purchase", **about: str) -> Invitation:
    return Invitation(
        invitation_id="i",
        customer_id="K-1",
        survey_id=survey_id,
        run="r",
        invited_at=at,
        send_at=at,
        expires_at=at + timedelta(days=14),
        about=about,
    )


def count(
    scores: Sequence[int],
    at: datetime = SPRING,
    survey_id: str = "after-purchase",
    unanswered: int = 0,
    themes: tuple[str, ...] = (),
    customer_id: str = "K-1",
    **about: str,
) -> None:
    """Count so many invitations and their answers, as the transactions that record them do."""
    month, dimensions = month_at(at), counting.dimensions_of(invitation(at, survey_id, **about))
    for _ in range(len(scores) + unanswered):
        apply(figures.count_invitation(month, dimensions, customer_id))
    for score in scores:
        answer = Answer(score=score, answered_at=at, themes=themes)
        count_answer(month, dimensions, customer_id, answer)


def count_answer(month: str, dimensions: Mapping[str, str], counted: str, answer: Answer) -> None:
    scores = figures.count_scores(month, dimensions, counted, counting.score_counts(answer, None))
    for write in [*scores, *figures.count_themes(month, counting.theme_counts(answer, None))]:
        apply(write)


def count_anonymous(place: str, answer_id: str, answer: Answer) -> None:
    dimensions = {"survey_id": "after-purchase", "segment": counting.ANONYMOUS, "channel": place}
    count_answer(month_at(answer.answered_at), dimensions, answer_id, answer)


def month_at(moment: datetime) -> str:
    return month_of(ShopTime(moment, BERLIN).today)


@pytest.fixture
def report(invoke: Invoke, load: Load) -> Callable[..., dict[str, Any]]:
    def read(first: str | None = None, last: str | None = None) -> dict[str, Any]:
        query = {name: text for name, text in (("from", first), ("to", last)) if text is not None}
        event = {**load("report_nps/get"), "queryStringParameters": query}
        answer = invoke("report_nps/get", event=event)
        assert answer["statusCode"] == 200
        body: dict[str, Any] = answer["json"]
        return body

    return read


Report = Callable[..., dict[str, Any]]


def test_before_the_first_answer_there_is_a_report_of_nothing_over_twelve_months(invoke: Invoke) -> None:
    report = invoke("report_nps/get")["json"]
    this_month = month_of(shop_day())
    assert (report["from"], report["to"]) == (months_after(this_month, -11), this_month)
    assert {name: report[name] for name in (*COUNTS, "nps", "margin", "response_rate", "change")} == {
        **dict.fromkeys(COUNTS, 0),
        **dict.fromkeys(("nps", "margin", "response_rate", "change")),
    }
    assert (report["by_month"], report["by_segment"], report["themes"]) == ([], [], {})
    assert report["cases"] == {
        "opened": 0,
        "resolved": 0,
        "hours_to_resolve": None,
        "recovery_answers": 0,
        "recovered": 0,
        "recovered_share": None,
    }


def test_below_ten_answers_there_are_counts_and_no_score(report: Report) -> None:
    count([10] * 5 + [7] * 2 + [0] * 2, unanswered=9)
    body = report("2026-03", "2026-03")
    assert {name: body[name] for name in COUNTS} == {
        "n": 9,
        "promoters": 5,
        "passives": 2,
        "detractors": 2,
        "invited": 18,
    }
    for name in ("nps", "margin", "promoter_share", "passive_share", "detractor_share"):
        assert body[name] is None
    assert body["response_rate"] == 0.5


def test_from_ten_answers_on_the_score_has_its_margin(report: Report) -> None:
    # p = .6, d = .2: 100(.6 − .2) = 40; 1.96 · 100 · √((.8 − .16)/10) = 49.58.
    count([10, 9, 9, 9, 10, 10, 8, 7, 6, 0])
    body = report("2026-03", "2026-03")
    assert (body["n"], body["nps"], body["margin"]) == (10, 40.0, 49.6)
    assert (body["promoter_share"], body["passive_share"], body["detractor_share"]) == (0.6, 0.2, 0.2)
    assert body["by_month"][0] == {
        "month": "2026-03",
        **{name: body[name] for name in body["by_month"][0] if name != "month"},
    }


def test_every_dimension_adds_up_to_the_whole(report: Report) -> None:
    count([10] * 4 + [3], channel="web", segment="Champions", category="Tea", unanswered=2)
    count([8, 0], channel="store", segment="Champions", at=datetime(2026, 4, 2, tzinfo=UTC))
    count([9, 6, 6], survey_id="nightly", segment="At Risk", category="Cups")
    given = Answer(score=9, answered_at=SPRING)
    count_anonymous("counter", "form", given)
    body = report("2026-03", "2026-04")
    dimensions = ("month", "segment", "channel", "category", "survey")
    for dimension in dimensions:
        rows = body[f"by_{dimension}"]
        assert {name: sum(row[name] for row in rows) for name in COUNTS} == {name: body[name] for name in COUNTS}
        assert [row[dimension] for row in rows] == sorted({row[dimension] for row in rows})
    assert [row["channel"] for row in body["by_channel"]] == ["-", "store", "web"]
    assert [row["segment"] for row in body["by_segment"]] == ["At Risk", "Champions"]
    assert (body["n"], body["invited"], body["response_rate"]) == (10, 12, round(10 / 12, 4))


def test_answers_without_a_name_are_a_block_of_their_own(report: Report) -> None:
    count([10] * 3)
    places = {"counter": [0] * 9 + [9] * 2, "receipt": [10]}
    for place, scores in places.items():
        for number, score in enumerate(scores):
            given = Answer(score=score, answered_at=SPRING, themes=("SIZE",))
            count_anonymous(place, str(number), given)
    body = report("2026-03", "2026-03")
    assert (body["n"], body["invited"], body["response_rate"]) == (3, 3, 1.0)
    assert [(row["month"], row["n"]) for row in body["by_month"]] == [("2026-03", 3)]
    unnamed = body["anonymous"]
    assert (unnamed["n"], unnamed["detractors"], unnamed["nps"], unnamed["response_rate"]) == (12, 9, -50.0, None)
    assert [(row["place"], row["n"], row["promoters"]) for row in unnamed["by_place"]] == [
        ("counter", 11, 2),
        ("receipt", 1, 1),
    ]
    assert body["change"] is None
    count([9] * 10)
    assert report("2026-03", "2026-03")["nps"] == 100.0


def test_what_many_customers_say_is_counted_in_parts_and_summed(report: Report) -> None:
    for number in range(40):
        for survey_id in ("after-purchase", "recovery"):
            count([number % 11], survey_id=survey_id, customer_id=f"K-{number}")
    parts = [item["sk"] for item in CUSTOMERS.query("NPS#2026-03", "ANSWERS#after-purchase#")]
    shards = {sk.rpartition("#")[2] for sk in parts}
    assert 4 < len(shards) == len(parts) <= figures.SHARDS
    assert shards == {str(crc32(f"K-{number}".encode()) % 16) for number in range(40)}
    body = report("2026-03", "2026-03")
    assert (body["n"], body["invited"], len(body["by_survey"]), body["by_survey"][0]["n"]) == (40, 40, 1, 40)
    repaired = body["cases"]
    assert (repaired["recovery_answers"], repaired["recovered"]) == (40, sum(n % 11 >= 7 for n in range(40)))


def test_a_month_begins_by_the_shops_clock(report: Report) -> None:
    count([9], at=datetime(2026, 2, 28, 23, 30, tzinfo=UTC))
    assert [row["month"] for row in report("2026-02", "2026-03")["by_month"]] == ["2026-03"]


def test_a_change_is_one_only_beyond_both_margins(report: Report) -> None:
    january, february, march = (datetime(2026, month, 15, tzinfo=UTC) for month in (1, 2, 3))
    count([10] * 6 + [8] * 2 + [0] * 2, at=january)
    count([10] * 5 + [8] * 2 + [0] * 3, at=february)
    count([0] * 6 + [8] * 2 + [10] * 2, at=march)
    assert report("2026-01", "2026-01")["change"] is None
    small = report("2026-02", "2026-02")["change"]
    # √((.8 − .16)/10 + (.8 − .04)/10) · 196 = 73.3, which 20 points do not reach.
    assert small == {"difference": -20.0, "margin": round(196 * sqrt(0.064 + 0.076), 1), "significant": False}
    count([10] * 24 + [8] * 8 + [0] * 8, at=january)
    count([0] * 24 + [8] * 8 + [10] * 8, at=march)
    large = report("2026-02", "2026-03")["change"]
    # Against December and January: 40 then; now (15 − 33)/60 · 100 = −30.
    assert (large["difference"], large["significant"]) == (-70.0, True)
    # √((.8 − .09)/60 + (.8 − .16)/50) · 196.
    assert large["margin"] == round(196 * sqrt(0.71 / 60 + 0.64 / 50), 1)


def test_themes_are_counted_by_group_the_commonest_first(report: Report) -> None:
    count([2, 3], themes=("SERVICE", "DELIVERY"))
    count([0, 10], themes=("SERVICE",))
    count([1], at=datetime(2026, 4, 2, tzinfo=UTC), themes=("SIZE",))
    body = report("2026-03", "2026-04")["themes"]
    assert body == {"DETRACTOR": {"SERVICE": 3, "DELIVERY": 2, "SIZE": 1}, "PROMOTER": {"SERVICE": 1}}
    assert list(body["DETRACTOR"]) == ["SERVICE", "DELIVERY", "SIZE"]


def test_cases_are_counted_with_their_hours_in_the_month_in_which_they_opened(invoke: Invoke, report: Report) -> None:
    customer_id = sign_up(invoke, "ada@example.com")
    opened_at = datetime(2026, 3, 31, 20, tzinfo=UTC)
    time = ShopTime(opened_at, BERLIN)
    made = [actions.complain(customer_id, 0, "Broken", str(number), time).case_id for number in range(3)]
    for case_id, hours in zip(made, (3, 6), strict=False):
        resolved_at = opened_at + timedelta(hours=hours)
        actions.resolve(case_id, Outcome.SOLVED, ShopTime(resolved_at, BERLIN))
    march = report("2026-03", "2026-03")["cases"]
    assert (march["opened"], march["resolved"], march["hours_to_resolve"]) == (3, 2, 4.5)
    assert report("2026-04", "2026-04")["cases"]["opened"] == 0


def test_whoever_says_seven_or_more_was_recovered_and_is_no_part_of_the_score(report: Report) -> None:
    count([7, 10, 6, 0, 9], survey_id="recovery")
    count([9] * 10)
    body = report("2026-03", "2026-03")
    assert (body["n"], body["nps"], body["invited"]) == (10, 100.0, 10)
    repaired = body["cases"]
    assert (repaired["recovery_answers"], repaired["recovered"], repaired["recovered_share"]) == (5, 3, 0.6)
    assert [row["survey"] for row in body["by_survey"]] == ["after-purchase"]


def test_an_answer_by_the_page_is_in_the_report_at_once(invoke: Invoke) -> None:
    assert invoke("configure_surveys/put_survey")["statusCode"] == 200
    asked = ask(sign_up(invoke, "ada@example.com"), segment="Champions", channel="web", category="Tea")
    answered(invoke, asked, 10)
    answered(invoke, asked, 3, "The delivery was late")
    body = invoke("report_nps/get")["json"]
    assert {name: body[name] for name in COUNTS} == {
        "n": 1,
        "promoters": 0,
        "passives": 0,
        "detractors": 1,
        "invited": 1,
    }
    assert (body["response_rate"], body["cases"]["opened"], body["themes"]) == (
        1.0,
        1,
        {"DETRACTOR": {"DELIVERY": 1}},
    )
    assert [row["category"] for row in body["by_category"]] == ["Tea"]
    assert contact_histories.get(asked.customer_id).open_cases == 1


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-13"},
        {"from": "2026-1"},
        {"to": "november"},
        {"to": "٢٠٢٦-11"},
        {"from": "2026-04", "to": "2026-03"},
        {"from": "2024-03", "to": "2026-03"},
        {"from": "2200-01", "to": "2200-01"},
        {"from": "1899-12", "to": "1899-12"},
        {"from": "0000-01", "to": "0000-01"},
        {"to": "9999-12"},
        {"from": ""},
    ],
)
def test_months_that_are_none_or_too_many_are_refused(invoke: Invoke, load: Load, query: dict[str, str]) -> None:
    event = {**load("report_nps/get"), "queryStringParameters": query}
    refused = invoke("report_nps/get", event=event)
    assert refused["statusCode"] == 422
    assert refused["json"]["detail"].startswith(("from", "to"))


@pytest.mark.parametrize("months", [("2024-04", "2026-03"), ("1900-01", "1900-01"), ("2199-12", "2199-12")])
def test_two_years_and_the_ends_of_the_calendar_are_months_too(report: Report, months: tuple[str, str]) -> None:
    count([9])
    assert report(*months)["n"] == (1 if months[1] == "2026-03" else 0)


def test_a_key_with_another_scope_does_not_read_the_report(invoke: Invoke, load: Load) -> None:
    event = load("report_nps/get")
    event["requestContext"]["authorizer"]["lambda"]["scopes"] = "surveys:read"
    assert invoke("report_nps/get", event=event)["statusCode"] == 403


# What customers wrote.


@pytest.fixture
def comments(invoke: Invoke, load: Load) -> Callable[..., dict[str, Any]]:
    def read(month: str | None = None, status: int = 200, scope: str = "surveys:read", **query: str) -> dict[str, Any]:
        event = load("report_nps/get", fill={"/reports/nps": "/nps/comments", "reports:read": scope})
        query |= {"month": month} if month is not None else {}
        answer = invoke("report_nps/get", event={**event, "queryStringParameters": query})
        assert answer["statusCode"] == status
        body: dict[str, Any] = answer["json"] if status == 200 else json.loads(answer["body"])
        return body

    return read


Comments = Callable[..., dict[str, Any]]


def wrote(comment: str, at: datetime, answer_id: str = "form", limit: int = 200) -> None:
    """An answer by the counter's link."""
    answer = Answer(score=4, answered_at=at, comment=comment, sentiment="NEGATIVE", themes=("DELIVERY",))
    survey = Survey(survey_id="after-purchase", trigger=Trigger.PURCHASE, anonymous_per_day=limit)
    assert answering.answer_anonymously(survey, "counter", answer_id, answer, ShopTime(at, BERLIN))


def test_comments_are_listed_newest_first_named_and_anonymous(invoke: Invoke, comments: Comments) -> None:
    assert invoke("configure_surveys/put_survey")["statusCode"] == 200
    asked = ask(sign_up(invoke, "ada@example.com"), segment="Champions", channel="web")
    wrote("The delivery was late", clock.now() - timedelta(milliseconds=5))
    answered(invoke, asked, 10, "Lovely service")
    wrote("", clock.now(), "silent")
    body = comments(month_of(shop_day()))
    assert comments() == body
    assert (body["month"], body["next"]) == (month_of(shop_day()), None)
    named, unnamed = body["comments"]
    assert {name: text for name, text in named.items() if name != "answered_at"} == {
        "survey_id": "after-purchase",
        "customer_id": asked.customer_id,
        "segment": "Champions",
        "channel": "web",
        "score": 10,
        "comment": "Lovely service",
        "sentiment": "POSITIVE",
        "themes": ["SERVICE"],
    }
    assert {name: text for name, text in unnamed.items() if name != "answered_at"} == {
        "survey_id": "after-purchase",
        "place": "counter",
        "score": 4,
        "comment": "The delivery was late",
        "sentiment": "NEGATIVE",
        "themes": ["DELIVERY"],
    }
    assert named["answered_at"] > unnamed["answered_at"]


def test_a_changed_comment_replaces_the_first_and_an_emptied_one_disappears(invoke: Invoke, comments: Comments) -> None:
    assert invoke("configure_surveys/put_survey")["statusCode"] == 200
    asked = ask(sign_up(invoke, "ada@example.com"))
    for score, comment in ((9, ""), (9, "Lovely service"), (3, "Late delivery"), (3, ""), (8, ""), (8, "Better")):
        assert answered(invoke, asked, score, comment)["statusCode"] == 200
        expected = [(score, comment)] if comment else []
        assert [(entry["score"], entry["comment"]) for entry in comments()["comments"]] == expected


def test_comments_are_of_the_month_of_the_shops_clock_and_go_on_page_by_page(comments: Comments) -> None:
    for number in range(102):
        wrote(f"word {number}", SPRING + timedelta(seconds=number), f"form-{number}")
    wrote("at night", datetime(2026, 3, 31, 22, 30, tzinfo=UTC), "night")
    first = comments("2026-03")
    second = comments("2026-03", next=first["next"])
    assert (len(first["comments"]), second["next"]) == (100, None)
    words = [entry["comment"] for entry in first["comments"] + second["comments"]]
    assert words == [f"word {number}" for number in reversed(range(102))]
    assert [entry["comment"] for entry in comments("2026-04")["comments"]] == ["at night"]


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "november", "", "٢٠٢٦-11", "1899-12", "2200-01"])
def test_comments_of_no_month_are_refused(comments: Comments, month: str) -> None:
    assert comments(month, 422)["detail"].startswith("month")


@pytest.mark.parametrize("following", ["a", "_w=="])
def test_a_page_of_comments_that_nobody_has_led_to_is_refused(comments: Comments, following: str) -> None:
    assert comments("2026-03", 422, next=following)["detail"].startswith("next")


def test_the_ends_of_the_calendar_have_no_comments_nor_does_a_reports_key(comments: Comments) -> None:
    for month in ("1900-01", "2199-12"):
        assert comments(month) == {"month": month, "comments": [], "next": None}
    comments("2026-03", 403, "reports:read")


# Adding up.


def year(per_month: int = 15) -> list[str]:
    """A year of invitations to a survey, of which some are answered; the months."""
    months = [months_after("2026-11", -back) for back in range(12)]
    segments, channels, categories = ("Champions", "Loyal", "Lost"), ("web", "shop"), ("Cups", "Tea", "Coffee")
    for month in months:
        at = datetime.fromisoformat(f"{month}-10T12:00:00+00:00")
        for number in range(per_month):
            about = {
                "segment": segments[number % 3],
                "channel": channels[number % 2],
                "category": categories[number // 7 % 3],
            }
            scores = [number % 11] if number % 5 == 0 else []
            count(scores, at, unanswered=not scores, customer_id=f"K-{number}", themes=("SERVICE",), **about)
    return months


def items_of(months: Sequence[str]) -> int:
    """How many items a report on these months reads."""
    return sum(len(CUSTOMERS.query(f"NPS#{month}")) for month in months)


def add_up(invoke: Invoke) -> int:
    moved: int = invoke("add_up_figures", HOUR)["items"]
    return moved


def test_a_report_on_twelve_months_reads_few_items_and_says_the_same(invoke: Invoke, report: Report) -> None:
    months = year()
    before, items_before = report("2025-12", "2026-11"), items_of(months)
    moved = add_up(invoke)
    assert report("2025-12", "2026-11") == before
    # A year of 15 invitations a month, each in an item of its own; the total and the themes of two groups remain.
    assert (items_before, items_of(months)) == (12 * 17, 12 * 3)
    assert (moved, add_up(invoke)) == (12 * 15, 0)


def test_answers_that_come_after_a_month_was_added_up_count(invoke: Invoke, report: Report) -> None:
    count([10] * 12 + [3] * 4, SPRING, channel="web")
    month, dimensions = month_at(SPRING), counting.dimensions_of(invitation(SPRING, channel="web"))
    add_up(invoke)
    changed = counting.score_counts(Answer(score=9, answered_at=SPRING), Answer(score=3, answered_at=SPRING))
    for write in figures.count_scores(month, dimensions, "K-1", changed):
        apply(write)
    count([8], SPRING, channel="web")
    late = report(month, month)
    assert {name: late[name] for name in COUNTS} == {
        "n": 17,
        "promoters": 13,
        "passives": 1,
        "detractors": 3,
        "invited": 17,
    }
    assert add_up(invoke) == 1
    assert (report(month, month), items_of([month])) == (late, 1)


def test_a_count_that_changes_while_it_is_added_up_is_kept(
    invoke: Invoke, report: Report, at_transaction: Callable[..., None]
) -> None:
    count([10] * 12, SPRING)
    at_transaction("TOTAL", lambda: count([10], SPRING))
    assert reporting.add_up_months("2026-11") == 0
    assert (report("2026-03", "2026-03")["n"], add_up(invoke)) == (13, 1)
    assert report("2026-03", "2026-03")["n"] == 13


def test_two_runs_that_add_up_at_once_count_each_answer_once(
    invoke: Invoke, report: Report, at_transaction: Callable[..., None]
) -> None:
    for customer in range(5):
        count([10] * 3, SPRING, customer_id=f"K-{customer}")
    at_transaction("TOTAL", lambda: reporting.add_up_months("2026-11"))
    add_up(invoke)
    assert (report("2026-03", "2026-03")["n"], items_of(["2026-03"])) == (15, 1)


@pytest.mark.parametrize("changes", range(3))
def test_a_run_that_is_ended_on_its_way_counts_each_answer_once(
    invoke: Invoke, report: Report, monkeypatch: pytest.MonkeyPatch, changes: int
) -> None:
    monkeypatch.setattr(figures, "MOST_AT_ONCE", 1)
    for customer in range(3):
        count([10] * 5, SPRING, channel=f"shop {customer}")
    before = report("2026-03", "2026-03")
    assert is_killed(lambda: add_up(invoke), changes)
    assert report("2026-03", "2026-03") == before
    add_up(invoke)
    assert (report("2026-03", "2026-03"), items_of(["2026-03"])) == (before, 1)


def test_a_total_that_would_be_too_long_leaves_the_counts_where_they_are(
    invoke: Invoke, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    count([10] * 12, SPRING)
    monkeypatch.setattr(figures, "_MAX_TOTAL_BYTES", 10)
    assert (add_up(invoke), report("2026-03", "2026-03")["n"]) == (0, 12)


def test_whether_a_case_was_resolved_well_is_added_up_with_the_rest(invoke: Invoke, report: Report) -> None:
    count([9, 8, 2], SPRING, survey_id="recovery")
    before = report("2026-03", "2026-03")["cases"]
    add_up(invoke)
    assert (before["recovery_answers"], report("2026-03", "2026-03")["cases"]) == (3, before)
