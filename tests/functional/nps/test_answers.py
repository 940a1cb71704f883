"""Answers: on the page behind a customer's link, which only a form sent by hand records, and on the anonymous page."""

import html
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from shared.core import clock
from shared.core.dynamodb import CUSTOMERS
from shared.core.shop_time import ShopTime
from shared.edge.tokens import Purpose, sign
from shared.loyalty.links import points_path
from shared.nps.actions import answering, inviting
from shared.nps.links import feedback_path, survey_path
from shared.nps.store import definitions, invitations
from shared.nps.survey import COMMENT_MAX_LENGTH, Answer, Invitation, Survey, Trigger
from tests.functional.aws import sent_mails
from tests.functional.scenes import (
    BERLIN,
    account_of,
    answered,
    as_records,
    ask,
    change_survey,
    facts_of,
    post_answer,
    shop_day,
    sign_up,
)

Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Launch = Callable[..., None]
Deliver = Callable[..., None]

HOSTILE = "</textarea><script>alert(1)</script> & 'so' \"on\""


@pytest.fixture(autouse=True)
def survey(invoke: Invoke) -> None:
    assert invoke("configure_surveys/put_rules")["statusCode"] == 200
    assert invoke("configure_surveys/put_survey")["statusCode"] == 200


@pytest.fixture
def asked(invoke: Invoke) -> Invitation:
    return ask(sign_up(invoke, "ada@example.com"), segment="Champions", channel="web", category="Tea")


def given(asked: Invitation) -> Answer:
    invitation = invitations.get(asked.customer_id, asked.invitation_id)
    assert invitation is not None
    assert invitation.answer is not None
    return invitation.answer


def token_of(asked: Invitation) -> str:
    return survey_path(asked.customer_id, 0, asked.invitation_id, asked.expires_at).removeprefix("surveys/")


def get(invoke: Invoke, token: str, score: str = "9") -> dict[str, Any]:
    return invoke("answer_survey/get", fill={"TOKEN": token, '"score": "9"': f'"score": "{score}"'})


def figures() -> list[dict[str, Any]]:
    """What the month's answers add up to, one row for each combination."""
    month = shop_day().isoformat()[:7]
    items = CUSTOMERS.query(f"NPS#{month}", "ANSWERS#")
    names = ("pk", "sk", "survey_id", "segment", "channel", "category")
    return [{name: n for name, n in item.items() if name not in names and n} for item in items]


def themes() -> dict[str, dict[str, int]]:
    items = CUSTOMERS.query(f"NPS#{shop_day().isoformat()[:7]}", "THEMES#")
    return {item["sk"]: {name: n for name, n in item.items() if name not in ("pk", "sk") and n} for item in items}


def chosen(answer: dict[str, Any]) -> list[str]:
    return re.findall(r'value="(\d+)"[^>]* checked', answer["body"])


@pytest.mark.parametrize(
    ("score", "shown"), [("9", ["9"]), ("0", ["0"]), ("10", ["10"]), ("11", []), ("-1", []), ("²", []), ("9.0", [])]
)
def test_a_link_chooses_its_score_and_changes_nothing(
    invoke: Invoke, asked: Invitation, contents: Contents, score: str, shown: list[str]
) -> None:
    before = contents()
    answer = get(invoke, token_of(asked), score)
    assert (answer["statusCode"], chosen(answer)) == (200, shown)
    assert "recommend our tea" in answer["body"]
    assert "a•••@example.com" in answer["body"]
    assert answer["headers"]["cache-control"] == "no-store"
    assert contents() == before


def test_a_form_is_recorded_once_however_often_it_is_sent(
    invoke: Invoke, asked: Invitation, contents: Contents
) -> None:
    first = answered(invoke, asked, 9, "Lovely service, very friendly")
    assert first["statusCode"] == 200
    assert "glad to hear" in first["body"]
    before = contents()
    for _ in range(2):
        assert answered(invoke, asked, 9, "Lovely service, very friendly")["statusCode"] == 200
    assert contents() == before
    (fact,) = facts_of(asked.customer_id, "SurveyAnswered", "SurveyAnswerChanged")
    assert (fact.data["score"], fact.data["group"], fact.data["channel"]) == (9, "PROMOTER", "web")
    assert figures() == [{"invited": 1, "s9": 1}]
    assert themes() == {"THEMES#PROMOTER": {"SERVICE": 1}}


