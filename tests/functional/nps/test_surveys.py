"""Surveys as data, the night that decides who is asked, and the mail that asks them once and not in their sleep."""

import csv
import gzip
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.cases.links import complaint_path
from shared.core import clock
from shared.core.dynamodb import CUSTOMERS, apply
from shared.core.facts import Fact, to_timestamp
from shared.core.shop_time import ShopTime
from shared.customers.consent import Topic
from shared.customers.links import preferences_path, unsubscribe_path
from shared.edge import due
from shared.mail.store import mails
from shared.nps.actions import inviting
from shared.nps.actions.configuring import MAX_SURVEYS
from shared.nps.job import INVITING
from shared.nps.store import definitions, invitations
from shared.nps.survey import DEFAULT_TEXTS
from tests.frozen_clock import FrozenClock
from tests.functional.aws import as_event, client, make_queue, received, sent_mails
from tests.functional.scenes import BERLIN, answered, change_survey, decide_all, facts_of, plan_run, shop_day, sign_up

Load = Callable[..., dict[str, Any]]
Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]

ADA = "ada@example.com"
PUT = "configure_surveys/put_survey"


def test_a_survey_is_kept_as_it_was_put_and_what_was_left_out_has_its_default(invoke: Invoke) -> None:
    assert invoke("configure_surveys/get_surveys")["json"] == {"surveys": []}
    put = change_survey(invoke)
    assert put["statusCode"] == 200
    assert invoke("configure_surveys/get_surveys")["json"] == {"surveys": [put["json"]]}
    assert put["json"]["survey_id"] == "after-purchase"
    assert (put["json"]["enabled"], put["json"]["link_days"], put["json"]["edit_hours"]) == (True, 14, 24)
    said = {group.value: text for group, text in DEFAULT_TEXTS.follow_ups.items()}
    assert put["json"]["texts"]["de"]["follow_ups"] == {**said, "DETRACTOR": "Was ist schiefgegangen?"}


def test_a_survey_that_is_put_again_is_replaced_and_listed_once_in_the_order_of_ids(invoke: Invoke) -> None:
    for survey_id in ("b", "a", "b"):
        assert change_survey(invoke, survey_id, percent=30)["statusCode"] == 200
    listed = invoke("configure_surveys/get_surveys")["json"]["surveys"]
    assert [(entry["survey_id"], entry["percent"]) for entry in listed] == [("a", 30), ("b", 30)]


@pytest.mark.parametrize(
    "change",
    [
        {"percent": 101},
        {"percent": "50"},
        {"days_after": -1},
        {"link_days": 0},
        {"edit_hours": 721},
        {"points": -1},
        {"anonymous_per_day": 1.5},
        {"enabled": "yes"},
        {"trigger": "BIRTHDAY"},
        {"texts": {}},
        {"texts": {"fr": {"question": "Vous nous recommanderiez ?"}}},
        {"texts": {"english": {}}},
        {"texts": {"en": {"question": " "}}},
        {"texts": {"en": {"follow_ups": {"FANS": "Why?"}}}},
        {"texts": {"en": {"question": "x" * 301}}},
        {"unknown": 1},
    ],
)
def test_a_survey_that_makes_no_sense_is_refused(invoke: Invoke, contents: Contents, change: dict[str, Any]) -> None:
    before = contents()
    refused = change_survey(invoke, **change)
    assert refused["statusCode"] == 422
    assert refused["json"]["errors"][0]["pointer"].startswith(f"/{next(iter(change))}")
    assert contents() == before


@pytest.mark.parametrize("survey_id", ["recovery", "Upper", "-a", "a" * 41, "a.b", "ä"])
def test_an_id_that_is_taken_by_the_house_or_no_id_is_refused(
    invoke: Invoke, contents: Contents, survey_id: str
) -> None:
    before = contents()
    assert change_survey(invoke, survey_id)["statusCode"] == 422
    assert contents() == before


def test_there_are_so_many_surveys_and_those_can_still_be_changed(invoke: Invoke) -> None:
    change_survey(invoke, "s-00")
    survey = definitions.get_survey("s-00")
    assert survey is not None
    for number in range(1, MAX_SURVEYS):
        apply(definitions.put_survey(replace(survey, survey_id=f"s-{number:02d}")))
    assert change_survey(invoke, "another")["statusCode"] == 409
    assert change_survey(invoke, "s-49", percent=1)["statusCode"] == 200


