"""Cases: opened by answers and complaints, worked on by the API, reported when overdue, asked about when resolved."""

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

import pytest

from shared.cases import actions, case
from shared.cases.case import MAX_NOTES, TEXT_MAX_LENGTH, Case, CaseRules, CaseStatus, Outcome
from shared.cases.links import complaint_path
from shared.core import clock
from shared.core.dynamodb import CUSTOMERS, SCORECARDS, apply
from shared.core.facts import Fact, to_timestamp
from shared.core.months import last_day, month_of, months_after
from shared.core.shop_time import ShopTime
from shared.customers.consent import SuppressionReason
from shared.customers.customer import suppress
from shared.customers.links import preferences_path
from shared.customers.store import contact_histories, profiles
from shared.loyalty.links import points_path
from shared.nps.links import survey_path
from shared.nps.store import definitions, invitations
from shared.nps.survey import RECOVERY_TEXTS, Rules
from shared.scorecards.score import Score
from tests.frozen_clock import FrozenClock
from tests.functional.aws import as_event, make_queue, received, sent_mails
from tests.functional.calls import CALLS
from tests.functional.scenes import (
    BERLIN,
    answered,
    as_records,
    ask,
    change_survey,
    decide_all,
    facts_of,
    shop_day,
    sign_up,
)

Load = Callable[..., dict[str, Any]]
Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Launch = Callable[..., None]
AtTransaction = Callable[..., None]

ADA = "ada@example.com"
HOUR = {"source": "aws.scheduler"}


@pytest.fixture(autouse=True)
def survey(invoke: Invoke) -> None:
    """Cases belong to Grace at first, and whoever is helped is asked on the same day."""
    assert invoke("configure_surveys/put_rules")["statusCode"] == 200
    assert invoke("configure_surveys/put_survey")["statusCode"] == 200


@pytest.fixture
def ada(invoke: Invoke) -> str:
    return sign_up(invoke, ADA)


def ago(**time: float) -> datetime:
    return clock.now() - timedelta(**time)


def complaint(customer_id: str, complaint_id: str = "1", opened_at: datetime | None = None) -> Case:
    """A case that somebody has complained about before."""
    moment = opened_at or ago()
    moment = moment.replace(microsecond=0)
    return actions.complain(customer_id, 0, "The cup was broken", complaint_id, ShopTime(moment, BERLIN))


@pytest.fixture
def mail_requests() -> Iterator[list[dict[str, Any]]]:
    """The requests to send a mail as SES gets them: moto keeps no Reply-To."""
    requests: list[dict[str, Any]] = []

    def read(event_name: str, request: Any) -> None:
        if event_name.endswith(".SendEmail"):
            requests.append(json.loads(request.body))

    CALLS.interceptors.append(read)
    yield requests
    CALLS.interceptors.remove(read)


def only_case(customer_id: str) -> Case:
    (fact,) = facts_of(customer_id, "CaseOpened")
    return actions.get(fact.data["case_id"])


def step(invoke: Invoke, name: str, on: Case, **changes: object) -> dict[str, Any]:
    return invoke(f"manage_cases/{name}", fill={"CASE": on.case_id}, **changes)


# How a case opens.


def test_a_detractors_answer_opens_one_case_with_their_words(invoke: Invoke, ada: str, contents: Contents) -> None:
    asked = ask(ada, channel="web")
    answered(invoke, asked, 3, "Delivery was late and the cup broken")
    before = contents()
    answered(invoke, asked, 3, "Delivery was late and the cup broken")
    assert contents() == before
    opened = only_case(ada)
    assert (opened.origin, opened.score, opened.text) == ("SURVEY", 3, "Delivery was late and the cup broken")
    assert (opened.owner, opened.priority, opened.sentiment, dict(opened.about)) == (
        "grace",
        "NORMAL",
        "NEGATIVE",
        {"channel": "web"},
    )
    assert "DELIVERY" in opened.themes
    assert opened.due_at - opened.opened_at == timedelta(hours=48)
    answered(invoke, asked, 0, "Worse than I thought")
    assert only_case(ada).case_id == opened.case_id
    assert contact_histories.get(ada).open_cases == 1


@pytest.mark.parametrize(("m", "priority", "hours"), [(5, "HIGH", 24), (1, "LOW", 120)])
def test_a_case_is_as_urgent_as_its_customer_is_valuable(
    invoke: Invoke, ada: str, m: int, priority: str, hours: int
) -> None:
    score = Score("Champions", 5, 5, m, date(2026, 11, 1), "LOW", "TOP", "run-1").to_text()
    key, change = {"customer_id": ada}, "SET score = :score"
    apply(SCORECARDS.update(key, change, "", {":score": score}))
    answered(invoke, ask(ada), 6)
    opened = only_case(ada)
    assert (opened.priority, opened.due_at - opened.opened_at) == (priority, timedelta(hours=hours))


def test_passives_and_promoters_open_no_case_until_they_change_their_mind(invoke: Invoke, ada: str) -> None:
    asked = ask(ada)
    for score in (7, 10):
        answered(invoke, asked, score)
        assert facts_of(ada, "CaseOpened") == []
    answered(invoke, asked, 6)
    opened = only_case(ada)
    assert (opened.score, opened.status) == (6, CaseStatus.OPEN)
    answered(invoke, asked, 9)
    after = only_case(ada)
    assert (after.case_id, after.score, after.status) == (opened.case_id, 9, CaseStatus.OPEN)