def test_a_change_moves_the_counts_and_does_not_add_to_them(invoke: Invoke, asked: Invitation) -> None:
    answered(invoke, asked, 9, "Lovely service")
    again = get(invoke, token_of(asked), "-")
    assert chosen(again) == ["9"]
    assert "Lovely service" in again["body"]
    assert answered(invoke, asked, 8, "Lovely service, slow delivery")["statusCode"] == 200
    assert figures() == [{"invited": 1, "s8": 1}]
    assert themes() == {"THEMES#PASSIVE": {"DELIVERY": 1, "SERVICE": 1}, "THEMES#PROMOTER": {}}
    (fact,) = facts_of(asked.customer_id, "SurveyAnswerChanged")
    assert (fact.data["score_before"], fact.data["score"]) == (9, 8)


def test_a_comment_alone_may_be_changed_with_the_score_as_it_was(invoke: Invoke, asked: Invitation) -> None:
    answered(invoke, asked, 9, "Lovely service")
    assert answered(invoke, asked, 9, "Lovely service and delivery")["statusCode"] == 200
    assert (given(asked).comment, given(asked).changes) == ("Lovely service and delivery", 1)
    assert figures() == [{"invited": 1, "s9": 1}]
    assert themes() == {"THEMES#PROMOTER": {"DELIVERY": 1, "SERVICE": 1}}


def test_two_answers_at_the_same_instant_are_one_answer_and_its_change(
    invoke: Invoke, asked: Invitation, at_transaction: Callable[..., None]
) -> None:
    def first() -> None:
        answering.answer(asked.customer_id, 0, asked.invitation_id, 9, "", ShopTime(clock.now(), BERLIN))

    at_transaction("SurveyAnswered", first)
    assert answered(invoke, asked, 4)["statusCode"] == 200
    assert figures() == [{"invited": 1, "s4": 1}]
    (fact,) = facts_of(asked.customer_id, "SurveyAnswerChanged")
    assert (fact.data["score_before"], len(facts_of(asked.customer_id, "SurveyAnswered", "CaseOpened"))) == (9, 2)


def test_an_answer_that_meets_another_at_the_counts_is_counted_after_it(
    invoke: Invoke, asked: Invitation, at_transaction: Callable[..., None]
) -> None:
    at_transaction("SurveyAnswered", lambda: None, ["None", "None", "TransactionConflict"])
    at_transaction("FEEDBACK#", lambda: None, ["TransactionConflict"])
    assert answered(invoke, asked, 9)["statusCode"] == 200
    assert tell(invoke, page_of_counter(invoke))["statusCode"] == 200
    assert sorted(figures(), key=str) == [{"invited": 1, "s9": 1}, {"s9": 1}]


def test_a_final_answer_is_shown_and_taken_no_more(invoke: Invoke, asked: Invitation, contents: Contents) -> None:
    answered(invoke, asked, 9)
    change_survey(invoke, edit_hours=0)
    before = contents()
    for answer in (get(invoke, token_of(asked)), answered(invoke, asked, 1, "No"), answered(invoke, asked, 9)):
        assert answer["statusCode"] == 409
        assert "You have answered already" in answer["body"]
    assert contents() == before


def test_without_a_score_nothing_is_recorded_and_the_comment_stays_on_the_page(
    invoke: Invoke, asked: Invitation, contents: Contents
) -> None:
    before = contents()
    for score in ("", "11", "-1", "x", "²", "1e1"):
        answer = post_answer(invoke, token_of(asked), score=score, comment="Half a thought")
        assert answer["statusCode"] == 422
        assert "Half a thought" in answer["body"]
        assert "choose a number" in answer["body"]
    assert contents() == before