def test_the_rules_have_defaults_and_are_replaced_as_a_whole(invoke: Invoke) -> None:
    rules = invoke("configure_surveys/get_rules")["json"]
    assert (rules["cooldown_days"], rules["quiet_from"], rules["quiet_until"], rules["owner"]) == (30, 20, 8, None)
    put = invoke("configure_surveys/put_rules", cooldown_days=5)
    assert put["statusCode"] == 200
    assert put["json"] == {**rules, "cooldown_days": 5, "quiet_from": 0, "quiet_until": 0, "owner": "grace"} | {
        "recovery_after_days": 0
    }
    assert invoke("configure_surveys/get_rules")["json"] == put["json"]


@pytest.mark.parametrize(
    "change",
    [
        {"quiet_from": 24},
        {"cooldown_days": -1},
        {"due_hours_high": 0},
        {"due_hours_high": 49},
        {"due_hours_low": 47},
        {"recovery_question": ""},
        {"owner": "x" * 121},
    ],
)
def test_rules_that_make_no_sense_are_refused(invoke: Invoke, contents: Contents, change: dict[str, Any]) -> None:
    before = contents()
    assert invoke("configure_surveys/put_rules", **change)["statusCode"] == 422
    assert contents() == before


def test_the_link_of_a_place_leads_to_the_anonymous_page(invoke: Invoke) -> None:
    change_survey(invoke)
    answer = invoke("configure_surveys/get_link")["json"]
    assert (answer["survey_id"], answer["place"], answer["answers_per_day"]) == ("after-purchase", "counter", 3)
    assert answer["url"].startswith("https://crm.shop.example/feedback/")


@pytest.mark.parametrize(
    ("fill", "status"),
    [({"after-purchase": "other"}, 404), ({"counter": "At the counter"}, 422), ({"counter": ""}, 422)],
)
def test_a_link_is_of_a_survey_that_there_is_and_of_a_place_with_a_name(
    invoke: Invoke, fill: dict[str, str], status: int
) -> None:
    change_survey(invoke)
    assert invoke("configure_surveys/get_link", fill=fill)["statusCode"] == status


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("configure_surveys/get_surveys", "surveys:write"),
        (PUT, "surveys:read"),
        ("configure_surveys/get_rules", "reports:read"),
        ("configure_surveys/put_rules", "surveys:read"),
        ("start_invitations/start", "surveys:read"),
    ],
)
def test_a_key_with_another_scope_does_not_open_the_surveys(
    invoke: Invoke, load: Load, contents: Contents, name: str, scope: str
) -> None:
    event, before = load(name), contents()
    event["requestContext"]["authorizer"]["lambda"]["scopes"] = scope
    assert invoke(name, event=event)["statusCode"] == 403
    assert contents() == before