def test_a_detractors_changed_answer_is_in_their_open_case(invoke: Invoke, ada: str, contents: Contents) -> None:
    asked = ask(ada)
    answered(invoke, asked, 6, "The delivery was late")
    opened = only_case(ada)
    step(invoke, "note", opened)
    answered(invoke, asked, 1, "The cup is too small")
    before = contents()
    answered(invoke, asked, 1, "The cup is too small")
    assert contents() == before
    after = only_case(ada)
    assert (after.case_id, after.score, after.text) == (opened.case_id, 1, "The cup is too small")
    assert ("SIZE" in after.themes, "DELIVERY" in after.themes, len(after.notes)) == (True, False, 1)
    (fact,) = facts_of(ada, "CaseChanged")
    assert fact.data == {"case_id": opened.case_id, "score": 1}
    assert contact_histories.get(ada).open_cases == 1


def test_an_answer_that_is_changed_after_its_case_was_resolved_opens_another(invoke: Invoke, ada: str) -> None:
    asked = ask(ada)
    answered(invoke, asked, 3)
    first = only_case(ada)
    step(invoke, "resolve", first)
    answered(invoke, asked, 8)
    assert only_case(ada).case_id == first.case_id
    answered(invoke, asked, 2, "Broken again")
    answered(invoke, asked, 0, "And again")
    opened = [fact.data["case_id"] for fact in facts_of(ada, "CaseOpened")]
    assert (len(set(opened)), opened[0]) == (2, first.case_id)
    second = actions.get(opened[1])
    assert (second.status, second.score, second.text) == (CaseStatus.OPEN, 0, "And again")
    kept = actions.get(first.case_id)
    assert (kept.status, kept.score) == (CaseStatus.RESOLVED, 3)
    assert contact_histories.get(ada).open_cases == 1


@pytest.mark.parametrize(
    ("page", "path"), [("show_points_page/get", points_path), ("manage_preferences/get", preferences_path)]
)
def test_a_customers_own_pages_lead_to_the_complaint_form(
    invoke: Invoke, launch: Launch, ada: str, page: str, path: Callable[[str, int, datetime], str]
) -> None:
    launch()
    token = path(ada, 0, ago(days=-1)).partition("token=")[2]
    match = re.search(r'href="complaints\?token=([^"&]+)"', invoke(page, fill={"TOKEN": token})["body"])
    assert match is not None
    form = form_token(invoke("take_complaint/get", fill={"TOKEN": match[1]}))
    assert complain(invoke, form)["statusCode"] == 200
    assert only_case(ada).origin == "COMPLAINT"


def form_of(invoke: Invoke, customer_id: str) -> str:
    """The token of the complaint form behind their link."""
    token = complaint_path(customer_id, 0, ago(days=-1)).partition("token=")[2]
    return form_token(invoke("take_complaint/get", fill={"TOKEN": token}))


def form_token(answer: dict[str, Any]) -> str:
    match = re.search(r'name="token" value="([^"]+)"', answer["body"])
    assert match is not None
    return match[1]


def complain(invoke: Invoke, token: str, text: str = "The cup was broken") -> dict[str, Any]:
    words = {"The+cup+was+broken%2C+and+nobody+answers+the+phone.": quote_plus(text)}
    return invoke("take_complaint/post", fill={"TOKEN": token, **words})


def test_a_complaint_form_opens_one_case_however_often_it_is_sent(invoke: Invoke, ada: str, contents: Contents) -> None:
    token = form_of(invoke, ada)
    first = complain(invoke, token, "<b>Broken</b>\r\nand late")
    before = contents()
    again = complain(invoke, token, "<b>Broken</b>\r\nand late")
    opened = only_case(ada)
    assert contents() == before
    assert (first["statusCode"], again["statusCode"]) == (200, 200)
    assert opened.case_id in first["body"]
    assert opened.case_id in again["body"]
    assert (opened.origin, opened.text, opened.owner) == ("COMPLAINT", "<b>Broken</b>\nand late", "grace")
    assert complain(invoke, form_of(invoke, ada))["statusCode"] == 200
    assert len(facts_of(ada, "CaseOpened")) == 2


@pytest.mark.parametrize("text", ["", "  \r\n ", "x" * (TEXT_MAX_LENGTH + 1)])
def test_a_complaint_that_says_nothing_or_too_much_opens_no_case(
    invoke: Invoke, ada: str, contents: Contents, text: str
) -> None:
    token, before = form_of(invoke, ada), contents()
    answer = complain(invoke, token, text)
    assert answer["statusCode"] == 422
    assert text.strip()[:TEXT_MAX_LENGTH] in answer["body"]
    assert contents() == before