def test_a_comment_that_is_too_long_stays_on_the_page_with_its_score(
    invoke: Invoke, asked: Invitation, contents: Contents
) -> None:
    before = contents()
    answer = answered(invoke, asked, 4, "ä" * (COMMENT_MAX_LENGTH + 1))
    assert (answer["statusCode"], chosen(answer)) == (422, ["4"])
    assert "ä" * COMMENT_MAX_LENGTH in answer["body"]
    assert contents() == before
    assert answered(invoke, asked, 4, "ä" * COMMENT_MAX_LENGTH)["statusCode"] == 200


def test_a_hostile_comment_is_text_on_the_page_and_in_the_marketers_mail(invoke: Invoke, asked: Invitation) -> None:
    answered(invoke, asked, 2, HOSTILE)
    assert invoke("notify_marketer", as_records(*facts_of(asked.customer_id, "CaseOpened"))) == {
        "batchItemFailures": []
    }
    (mail,) = sent_mails()
    assert "<script" not in mail.body
    assert HOSTILE in html.unescape(mail.body)
    page = get(invoke, token_of(asked))["body"]
    assert "<script>alert" not in page
    assert HOSTILE in html.unescape(page.partition("<textarea")[2])
    assert given(asked).comment == HOSTILE


def test_line_breaks_are_kept_and_what_no_keyboard_makes_is_not(invoke: Invoke, asked: Invitation) -> None:
    answered(invoke, asked, 9, " one\r\ntwo\rthree\x00\x1b[31m\u202efour ")
    assert given(asked).comment == "one\ntwo\nthree[31mfour"


def test_words_that_a_tab_keeps_apart_stay_apart(invoke: Invoke, asked: Invitation) -> None:
    answered(invoke, asked, 9, "late\tdelivery")
    assert given(asked).comment == "late delivery"


def later(**time: float) -> datetime:
    return clock.now() + timedelta(**time)


def forged(asked: Invitation) -> str:
    claims, _, signature = token_of(asked).rpartition(".")
    return f"{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def other_signature(asked: Invitation) -> str:
    other = survey_path(asked.customer_id, 0, "another.2026-11-14", asked.expires_at).removeprefix("surveys/")
    return token_of(asked).rpartition(".")[0] + "." + other.rpartition(".")[2]


def for_points(asked: Invitation) -> str:
    return points_path(asked.customer_id, 0, later(days=1)).partition("token=")[2]


def anonymous(_asked: Invitation) -> str:
    return feedback_path("after-purchase", "counter").removeprefix("feedback/")


def expired(asked: Invitation) -> str:
    return survey_path(asked.customer_id, 0, asked.invitation_id, later(seconds=-1)).removeprefix("surveys/")


def never_asked(asked: Invitation) -> str:
    return survey_path("K-77", 0, asked.invitation_id, later(days=1)).removeprefix("surveys/")


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (forged, 400),
        (other_signature, 400),
        (for_points, 400),
        (anonymous, 400),
        (never_asked, 400),
        (expired, 410),
        (lambda _: "x", 400),
    ],
)
def test_a_link_that_does_not_hold_shows_and_records_nothing(
    invoke: Invoke, asked: Invitation, contents: Contents, made: Callable[[Invitation], str], status: int
) -> None:
    before, token = contents(), made(asked)
    shown = get(invoke, token)
    sent = post_answer(invoke, token, score="9", comment="")
    assert (shown["statusCode"], sent["statusCode"]) == (status, status)
    assert "recommend our tea" not in shown["body"]
    assert contents() == before


def test_a_refused_candidate_has_no_page(invoke: Invoke) -> None:
    customer_id = sign_up(invoke, "ada@example.com")
    refuse = Survey(survey_id="after-purchase", trigger=Trigger.PURCHASE, percent=0)
    run, time = "2026-11-14", ShopTime(clock.now(), BERLIN)
    assert inviting.decide(customer_id, refuse, definitions.get_rules(), run, dict, time) == "NOT_SAMPLED"
    token = survey_path(customer_id, 0, "after-purchase.2026-11-14", later(days=1)).removeprefix("surveys/")
    assert get(invoke, token)["statusCode"] == 400
    assert post_answer(invoke, token, score="9")["statusCode"] == 400