def test_the_nights_invitations_can_be_started_by_hand(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = client("stepfunctions").create_state_machine(
        name="invitations", definition="{}", roleArn="arn:aws:iam::123456789012:role/invitations"
    )["stateMachineArn"]
    monkeypatch.setenv("INVITATIONS_STATE_MACHINE_ARN", machine)
    answer = invoke("start_invitations/start")
    assert (answer["statusCode"], answer["json"]["status"]) == (202, "RUNNING")
    (execution,) = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert execution["name"] == answer["json"]["run_id"]


# A night.


@pytest.fixture
def shop(invoke: Invoke) -> None:
    """A survey a week after a purchase, and no quiet hours: a test does not wait for the morning."""
    assert invoke("configure_surveys/put_rules")["statusCode"] == 200
    assert change_survey(invoke)["statusCode"] == 200


def buy(invoke: Invoke, email: str = ADA, days_ago: int = 7) -> None:
    day = f"{shop_day(-days_ago)}T10:00:00+01:00"
    answer = invoke(
        "record_purchase/by_email", order_id=f"{email}-{days_ago}", customer={"email": email}, ordered_at=day
    )
    assert answer["statusCode"] == 201


@pytest.fixture
def ada(invoke: Invoke, shop: None) -> str:
    """A customer who agreed to be asked, and bought something a week ago."""
    customer_id = sign_up(invoke, ADA)
    buy(invoke)
    return customer_id


def night(invoke: Invoke, days: int = 0, run_id: str = "night") -> dict[str, int]:
    """What the state machine does so many days from now: how many were asked, and how many were not and why."""
    return decide_all(invoke, run_id, clock.now() + timedelta(days=days))


def file_of(run_id: str = "night") -> list[tuple[str, ...]]:
    body = client("s3").get_object(Bucket="data", Key=f"invitations/{run_id}/part-00000.csv.gz")["Body"].read()
    rows = csv.reader(io.StringIO(gzip.decompress(body).decode()))
    assert next(rows) == ["customer_id", "survey_id", "run", "decision"]
    return sorted(tuple(row) for row in rows)


def decisions(customer_id: str) -> list[tuple[str, str | None]]:
    """Who was asked and who was not, in the order of time and of surveys."""
    decided = facts_of(customer_id, "SurveyInvited", "SurveySkipped")
    return [(fact.data["survey_id"], fact.data.get("reason")) for fact in decided]


def test_the_plan_cuts_all_customers_into_segments(invoke: Invoke) -> None:
    run = plan_run(invoke, "invitations", "night", datetime(2026, 11, 21, 7, tzinfo=UTC))
    assert run == {"run_id": "night", "started_at": "2026-11-21T07:00:00.000Z", "total_segments": 4}


def test_a_night_is_closed_with_its_figures_and_lets_the_next_one_begin(invoke: Invoke, ada: str) -> None:
    run = plan_run(invoke, "invitations", "first", clock.now())
    run = plan_run(invoke, "invitations", "second", clock.now())
    for segment in range(run["total_segments"]):
        invoke("decide_invitations", {"run": run, "segment": segment})
    closed = [invoke("close_invitations", {"run": run}) for _ in range(2)]
    assert closed == [{"run_id": "second", "decisions": {"INVITED": 1}}] * 2
    progress = INVITING.get("second", clock.now())
    assert progress is not None
    figures = dict(progress.run.figures or {})
    assert (progress.status, figures["segments_decided"], figures["customers"]) == ("SUCCEEDED", 4, 1)
    assert (INVITING.unfinished(), INVITING.leases.get()) == ({}, None)


def test_a_night_that_runs_twice_asks_once(invoke: Invoke, ada: str, contents: Contents) -> None:
    assert night(invoke) == {"INVITED": 1}
    before, kept = contents(), file_of()
    assert night(invoke) == {"INVITED": 1}
    assert night(invoke, run_id="by-hand") == {"INVITED": 1}
    assert (contents(), file_of()) == (before, kept)
    (fact,) = facts_of(ada, "SurveyInvited")
    assert {name: fact.data[name] for name in ("survey_id", "run", "order_id", "channel", "category")} == {
        "survey_id": "after-purchase",
        "run": f"{shop_day(-7)}",
        "order_id": f"{ADA}-7",
        "channel": "web",
        # Of an order's two lines of the same worth, the first.
        "category": "Cups",
    }
    assert kept == [(ada, "after-purchase", f"{shop_day(-7)}", "INVITED")]


@pytest.mark.parametrize(("late", "asked"), [(-1, 0), (1, 1), (3, 1), (4, 0)])
def test_nights_that_were_missed_are_caught_up_with_for_three_days(
    invoke: Invoke, ada: str, late: int, asked: int
) -> None:
    assert night(invoke, days=late) == ({"INVITED": 1} if asked else {})
    assert len(facts_of(ada, "SurveyInvited")) == asked


def test_a_night_after_the_one_that_decided_decides_nothing_anew(invoke: Invoke, ada: str) -> None:
    change_survey(invoke, percent=0)
    assert night(invoke) == {"NOT_SAMPLED": 1}
    change_survey(invoke, percent=100)
    assert night(invoke, days=1) == {"NOT_SAMPLED": 1}
    assert decisions(ada) == [("after-purchase", "NOT_SAMPLED")]


def test_of_two_surveys_in_one_night_one_asks_and_the_other_says_why_not(
    invoke: Invoke, ada: str, contents: Contents
) -> None:
    change_survey(invoke, "nightly", trigger="NIGHTLY")
    assert night(invoke) == {"INVITED": 1, "ASKED_RECENTLY": 1}
    before = contents()
    assert night(invoke) == {"INVITED": 1, "ASKED_RECENTLY": 1}
    assert contents() == before
    assert decisions(ada) == [("after-purchase", None)]
    assert file_of() == [
        (ada, "after-purchase", f"{shop_day(-7)}", "INVITED"),
        (ada, "nightly", f"{shop_day()}", "ASKED_RECENTLY"),
    ]


def test_customers_outside_the_sample_get_a_fact_or_a_line_in_the_file(invoke: Invoke, ada: str) -> None:
    change_survey(invoke, percent=0)
    change_survey(invoke, "nightly", trigger="NIGHTLY", percent=0)
    assert night(invoke) == {"NOT_SAMPLED": 2}
    assert decisions(ada) == [("after-purchase", "NOT_SAMPLED")]
    assert file_of() == [
        (ada, "after-purchase", f"{shop_day(-7)}", "NOT_SAMPLED"),
        (ada, "nightly", f"{shop_day()}", "NOT_SAMPLED"),
    ]


def test_a_refusal_of_a_nightly_survey_is_a_line_in_the_bucket_and_nothing_else(
    invoke: Invoke, ada: str, contents: Contents
) -> None:
    change_survey(invoke, enabled=False)
    change_survey(invoke, "nightly", trigger="NIGHTLY")
    pause(invoke, ada)
    before = contents()
    assert night(invoke) == {"PAUSED": 1}
    assert contents() == before
    assert file_of() == [(ada, "nightly", f"{shop_day()}", "PAUSED")]


def test_what_an_invitation_is_counted_by_is_not_looked_up_for_a_refusal(invoke: Invoke, ada: str) -> None:
    survey, time = definitions.get_survey("after-purchase"), ShopTime(clock.now(), BERLIN)
    assert survey is not None
    looked_up = []

    def about() -> dict[str, str]:
        looked_up.append(1)
        return {"channel": "web"}

    for run, outcome in (("a", None), ("a", None), ("b", "ASKED_THIS_BEFORE")):
        assert inviting.decide(ada, survey, definitions.get_rules(), run, about, time) == outcome
    assert len(looked_up) == 1


def test_whoever_cannot_be_decided_on_fails_the_night_and_keeps_it_from_nobody(
    invoke: Invoke, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [sign_up(invoke, f"{name}@example.com") for name in ("grace", "joan")]
    change_survey(invoke, enabled=False)
    change_survey(invoke, "nightly", trigger="NIGHTLY")
    decide = inviting.decide

    def fail(customer_id: str, *args: Any) -> Any:
        if customer_id == ada:
            raise ZeroDivisionError
        return decide(customer_id, *args)

    with monkeypatch.context() as patch:
        patch.setattr(inviting, "decide", fail)
        with pytest.raises(ZeroDivisionError):
            night(invoke)
    run = f"{shop_day()}"
    assert file_of() == sorted((other, "nightly", run, "INVITED") for other in others)
    assert night(invoke) == {"INVITED": 3}
    assert file_of() == sorted((other, "nightly", run, "INVITED") for other in (ada, *others))


def test_each_throttle_holds_until_its_days_are_over(invoke: Invoke, shop: None) -> None:
    change_survey(invoke, "nightly", trigger="NIGHTLY", cooldown_days=40)
    change_survey(invoke, enabled=False)
    customer_id = sign_up(invoke, ADA)
    outcomes = [list(night(invoke, days=days)) for days in (0, 29, 31, 39, 40)]
    assert outcomes == [["INVITED"], ["ASKED_THIS_BEFORE"], ["ASKED_THIS_BEFORE"], ["ASKED_THIS_BEFORE"], ["INVITED"]]
    change_survey(invoke, "other", trigger="NIGHTLY")
    change_survey(invoke, "nightly", enabled=False)
    assert [list(night(invoke, days=days)) for days in (69, 70)] == [["ASKED_RECENTLY"], ["INVITED"]]
    assert len(facts_of(customer_id, "SurveyInvited")) == 3


def test_a_survey_that_is_switched_off_decides_nothing(invoke: Invoke, ada: str, contents: Contents) -> None:
    change_survey(invoke, enabled=False)
    before = contents()
    assert night(invoke) == {}
    assert contents() == before
    assert "Contents" not in client("s3").list_objects_v2(Bucket="data")


def unsubscribe(invoke: Invoke, customer_id: str) -> None:
    token = unsubscribe_path(customer_id, 0, Topic.SURVEYS).partition("token=")[2]
    assert invoke("unsubscribe_customer/one_click", fill={"TOKEN": token})["statusCode"] == 200


def pause(invoke: Invoke, customer_id: str) -> None:
    token = preferences_path(customer_id, 0, clock.now() + timedelta(hours=1)).partition("token=")[2]
    assert invoke("manage_preferences/pause", fill={"TOKEN": token})["statusCode"] == 200


def bounce(invoke: Invoke, _customer_id: str) -> None:
    assert invoke("record_mail_events/hard_bounce") == {"batchItemFailures": []}


def complain(invoke: Invoke, customer_id: str) -> None:
    """By the form behind their link."""
    path = complaint_path(customer_id, 0, clock.now() + timedelta(hours=1)).partition("token=")[2]
    form = re.search(r'name="token" value="([^"]+)"', invoke("take_complaint/get", fill={"TOKEN": path})["body"])
    assert form is not None
    assert invoke("take_complaint/post", fill={"TOKEN": form[1]})["statusCode"] == 200


REASONS = [(unsubscribe, "NO_CONSENT"), (pause, "PAUSED"), (bounce, "SUPPRESSED"), (complain, "OPEN_CASE")]


@pytest.mark.parametrize(("happens", "reason"), REASONS)
def test_who_may_not_be_asked_is_not_and_the_reason_is_on_record(
    invoke: Invoke, ada: str, contents: Contents, happens: Callable[[Invoke, str], None], reason: str
) -> None:
    happens(invoke, ada)
    assert night(invoke) == {reason: 1}
    before = contents()
    assert night(invoke) == {reason: 1}
    assert contents() == before
    assert decisions(ada) == [("after-purchase", reason)]
    assert file_of() == [(ada, "after-purchase", f"{shop_day(-7)}", reason)]


def test_buyers_without_consent_and_without_an_address_are_not_asked(invoke: Invoke, shop: None) -> None:
    buy(invoke, "stranger@example.com")
    ordered_at = f"{shop_day(-7)}T10:00:00+01:00"
    assert invoke("record_purchase/by_customer_number", ordered_at=ordered_at)["statusCode"] == 201
    assert night(invoke) == {"NO_CONSENT": 1, "NO_ADDRESS": 1}
    assert decisions("K-77") == [("after-purchase", "NO_ADDRESS")]


def test_a_customer_is_asked_about_the_latest_purchase_that_is_due(invoke: Invoke, ada: str) -> None:
    buy(invoke, days_ago=9)
    buy(invoke, days_ago=2)
    assert night(invoke) == {"INVITED": 1}
    (fact,) = facts_of(ada, "SurveyInvited")
    assert fact.data["order_id"] == f"{ADA}-7"


# The mail.


def invited(invoke: Invoke, customer_id: str) -> Fact:
    assert night(invoke) == {"INVITED": 1}
    (fact,) = facts_of(customer_id, "SurveyInvited")
    return fact


def send(invoke: Invoke, fact: Fact) -> dict[str, Any]:
    words = {"CUSTOMER": fact.customer_id, "after-purchase.2026-11-14": fact.id}
    return invoke("send_survey_invitation/invited", fill=words)


def outcomes(customer_id: str) -> list[tuple[str, str | None]]:
    """What became of the mails that ask, welcomes left out."""
    recorded = facts_of(customer_id, "EmailSent", "EmailSkipped", "EmailUnknown")
    return [(fact.type, fact.data.get("reason")) for fact in recorded if fact.id.startswith("survey-")]


def test_the_mail_has_eleven_scores_and_goes_out_once(invoke: Invoke, ada: str, contents: Contents) -> None:
    fact = invited(invoke, ada)
    assert send(invoke, fact) == {"batchItemFailures": []}
    before = contents()
    for _ in range(2):
        assert send(invoke, fact) == {"batchItemFailures": []}
    assert contents() == before
    (mail,) = sent_mails()
    assert mail.destinations["ToAddresses"] == [ADA]
    assert mail.subject == "How likely are you to recommend our tea to a friend?"
    links = re.findall(r'href="https://crm\.shop\.example/surveys/([^"?]+)\?score=(\d+)"', mail.body)
    assert [int(score) for _, score in links] == list(range(11))
    assert len({token for token, _ in links}) == 1
    assert invoke("answer_survey/get", fill={"TOKEN": links[0][0]})["statusCode"] == 200
    assert outcomes(ada) == [("EmailSent", None)]
    (leave,) = set(re.findall(r'href="https://crm\.shop\.example/unsubscribe\?token=([^"]+)"', mail.body))
    assert invoke("unsubscribe_customer/one_click", fill={"TOKEN": leave})["statusCode"] == 200


@pytest.mark.parametrize(
    ("own", "bonus", "promised"), [(20, None, None), (20, 10, "20"), (None, 10, "10"), (0, 10, None), (None, 0, None)]
)
def test_the_mail_promises_points_where_there_is_a_programme_that_gives_them(
    invoke: Invoke, ada: str, launch: Callable[..., None], own: int | None, bonus: int | None, promised: str | None
) -> None:
    if bonus is not None:
        launch(bonuses={"SURVEY_ANSWERED": bonus} if bonus else {})
    change_survey(invoke, points=own)
    send(invoke, invited(invoke, ada))
    (mail,) = sent_mails()
    assert re.findall(r"(\d+) points", mail.body)[:1] == ([promised] if promised else [])


def switch_off(invoke: Invoke, _customer_id: str) -> None:
    change_survey(invoke, enabled=False)


def answer_already(invoke: Invoke, customer_id: str) -> None:
    asked = invitations.get(customer_id, f"after-purchase.{shop_day(-7)}")
    assert asked is not None
    assert answered(invoke, asked, 9)["statusCode"] == 200


def expire(_invoke: Invoke, customer_id: str) -> None:
    key = {"pk": f"CUST#{customer_id}", "sk": f"INVITATION#after-purchase.{shop_day(-7)}"}
    values = {":past": to_timestamp(clock.now() - timedelta(seconds=1))}
    apply(CUSTOMERS.update(key, "SET open_until = :past", "", values))


@pytest.mark.parametrize(
    ("happens", "reason"),
    [*REASONS, (answer_already, "OUTDATED"), (expire, "OUTDATED"), (switch_off, "OUTDATED")],
)
def test_what_happens_between_the_night_and_the_mail_stops_it_and_is_on_record(
    invoke: Invoke, ada: str, contents: Contents, happens: Callable[[Invoke, str], None], reason: str
) -> None:
    fact = invited(invoke, ada)
    happens(invoke, ada)
    assert send(invoke, fact) == {"batchItemFailures": []}
    before = contents()
    assert send(invoke, fact) == {"batchItemFailures": []}
    assert contents() == before
    assert (outcomes(ada), sent_mails()) == ([("EmailSkipped", reason)], [])


def test_an_invitation_that_ses_refuses_goes_out_once_when_it_is_redriven(
    invoke: Invoke, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fact = invited(invoke, ada)
    make_queue("surveys")
    monkeypatch.setenv("SENDER", "unverified@elsewhere.example")
    assert send(invoke, fact) == {"batchItemFailures": []}
    assert len(received("surveys-failed")) == 1
    monkeypatch.setenv("SENDER", "hello@shop.example")
    for _ in range(2):
        assert send(invoke, fact) == {"batchItemFailures": []}
    assert (outcomes(ada), len(sent_mails())) == ([("EmailSent", None)], 1)


def test_an_invitation_whose_sender_died_is_not_sent_again(invoke: Invoke, ada: str) -> None:
    fact = invited(invoke, ada)
    apply(mails.claim(ada, f"survey-{fact.id}", clock.now()))
    for _ in range(2):
        assert send(invoke, fact) == {"batchItemFailures": []}
    assert (outcomes(ada), sent_mails()) == ([("EmailUnknown", None)], [])


def hour(ahead: int) -> int:
    """The hour that it is so many hours from now in London, where the event file's customer lives."""
    return (clock.now().astimezone(ZoneInfo("Europe/London")) + timedelta(hours=ahead)).hour


def drain(invoke: Invoke) -> list[dict[str, Any]]:
    """Send what is due now, and have the function take what has come into its queue; what came."""
    make_queue("surveys")
    invoke("send_due_messages", {"source": "aws.scheduler"})
    messages = received("surveys")
    if messages:
        assert invoke("send_survey_invitation", as_event("surveys", messages)) == {"batchItemFailures": []}
    return messages


@pytest.mark.parametrize("hours", [2, 22])
def test_in_quiet_hours_the_invitation_waits_until_the_customers_morning(
    invoke: Invoke, ada: str, clock: FrozenClock, contents: Contents, hours: int
) -> None:
    fact = invited(invoke, ada)
    invoke("configure_surveys/put_rules", quiet_from=hour(-1), quiet_until=hour(hours))
    assert send(invoke, fact) == {"batchItemFailures": []}
    (waiting,) = due.list_of(ada)
    assert waiting.due_at == clock.now() + timedelta(hours=hours)
    before = contents()
    assert send(invoke, fact) == {"batchItemFailures": []}
    assert (contents(), drain(invoke), outcomes(ada)) == (before, [], [])
    clock.advance(hours=hours)
    assert len(drain(invoke)) == 1
    assert (outcomes(ada), due.list_of(ada), drain(invoke)) == ([("EmailSent", None)], [], [])


def test_a_customer_in_quiet_hours_is_written_to_after_them(invoke: Invoke, ada: str, clock: FrozenClock) -> None:
    invoke("configure_surveys/put_rules", quiet_from=hour(-1), quiet_until=hour(2))
    fact = invited(invoke, ada)
    asked = invitations.get(ada, fact.id)
    assert asked is not None
    assert asked.send_at > asked.invited_at
    assert asked.expires_at == asked.send_at + timedelta(days=14)
    invoke("configure_surveys/put_rules")
    send(invoke, fact)
    assert sent_mails() == []
    clock.set(asked.send_at)
    drain(invoke)
    assert len(sent_mails()) == 1


def test_an_erased_customers_invitation_does_not_come(invoke: Invoke, ada: str, clock: FrozenClock) -> None:
    fact = invited(invoke, ada)
    invoke("configure_surveys/put_rules", quiet_from=hour(-1), quiet_until=hour(2))
    send(invoke, fact)
    assert due.erase(ada) == 1
    clock.advance(hours=2)
    assert (due.list_of(ada), drain(invoke), outcomes(ada)) == ([], [], [])


def test_whoever_lives_elsewhere_sleeps_at_another_time(invoke: Invoke, shop: None) -> None:
    customer_id = sign_up(invoke, ADA, time_zone="Pacific/Auckland")
    buy(invoke)
    # Eleven to thirteen hours from London, and quiet there for three.
    invoke("configure_surveys/put_rules", quiet_from=hour(-1), quiet_until=hour(2))
    fact = invited(invoke, customer_id)
    assert send(invoke, fact) == {"batchItemFailures": []}
    assert outcomes(customer_id) == [("EmailSent", None)]


def test_a_language_that_we_do_not_speak_needs_all_words_of_the_shop(invoke: Invoke) -> None:
    refused = change_survey(invoke, texts={"en": {}, "fr": {"question": "Vous nous recommanderiez ?"}})
    assert refused["statusCode"] == 422
    assert "fr needs follow_ups/PROMOTER, " in refused["json"]["detail"]
    words = {"PROMOTER": "Merci !", "PASSIVE": "Merci.", "DETRACTOR": "Pardon."}
    french = {"question": "Vous nous recommanderiez ?", "follow_ups": words, "thanks": words}
    assert change_survey(invoke, texts={"en": {}, "fr": french})["statusCode"] == 200


def test_a_change_of_a_survey_names_the_version_that_it_was_made_from(invoke: Invoke) -> None:
    first = change_survey(invoke)["json"]
    assert first["version"] == 1
    assert invoke(PUT)["json"] == first
    assert invoke(PUT, percent=7)["statusCode"] == 409
    second = invoke(PUT, percent=7, version=1)["json"]
    assert (second["version"], second["percent"]) == (2, 7)
    stale = invoke(PUT, percent=8, version=1)
    assert (stale["statusCode"], stale["json"]["version"]) == (409, 2)
    assert invoke("configure_surveys/get_surveys")["json"] == {"surveys": [second]}