def test_the_link_alone_opens_no_case_and_a_link_of_another_kind_shows_no_form(
    invoke: Invoke, ada: str, contents: Contents
) -> None:
    token = complaint_path(ada, 0, ago(days=-1)).partition("token=")[2]
    before = contents()
    answer = complain(invoke, token, "My first words")
    assert answer["statusCode"] == 422
    assert "My first words" in answer["body"]
    points = points_path(ada, 0, ago(days=-1)).partition("token=")[2]
    expired = complaint_path(ada, 0, ago(seconds=1)).partition("token=")[2]
    nobody = complaint_path("K-78", 0, ago(days=-1)).partition("token=")[2]
    for other, status in ((points, 400), (expired, 410), (nobody, 400)):
        assert invoke("take_complaint/get", fill={"TOKEN": other})["statusCode"] == status
    assert complain(invoke, points)["statusCode"] == 400
    assert contents() == before
    assert complain(invoke, form_token(answer))["statusCode"] == 200


def test_a_sixth_open_case_waits_and_the_fifth_form_sent_again_is_still_answered(
    invoke: Invoke, ada: str, contents: Contents
) -> None:
    tokens = [form_of(invoke, ada) for _ in range(6)]
    assert [complain(invoke, token)["statusCode"] for token in tokens] == [200] * 5 + [422]
    before = contents()
    assert "still working" in complain(invoke, tokens[5])["body"]
    assert complain(invoke, tokens[4])["statusCode"] == 200
    assert contents() == before
    first = actions.get(facts_of(ada, "CaseOpened")[0].data["case_id"])
    assert step(invoke, "resolve", first)["statusCode"] == 200
    assert complain(invoke, tokens[5])["statusCode"] == 200


# A survey's answer and a complaint about the same incident.


def test_a_complaint_after_a_bad_answer_is_a_note_in_its_case(invoke: Invoke, ada: str, contents: Contents) -> None:
    answered(invoke, ask(ada), 3, "Delivery was late")
    opened, token = only_case(ada), form_of(invoke, ada)
    first = complain(invoke, token, "And the cup broke")
    before = contents()
    again = complain(invoke, token, "And the cup broke")
    assert contents() == before
    assert opened.case_id in first["body"]
    assert opened.case_id in again["body"]
    shown = step(invoke, "get", only_case(ada))["json"]
    (note,) = shown["notes"]
    assert (shown["text"], shown["score"], shown["due_at"]) == ("Delivery was late", 3, to_timestamp(opened.due_at))
    assert (note["author"], note["origin"], note["text"], note["score"]) == (
        "customer",
        "COMPLAINT",
        "And the cup broke",
        None,
    )
    (fact,) = facts_of(ada, "CaseContinued")
    assert (fact.data["case_id"], fact.data["origin"], "text" in fact.data) == (opened.case_id, "COMPLAINT", False)
    assert (contact_histories.get(ada).open_cases, contact_histories.get(ada).cases) == (1, 1)


def test_a_bad_answer_after_a_complaint_is_a_note_that_follows_its_changes(
    invoke: Invoke, ada: str, contents: Contents
) -> None:
    asked = ask(ada, order_id="1001", channel="web")
    opened = complaint(ada)
    answered(invoke, asked, 9)
    assert actions.get(opened.case_id).notes == ()
    answered(invoke, asked, 2, "Broken")
    before = contents()
    answered(invoke, asked, 2, "Broken")
    assert contents() == before
    answered(invoke, asked, 1, "Broken and late")
    (note,) = only_case(ada).notes
    assert (note.text, note.score, note.origin) == ("Broken and late", 1, "SURVEY")
    assert only_case(ada).about["order_id"] == "1001"
    assert {fact.type for fact in facts_of(ada, "CaseContinued", "CaseChanged")} == {"CaseContinued", "CaseChanged"}


@pytest.mark.parametrize("how", ["resolved", "long ago", "another order", "too many notes"])
def test_what_is_no_longer_the_same_incident_opens_a_case(invoke: Invoke, ada: str, how: str) -> None:
    days = 8 if how == "long ago" else 1
    asked = [ask(ada, run="2026-11-14", order_id="1001")]
    opened = complaint(ada, opened_at=ago(days=days))
    if how == "resolved":
        step(invoke, "resolve", opened)
    elif how == "another order":
        actions.take_step(
            opened.case_id,
            lambda before: (
                replace(before, about={"order_id": "1002"}, version=before.version + 1),
                case.opened(replace(before, opened_at=ago())),
            ),
        )
    elif how == "too many notes":
        for number in range(MAX_NOTES):
            step(invoke, "note", opened, text=str(number))
    answered(invoke, asked[0], 2)
    listed = invoke("manage_cases/list")["json"]["cases"]
    assert [entry["origin"] for entry in listed if entry["case_id"] != opened.case_id] == ["SURVEY"]
    assert facts_of(ada, "CaseContinued") == []


def test_an_answer_and_a_complaint_at_once_become_one_case(
    invoke: Invoke, ada: str, at_transaction: AtTransaction
) -> None:
    asked = ask(ada)
    at_transaction("CaseOpened", lambda: complaint(ada))
    assert answered(invoke, asked, 3, "Late")["statusCode"] == 200
    after = only_case(ada)
    assert (after.origin, [note.text for note in after.notes]) == ("COMPLAINT", ["Late"])
    assert contact_histories.get(ada).open_cases == 1