def test_the_page_speaks_the_customers_language(invoke: Invoke) -> None:
    asked = ask(sign_up(invoke, "grete@example.com", locale="de-AT"))
    page = get(invoke, token_of(asked))["body"]
    assert 'lang="de"' in page
    assert "unseren Tee" in page
    assert "Was ist schiefgegangen?" in page
    assert "wir melden uns" in answered(invoke, asked, 0)["body"]


def test_detractors_may_complain_and_nobody_gets_a_link_to_spend_points(
    invoke: Invoke, asked: Invitation, launch: Launch
) -> None:
    launch()
    detractor, promoter = answered(invoke, asked, 3)["body"], answered(invoke, asked, 9)["body"]
    assert "../complaints?token=" in detractor
    assert "../complaints?token=" not in promoter
    assert "points?token=" not in detractor + promoter


@pytest.mark.parametrize(
    ("own", "bonus", "earned"), [(20, 10, [20]), (None, 10, [10]), (0, 10, []), (20, 0, [20]), (None, 0, [])]
)
def test_an_answer_earns_the_surveys_own_points_else_the_programmes_bonus_once(
    invoke: Invoke, launch: Launch, deliver: Deliver, own: int | None, bonus: int, earned: list[int]
) -> None:
    launch(bonuses={"SURVEY_ANSWERED": bonus} if bonus else {})
    change_survey(invoke, points=own)
    asked = ask(sign_up(invoke, "ada@example.com"))
    answered(invoke, asked, 9)
    answered(invoke, asked, 2)
    for _ in range(2):
        deliver(*facts_of(asked.customer_id, "SurveyAnswered"))
    assert [fact.data["points"] for fact in facts_of(asked.customer_id, "PointsEarned")] == earned
    assert account_of(asked.customer_id).books.issued == sum(earned)


@pytest.mark.parametrize(
    ("own", "bonus", "promised"), [(20, None, []), (20, 10, ["20"]), (None, 10, ["10"]), (0, 10, []), (None, 0, [])]
)
def test_the_pages_promise_points_where_there_is_a_programme_that_gives_them(
    invoke: Invoke, launch: Launch, own: int | None, bonus: int | None, promised: list[str]
) -> None:
    if bonus is not None:
        launch(bonuses={"SURVEY_ANSWERED": bonus} if bonus else {})
    change_survey(invoke, points=own)
    asked = ask(sign_up(invoke, "ada@example.com"))
    for page in (get(invoke, token_of(asked)), answered(invoke, asked, 9)):
        assert re.findall(r"<strong>(\d+) points</strong>", page["body"]) == promised


def page_of_counter(invoke: Invoke) -> str:
    """The token of the form on the page behind the counter's printed link."""
    printed = invoke("configure_surveys/get_link")["json"]["url"].partition("feedback/")[2]
    answer = invoke("answer_anonymously/get", fill={"TOKEN": printed})
    assert answer["statusCode"] == 200
    return form_token(answer)


def form_token(answer: dict[str, Any]) -> str:
    match = re.search(r'name="token" value="([^"]+)"', answer["body"])
    assert match is not None
    return match[1]


def tell(invoke: Invoke, token: str, score: str = "9", comment: str = "Lovely shop") -> dict[str, Any]:
    fill = {"TOKEN": token, "score=9": f"score={score}", "Lovely+shop": quote_plus(comment)}
    return invoke("answer_anonymously/post", fill=fill)


def test_an_anonymous_form_counts_once_under_its_place_and_knows_nobody(invoke: Invoke, contents: Contents) -> None:
    token = page_of_counter(invoke)
    assert tell(invoke, token)["statusCode"] == 200
    before = contents()
    assert tell(invoke, token)["statusCode"] == 200
    assert contents() == before
    (item,) = CUSTOMERS.query("FEEDBACK#after-purchase", "ANSWER#")
    assert (item["place"], item["score"], item["comment"], item["sentiment"]) == (
        "counter",
        9,
        "Lovely shop",
        "POSITIVE",
    )
    (row,) = CUSTOMERS.query(f"NPS#{shop_day().isoformat()[:7]}", "ANSWERS#")
    assert {name: row[name] for name in ("segment", "channel", "s9")} == {
        "segment": "Anonymous",
        "channel": "counter",
        "s9": 1,
    }