def test_a_case_that_continues_is_raised_to_what_the_customer_is_worth_now(invoke: Invoke, ada: str) -> None:
    answered(invoke, ask(ada), 3)
    assert only_case(ada).priority == "NORMAL"
    score = Score("Champions", 5, 5, 5, date(2026, 11, 1), "LOW", "TOP", "run-1").to_text()
    apply(SCORECARDS.update({"customer_id": ada}, "SET score = :score", "", {":score": score}))
    assert complain(invoke, form_of(invoke, ada))["statusCode"] == 200
    after = only_case(ada)
    assert (after.priority, after.due_at) == ("HIGH", after.notes[0].at + timedelta(hours=24))
    (listed,) = invoke("manage_cases/list")["json"]["cases"]
    assert (listed["case_id"], listed["priority"]) == (after.case_id, "HIGH")


# The receipt.


def receipts(invoke: Invoke, customer_id: str) -> list[Any]:
    """The mails that follow from all that the customer complained about, delivered twice."""
    before = len(sent_mails())
    for _ in range(2):
        records = as_records(*facts_of(customer_id, "CaseOpened", "CaseContinued"))
        assert invoke("send_receipt", records) == {"batchItemFailures": []}
    return sent_mails()[before:]


def test_who_complains_gets_a_receipt_in_their_language_and_time(invoke: Invoke) -> None:
    ada = sign_up(invoke, ADA, locale="de-AT", time_zone="America/New_York")
    page = complain(invoke, form_of(invoke, ada), "Die Tasse <b>war</b> kaputt")["body"]
    assert "a•••@example.com" in page
    opened = only_case(ada)
    (mail,) = receipts(invoke, ada)
    assert mail.destinations["ToAddresses"] == [ADA]
    assert mail.subject == "Ihre Nachricht ist bei uns – Our shop"
    body = html.unescape(mail.body)
    assert "Die Tasse &lt;b&gt;war&lt;/b&gt; kaputt" in mail.body
    due = opened.due_at.astimezone(ZoneInfo("America/New_York"))
    assert (f"{due:%H:%M}" in body, opened.case_id in body) == (True, True)
    (fact,) = facts_of(ada, "EmailSent")
    assert (fact.id, "to" in fact.data) == (f"receipt-{opened.case_id}", False)


def test_the_event_of_a_complaint_leads_to_a_receipt(invoke: Invoke, ada: str) -> None:
    opened = complaint(ada, opened_at=datetime(2026, 11, 21, 12, tzinfo=UTC))
    fill = {"CASE": opened.case_id, "CUSTOMER": ada}
    assert invoke("send_receipt/complaint", fill=fill) == {"batchItemFailures": []}
    assert [mail.subject for mail in sent_mails()] == ["We have your message – Our shop"]


def test_each_complaint_has_its_own_receipt_and_an_answer_to_a_survey_has_none(invoke: Invoke, ada: str) -> None:
    answered(invoke, ask(ada), 3, "Late")
    complain(invoke, form_of(invoke, ada), "First")
    complain(invoke, form_of(invoke, ada), "Second")
    first, second = sorted(mail.body for mail in receipts(invoke, ada))
    assert ("First" in first, "Late" in first + second, "Second" in second) == (True, False, True)


def test_an_address_that_gets_no_mail_gets_no_receipt_and_none_is_promised(invoke: Invoke, ada: str) -> None:
    customer = profiles.get(ada)
    assert customer is not None
    bounced = suppress(customer, SuppressionReason.BOUNCE, "bounce-1", ago(days=-1), ago(days=-1)).customer
    apply(profiles.put(replace(bounced, version=bounced.version + 1)))
    page = complain(invoke, form_of(invoke, ada))["body"]
    assert ("Your message is with us" in page, "receipt" in page) == (True, False)
    assert receipts(invoke, ada) == []


# The back office.


def test_open_cases_are_listed_by_urgency_page_by_page(invoke: Invoke, load: Load, ada: str) -> None:
    made = [complaint(ada, str(number), ago(hours=hours)) for number, hours in enumerate((3, 9, 1, 6))]
    urgent = [made[number].case_id for number in (1, 3, 0, 2)]
    assert [opened["case_id"] for opened in invoke("manage_cases/list")["json"]["cases"]] == urgent
    assert invoke("manage_cases/list")["json"]["next"] is None

    def page(**query: str) -> dict[str, Any]:
        answer = invoke("manage_cases/list", event={**load("manage_cases/list"), "queryStringParameters": query})
        body: dict[str, Any] = answer["json"]
        return body

    first = page(limit="3")
    second = page(limit="3", next=first["next"])
    assert [opened["case_id"] for opened in first["cases"] + second["cases"]] == urgent
    assert second["next"] is None
    for number in (2, 1):
        assert step(invoke, "resolve", made[number])["statusCode"] == 200
    assert [opened["case_id"] for opened in page(status="OPEN")["cases"]] == [made[3].case_id, made[0].case_id]
    resolved = page(status="RESOLVED", limit="1")
    resolved["cases"] += page(status="RESOLVED", limit="1", next=resolved["next"])["cases"]
    assert [opened["case_id"] for opened in resolved["cases"]] == [made[1].case_id, made[2].case_id]
    assert {opened["status"] for opened in resolved["cases"]} == {"RESOLVED"}


def test_a_list_says_how_many_notes_there_are_and_a_case_what_they_say(invoke: Invoke, ada: str) -> None:
    opened = complaint(ada)
    for number in range(2):
        step(invoke, "note", opened, text=f"note {number}")
    (listed,) = invoke("manage_cases/list")["json"]["cases"]
    shown = step(invoke, "get", opened)["json"]
    assert [note["text"] for note in shown["notes"]] == ["note 0", "note 1"]
    assert listed == {**shown, "notes": 2}


@pytest.mark.parametrize(
    "query",
    [
        {"status": "CLOSED"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "²"},
        {"limit": "9" * 5_000},
        {"next": "a"},
        {"next": "_w=="},
    ],
)
def test_a_list_that_cannot_be_is_refused(invoke: Invoke, load: Load, query: dict[str, str]) -> None:
    event = {**load("manage_cases/list"), "queryStringParameters": query}
    assert invoke("manage_cases/list", event=event)["statusCode"] == 422


def test_a_case_is_assigned_commented_and_resolved_each_once(invoke: Invoke, ada: str, contents: Contents) -> None:
    opened = complaint(ada, opened_at=ago(hours=3))
    for name, changes in (("assign", {"owner": "hopper"}), ("note", {}), ("resolve", {"outcome": "COMPENSATED"})):
        first = step(invoke, name, opened, **changes)
        before = contents()
        again = step(invoke, name, opened, **changes)
        assert (first["statusCode"], again["statusCode"], again["json"]) == (200, 200, first["json"])
        assert contents() == before
    shown = step(invoke, "get", opened)["json"]
    assert (shown["owner"], shown["status"], shown["outcome"]) == ("hopper", "RESOLVED", "COMPENSATED")
    assert len(shown["notes"]) == 1
    assert shown["text"] == "The cup was broken"
    types = [fact.type for fact in facts_of(ada, "CaseAssigned", "CaseCommented", "CaseResolved")]
    assert types == ["CaseAssigned", "CaseCommented", "CaseResolved"]
    (fact,) = facts_of(ada, "CaseResolved")
    assert (fact.data["minutes"], fact.data["owner"]) == (180, "hopper")
    assert contact_histories.get(ada).open_cases == 0


def test_the_last_note_that_a_case_takes_may_be_long_in_any_script(invoke: Invoke, ada: str) -> None:
    opened, long = complaint(ada), "🫖" * 2_000

    def fill(before: Case) -> tuple[Case, Fact]:
        change = case.comment(before, "grace", long, ago())
        assert change is not None
        after, fact = change
        notes = tuple(replace(after.notes[0], author=f"grace {number}") for number in range(MAX_NOTES - 1))
        return replace(after, notes=notes), fact

    actions.take_step(opened.case_id, fill)
    assert step(invoke, "note", opened, text=long)["statusCode"] == 200
    assert step(invoke, "note", opened, text="one more")["statusCode"] == 409


def test_a_resolved_case_is_not_resolved_otherwise_nor_assigned(invoke: Invoke, ada: str, contents: Contents) -> None:
    opened = complaint(ada)
    step(invoke, "resolve", opened, outcome="SOLVED")
    before = contents()
    assert step(invoke, "resolve", opened, outcome="NO_REPLY")["statusCode"] == 409
    assert step(invoke, "assign", opened, owner="hopper")["statusCode"] == 409
    assert contents() == before
    assert step(invoke, "note", opened)["statusCode"] == 200


def test_of_two_who_resolve_a_case_at_once_one_does(invoke: Invoke, ada: str, at_transaction: AtTransaction) -> None:
    opened = complaint(ada)
    time = ShopTime(clock.now().replace(microsecond=0), BERLIN)
    at_transaction("CaseResolved", lambda: actions.resolve(opened.case_id, Outcome.EXPLAINED, time))
    assert step(invoke, "resolve", opened, outcome="SOLVED")["statusCode"] == 409
    assert step(invoke, "get", opened)["json"]["outcome"] == "EXPLAINED"
    assert (contact_histories.get(ada).open_cases, len(facts_of(ada, "CaseResolved"))) == (0, 1)


@pytest.mark.parametrize("case_id", ["c-0123456789", "x" * 65])
def test_an_unknown_case_is_not_found(invoke: Invoke, contents: Contents, case_id: str) -> None:
    before = contents()
    for name in ("get", "assign", "note", "resolve"):
        assert invoke(f"manage_cases/{name}", fill={"CASE": case_id})["statusCode"] == 404
    assert contents() == before


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("manage_cases/list", "cases:write"),
        ("manage_cases/get", "customers:read"),
        ("manage_cases/assign", "cases:read"),
        ("manage_cases/note", "cases:read"),
        ("manage_cases/resolve", "cases:read"),
    ],
)
def test_a_key_with_another_scope_does_not_open_the_cases(
    invoke: Invoke, load: Load, ada: str, contents: Contents, name: str, scope: str
) -> None:
    event = load(name, fill={"CASE": complaint(ada).case_id})
    event["requestContext"]["authorizer"]["lambda"]["scopes"] = scope
    before = contents()
    assert invoke(name, event=event)["statusCode"] == 403
    assert contents() == before


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("assign", {"owner": " "}),
        ("assign", {"owner": "x" * 121}),
        ("note", {"text": ""}),
        ("note", {"text": "x" * 2_001}),
        ("resolve", {"outcome": "FORGOTTEN"}),
    ],
)
def test_a_step_that_says_nothing_is_refused(invoke: Invoke, ada: str, name: str, changes: dict[str, Any]) -> None:
    assert step(invoke, name, complaint(ada), **changes)["statusCode"] == 422