@pytest.mark.parametrize(("score", "promises"), [("0", False), ("6", False), ("7", True), ("10", True)])
def test_a_detractor_without_a_name_is_thanked_and_promised_nothing(invoke: Invoke, score: str, promises: bool) -> None:
    page = html.unescape(tell(invoke, page_of_counter(invoke), score)["body"])
    assert ("We read every answer." not in page) is promises
    assert "get back to you" not in page
    assert "complaints?token=" not in page


def test_an_anonymous_form_sent_again_with_another_score_shows_the_one_on_record(
    invoke: Invoke, contents: Contents
) -> None:
    token = page_of_counter(invoke)
    tell(invoke, token, "9")
    before = contents()
    again = tell(invoke, token, "2")
    assert (again["statusCode"], "9 out of 10" in again["body"], "2 out of 10" in again["body"]) == (200, True, False)
    assert contents() == before


def test_the_printed_link_alone_records_nothing_but_leads_to_a_form_that_does(
    invoke: Invoke, contents: Contents
) -> None:
    printed = feedback_path("after-purchase", "counter").removeprefix("feedback/")
    before = contents()
    answer = tell(invoke, printed, comment="My first words")
    assert answer["statusCode"] == 422
    assert "My first words" in answer["body"]
    assert contents() == before
    assert tell(invoke, form_token(answer))["statusCode"] == 200


@pytest.mark.parametrize(
    ("score", "comment"), [("", "x"), ("11", "x"), ("²", "x"), ("9", "x" * (COMMENT_MAX_LENGTH + 1))]
)
def test_an_anonymous_form_that_cannot_be_taken_comes_back_with_what_was_typed(
    invoke: Invoke, contents: Contents, score: str, comment: str
) -> None:
    token, before = page_of_counter(invoke), contents()
    answer = tell(invoke, token, score, comment)
    assert answer["statusCode"] == 422
    assert comment[:COMMENT_MAX_LENGTH] in answer["body"]
    assert contents() == before


def test_a_place_takes_so_many_answers_a_day_and_another_place_as_many(invoke: Invoke, contents: Contents) -> None:
    tokens = [page_of_counter(invoke) for _ in range(4)]
    assert [tell(invoke, token)["statusCode"] for token in tokens] == [200, 200, 200, 429]
    before = contents()
    assert tell(invoke, tokens[0])["statusCode"] == 200
    assert tell(invoke, tokens[3])["statusCode"] == 429
    assert contents() == before
    claims = {"survey": "after-purchase", "place": "receipt", "answer": "a"}
    assert tell(invoke, sign(Purpose.FEEDBACK, claims, later(hours=1)))["statusCode"] == 200


@pytest.mark.parametrize("change", [{"enabled": False}, {"anonymous_per_day": 0}])
def test_a_survey_that_has_ended_takes_no_anonymous_answers(
    invoke: Invoke, contents: Contents, change: dict[str, Any]
) -> None:
    token = page_of_counter(invoke)
    change_survey(invoke, **change)
    before = contents()
    printed = feedback_path("after-purchase", "counter").removeprefix("feedback/")
    for answer in (invoke("answer_anonymously/get", fill={"TOKEN": printed}), tell(invoke, token)):
        assert answer["statusCode"] == 410
        assert "This survey has ended" in answer["body"]
    assert contents() == before


def test_a_form_of_yesterday_and_the_token_of_an_invitation_are_no_anonymous_answer(
    invoke: Invoke, asked: Invitation, contents: Contents
) -> None:
    before = contents()
    claims = {"survey": "after-purchase", "place": "counter", "answer": "a"}
    assert tell(invoke, sign(Purpose.FEEDBACK, claims, later(seconds=-1)))["statusCode"] == 410
    assert tell(invoke, token_of(asked))["statusCode"] == 400
    assert contents() == before