# What an open case holds back.


def night(invoke: Invoke, days: int = 0) -> dict[str, int]:
    """What the night so many days from now decides."""
    return decide_all(invoke, "night", clock.now() + timedelta(days=days))


def test_a_resolved_case_lets_surveys_through_again(invoke: Invoke, ada: str) -> None:
    change_survey(invoke, trigger="NIGHTLY")
    opened, other = complaint(ada, "1"), complaint(ada, "2")
    assert night(invoke) == {"OPEN_CASE": 1}
    step(invoke, "resolve", opened)
    assert night(invoke, 1) == {"OPEN_CASE": 1}
    step(invoke, "resolve", other)
    assert night(invoke, 2) == {"INVITED": 1}


def test_a_case_that_opens_during_the_decision_comes_first(
    invoke: Invoke, ada: str, at_transaction: AtTransaction
) -> None:
    change_survey(invoke, trigger="NIGHTLY")
    at_transaction("SurveyInvited", lambda: apply(contact_histories.open_case(contact_histories.get(ada), "c-1")))
    assert night(invoke) == {"OPEN_CASE": 1}
    assert facts_of(ada, "SurveyInvited") == []


def test_while_a_case_is_open_nobody_is_reminded_of_points(invoke: Invoke, launch: Launch, ada: str) -> None:
    launch(expiry_months=1)
    assert invoke("adjust_points/add", fill={"K-77": ada})["statusCode"] == 201
    month = months_after(month_of(shop_day()), 1)

    days = {"2026-12-31": last_day(month).isoformat(), "2026-12-01": shop_day().isoformat(), "2026-12": month}
    complaint(ada)
    assert invoke("send_points_reminder/points_expiring", fill={**days, "CUSTOMER": ada}) == {"batchItemFailures": []}
    (skipped,) = facts_of(ada, "EmailSkipped", "EmailSent")
    assert (skipped.type, skipped.data["reason"], sent_mails()) == ("EmailSkipped", "OPEN_CASE", [])


# The marketer.


def test_the_marketer_gets_one_mail_about_a_new_case(invoke: Invoke, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETER_EMAIL", "marketing@shop.example")
    opened = complaint(ada)
    for _ in range(2):
        answer = invoke("notify_marketer/case_opened", fill={"CASE": opened.case_id, "CUSTOMER": ada})
        assert answer == {"batchItemFailures": []}
    (mail,) = sent_mails()
    (fact,) = facts_of(ada, "EmailSent")
    assert (fact.data["template"], fact.data["to"]) == ("case_opened", "MARKETER")
    assert mail.destinations["ToAddresses"] == ["marketing@shop.example"]
    assert mail.subject == f"New case {opened.case_id}: NORMAL priority"
    assert "The cup was broken" in html.unescape(mail.body)
    assert ADA not in mail.body


def test_the_marketer_reads_who_wrote_about_which_order_and_answers_them(
    invoke: Invoke, ada: str, mail_requests: list[dict[str, Any]]
) -> None:
    assert invoke("record_purchase/by_email", order_id="1001")["statusCode"] == 201
    answered(invoke, ask(ada, order_id="1001"), 3, "The cup was broken")
    complain(invoke, form_of(invoke, ada), "Nobody answers the phone")
    for _ in range(2):
        invoke("notify_marketer", as_records(*facts_of(ada, "CaseOpened", "CaseContinued")))
    mails = sent_mails()
    for mail in mails:
        body = " ".join(re.sub("<[^>]*>", " ", html.unescape(mail.body)).split())
        for words in ("Ada Lovelace", "The cup was broken", "Nobody answers the phone", "Order 1001 of", "Orders: 1"):
            assert words in body
    assert sorted(mail.subject.partition(" ")[0] for mail in mails) == ["More", "New"]
    assert [request["ReplyToAddresses"] for request in mail_requests] == [[ADA], [ADA]]


def come_due(invoke: Invoke) -> list[str]:
    """Have the cases that are due come to their queue and be looked at; which ones came."""
    make_queue("overdue")
    invoke("send_due_messages", HOUR)
    messages = received("overdue")
    if messages:
        assert invoke("escalate_case", as_event("overdue", messages)) == {"batchItemFailures": []}
    return [json.loads(message["Body"])["case_id"] for message in messages]


def test_a_case_is_overdue_from_the_minute_when_it_is_due(invoke: Invoke, ada: str, clock: FrozenClock) -> None:
    opened = complaint(ada)
    clock.advance(hours=48, seconds=-1)
    assert come_due(invoke) == []
    clock.advance(seconds=1)
    assert come_due(invoke) == [opened.case_id]
    assert [fact.type for fact in facts_of(ada, "CaseOverdue")] == ["CaseOverdue"]


def test_a_message_that_comes_before_its_case_is_due_waits_once_more(
    invoke: Invoke, ada: str, clock: FrozenClock
) -> None:
    opened = complaint(ada)
    assert invoke("escalate_case/overdue", fill={"CASE": opened.case_id}) == {"batchItemFailures": []}
    assert facts_of(ada, "CaseOverdue") == []
    clock.advance(hours=48)
    assert set(come_due(invoke)) == {opened.case_id}
    assert len(facts_of(ada, "CaseOverdue")) == 1


def test_a_case_that_is_gone_is_left_alone(invoke: Invoke) -> None:
    assert invoke("escalate_case/overdue", fill={"CASE": "c-0"}) == {"batchItemFailures": []}


def test_a_resolved_case_is_read_when_it_is_due_and_never_again(
    invoke: Invoke, ada: str, clock: FrozenClock, contents: Contents
) -> None:
    opened = complaint(ada)
    step(invoke, "resolve", opened)
    clock.advance(hours=48)
    before = contents()["customers"]
    assert [come_due(invoke), come_due(invoke)] == [[opened.case_id], []]
    assert contents()["customers"] == [item for item in before if not item["pk"].startswith("DUE#")]


def test_an_overdue_case_causes_one_mail(invoke: Invoke, ada: str, contents: Contents) -> None:
    late, _in_time = complaint(ada, "late", ago(hours=49)), complaint(ada, "in-time", ago(hours=47))
    assert come_due(invoke) == [late.case_id]
    before = contents()
    assert come_due(invoke) == []
    assert invoke("escalate_case/overdue", fill={"CASE": late.case_id}) == {"batchItemFailures": []}
    assert contents() == before
    (fact,) = facts_of(ada, "CaseOverdue")
    assert (fact.data["case_id"], fact.data["owner"]) == (late.case_id, "grace")
    for _ in range(2):
        invoke("notify_marketer/case_overdue", fill={"CASE": late.case_id, "CUSTOMER": ada})
    (mail,) = sent_mails()
    assert mail.subject == f"Case {late.case_id} is overdue"
    assert mail.destinations["ToAddresses"] == ["hello@shop.example"]


def test_a_case_that_was_resolved_meanwhile_causes_no_mail(invoke: Invoke, ada: str) -> None:
    opened = complaint(ada, opened_at=ago(hours=49))
    come_due(invoke)
    step(invoke, "resolve", opened)
    for name in ("notify_marketer/case_opened", "notify_marketer/case_overdue"):
        assert invoke(name, fill={"CASE": opened.case_id, "CUSTOMER": ada}) == {"batchItemFailures": []}
    assert sent_mails() == []


# Whether it helped.


def resolved(customer_id: str, complaint_id: str = "1", **since: float) -> Case:
    """A case that was resolved so long ago, when customers were asked three days later."""
    opened, moment = complaint(customer_id, complaint_id, ago(days=9)), ago(**since).replace(microsecond=0)
    rules = definitions.get_rules()
    apply(definitions.put_rules(replace(rules, cases=CaseRules(recovery_after_days=3))))
    resolved = actions.resolve(opened.case_id, Outcome.SOLVED, ShopTime(moment, BERLIN))
    apply(definitions.put_rules(rules))
    return resolved


def recovery(customer_id: str) -> Fact:
    (fact,) = [invited for invited in facts_of(customer_id, "SurveyInvited") if invited.data["survey_id"] == "recovery"]
    return fact


@pytest.mark.parametrize(("days", "asked"), [(2, 0), (3, 1), (8, 1)])
def test_whether_it_helped_is_asked_once_when_the_days_are_over(
    invoke: Invoke, ada: str, contents: Contents, days: int, asked: int
) -> None:
    opened = resolved(ada, days=days)
    assert invoke("ask_recovery", HOUR) == {"asked": asked}
    before = contents()
    assert invoke("ask_recovery", HOUR) == {"asked": 0}
    assert contents() == before
    assert [fact.data["case_id"] for fact in facts_of(ada, "SurveyInvited")] == [opened.case_id] * asked


def asked_before(customer_id: str, **since: float) -> None:
    """As if the last question had been so long ago."""
    key = {"pk": f"CUST#{customer_id}", "sk": "CARE"}
    apply(CUSTOMERS.update(key, "SET invited_at = :then", "", {":then": to_timestamp(ago(**since))}))


def test_the_recovery_question_and_other_surveys_are_a_day_apart(invoke: Invoke, ada: str) -> None:
    ask(ada)
    resolved(ada, "1", days=3)
    resolved(ada, "2", days=3)
    for hours, asked in ((23, 0), (24, 1), (0, 0), (23, 0), (24, 1)):
        if hours:
            asked_before(ada, hours=hours)
        assert invoke("ask_recovery", HOUR)["asked"] == asked
    history = contact_histories.get(ada)
    assert list(history.invited) == ["after-purchase"]
    assert history.invited_at is not None
    assert history.invited_at == clock.now()
    invoke("configure_surveys/put_rules", cooldown_days=5)
    change_survey(invoke, trigger="NIGHTLY", cooldown_days=0)
    assert night(invoke) == {"ASKED_RECENTLY": 1}


def test_the_mail_asks_whether_it_helped_also_while_another_case_is_open(invoke: Invoke, ada: str) -> None:
    resolved(ada, days=3)
    complaint(ada, "another")
    invoke("ask_recovery", HOUR)
    for _ in range(2):
        assert invoke("send_survey_invitation", as_records(recovery(ada))) == {"batchItemFailures": []}
    (mail,) = sent_mails()
    assert mail.subject.startswith("Did we put things right?")
    assert Rules().recovery_question in html.unescape(mail.body)
    links = re.findall(r"/surveys/([^\"?]+)\?score=(\d+)", mail.body)
    assert [int(score) for _, score in links] == list(range(11))
    page = invoke("answer_survey/get", fill={"TOKEN": links[0][0]})
    assert Rules().recovery_question in html.unescape(page["body"])


@pytest.mark.parametrize(
    ("score", "thanks"), [(0, "look into it again"), (7, "We will remember it"), (9, "glad that it is well again")]
)
def test_whoever_says_whether_it_helped_is_asked_and_thanked_for_that(
    invoke: Invoke, launch: Launch, ada: str, score: int, thanks: str
) -> None:
    launch(bonuses={"SURVEY_ANSWERED": 10})
    resolved(ada, days=3)
    invoke("ask_recovery", HOUR)
    asked = invitations.get(ada, recovery(ada).id)
    assert asked is not None
    token = survey_path(ada, 0, asked.invitation_id, asked.expires_at).removeprefix("surveys/")
    page = html.unescape(invoke("answer_survey/get", fill={"TOKEN": token})["body"])
    assert "Did that help?" in page
    for words in RECOVERY_TEXTS.follow_ups.values():
        assert words in page
    shown = html.unescape(answered(invoke, asked, score)["body"])
    assert thanks in shown
    assert "10 points" not in page + shown


def test_a_recovery_answer_earns_no_points_but_a_low_score_opens_a_case(
    invoke: Invoke, launch: Launch, ada: str
) -> None:
    launch(bonuses={"SURVEY_ANSWERED": 10, "REFERRAL": 200})
    resolved(ada, days=3)
    invoke("ask_recovery", HOUR)
    asked = invitations.get(ada, recovery(ada).id)
    assert asked is not None
    for score, opened in ((7, 1), (6, 2), (9, 2)):
        assert answered(invoke, asked, score)["statusCode"] == 200
        assert len(facts_of(ada, "CaseOpened")) == opened
    (fact,) = facts_of(ada, "SurveyAnswered")
    for group in ("DETRACTOR", "PROMOTER"):
        records = as_records(replace(fact, data={**fact.data, "group": group}))
        for function in ("post_points", "send_referral_invitation"):
            assert invoke(function, records) == {"batchItemFailures": []}
    assert (facts_of(ada, "PointsEarned"), sent_mails()) == ([], [])


# Promoters.


def promote(invoke: Invoke, customer_id: str, **fill: str) -> None:
    answer = invoke("send_referral_invitation/promoter", fill={"CUSTOMER": customer_id, **fill})
    assert answer == {"batchItemFailures": []}


def test_a_promoter_gets_a_code_once_a_year(invoke: Invoke, launch: Launch, ada: str, contents: Contents) -> None:
    launch()
    promote(invoke, ada)
    before = contents()
    promote(invoke, ada)
    promote(invoke, ada, **{"after-purchase": "another"})
    assert contents() == before
    (mail,) = sent_mails()
    assert mail.subject == "Do you know somebody who would like it here, too?"
    assert "200" in mail.body
    page = re.search(r"/points\?token=([^\"&<]+)", mail.body)
    assert page is not None
    assert invoke("show_points_page/get", fill={"TOKEN": page[1]})["statusCode"] == 200
    promote(invoke, ada, **{"2026-11-21T12": "2027-01-21T12"})
    assert len(sent_mails()) == 2


def test_others_and_shops_that_reward_no_friends_send_no_such_mail(invoke: Invoke, launch: Launch, ada: str) -> None:
    promote(invoke, ada)
    launch(bonuses={"SURVEY_ANSWERED": 10})
    promote(invoke, ada)
    launch()
    promote(invoke, ada, PROMOTER="PASSIVE")
    assert (sent_mails(), facts_of(ada, "EmailSent", "EmailSkipped")) == ([], [])


def test_a_promoter_with_an_open_case_is_not_asked_for_a_favour(invoke: Invoke, launch: Launch, ada: str) -> None:
    launch()
    complaint(ada)
    promote(invoke, ada)
    (fact,) = facts_of(ada, "EmailSkipped")
    assert (fact.id, fact.data["reason"]) == ("referral-after-purchase.2026-11-14", "OPEN_CASE")
    assert sent_mails() == []


def test_a_mail_withheld_for_a_case_does_not_use_up_the_year(invoke: Invoke, launch: Launch, ada: str) -> None:
    launch()
    opened = complaint(ada)
    promote(invoke, ada)
    step(invoke, "resolve", opened)
    promote(invoke, ada, **{"after-purchase": "another"})
    promote(invoke, ada, **{"after-purchase": "third"})
    assert len(sent_mails()) == 1
    (sent,) = facts_of(ada, "EmailSent")
    assert sent.id == "referral-2026"


def test_whoever_becomes_a_promoter_by_a_change_gets_a_code_too(invoke: Invoke, launch: Launch, ada: str) -> None:
    launch()
    asked = ask(ada)
    for score, mails in ((7, 0), (9, 1), (10, 1)):
        answered(invoke, asked, score)
        records = as_records(*facts_of(ada, "SurveyAnswered", "SurveyAnswerChanged"))
        assert invoke("send_referral_invitation", records) == {"batchItemFailures": []}
        assert len(sent_mails()) == mails
