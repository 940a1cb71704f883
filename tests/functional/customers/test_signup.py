"""Signing up, confirming, choosing, leaving, bouncing: the real handlers over stored state."""

import base64
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.core import clock, fact_store
from shared.customers.consent import Status, Topic
from shared.customers.customer import Customer
from shared.customers.links import confirmation_path, preferences_path, unsubscribe_path
from shared.customers.store import profiles, proofs
from shared.edge.queues import LOGGER
from shared.edge.tokens import Purpose, sign
from shared.scorecards.store import cards
from tests.functional.aws import client, make_queue, received

Invoke = Callable[..., dict[str, Any]]
Load = Callable[..., dict[str, Any]]

ADA = "ada@example.com"


def statuses(known: Customer | None) -> set[Status]:
    assert known is not None
    return {consent.status for consent in known.consents.values()}


def ada() -> Customer:
    known = profiles.get_by_email(ADA)
    assert known is not None
    return known


def fact_types(known: Customer) -> list[str]:
    return [fact.type for fact in fact_store.every(known.customer_id)]


def confirmation_token(known: Customer) -> str:
    assert known.signup is not None
    return confirmation_path(known.customer_id, 0, known.signup).partition("token=")[2]


@pytest.fixture
def subscribed(invoke: Invoke) -> Customer:
    invoke("register_customer/json")
    invoke("confirm_signup/post", fill={"TOKEN": confirmation_token(ada())})
    return ada()


def test_a_signup_by_json_waits_for_its_confirmation(invoke: Invoke) -> None:
    answer = invoke("register_customer/json")
    assert (answer["statusCode"], answer["json"]) == (202, {"status": "PENDING"})
    assert statuses(ada()) == {Status.PENDING}
    assert ada().contact.name is None
    assert fact_types(ada()) == ["CustomerSignedUp"]


def test_the_answer_is_the_same_for_a_known_address(invoke: Invoke, subscribed: Customer) -> None:
    again = invoke("register_customer/json")
    new = invoke("register_customer/json", email="new@example.com")
    assert again == new


def test_a_signup_by_form_is_sent_on_to_the_allowed_address(invoke: Invoke) -> None:
    answer = invoke("register_customer/form")
    assert (answer["statusCode"], answer["headers"]["location"]) == (303, "https://shop.example/thanks")
    assert statuses(profiles.get_by_email("grace@example.com")) == {Status.PENDING}


def test_a_form_with_another_redirect_is_refused_and_signs_nobody_up(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_REDIRECTS", "https://other.example")
    answer = invoke("register_customer/form")
    assert answer["statusCode"] == 422
    assert "text/html" in answer["headers"]["content-type"]
    assert profiles.get_by_email("grace@example.com") is None


def test_a_form_may_choose_topics_and_a_page_answers_what_is_wrong_with_it(invoke: Invoke, load: Load) -> None:
    event = load("register_customer/form")

    def send(more: str) -> dict[str, Any]:
        body = base64.b64decode(event["body"]) + more.encode()
        return invoke("register_customer/form", {**event, "body": base64.b64encode(body).decode()})

    assert send("&topics=NEWS&topics=SURVEYS")["statusCode"] == 303
    known = profiles.get_by_email("grace@example.com")
    assert known is not None
    assert {topic for _, topic in known.consents} == {Topic.NEWS, Topic.SURVEYS}
    for more, status in (("&topics=GOSSIP", 422), ("&x=1" * 100, 400), ("&x=" + "y" * 140_000, 413)):
        answer = send(more)
        assert (answer["statusCode"], answer["headers"]["content-type"]) == (status, "text/html; charset=utf-8")


def test_a_robot_gets_the_same_answer_and_nothing_is_stored(invoke: Invoke, contents: Callable[..., Any]) -> None:
    assert invoke("register_customer/robot")["statusCode"] == 303
    assert contents() == {"customers": [], "scorecards": []}


def test_a_wrong_signup_gets_a_problem_that_points_at_each_fault(invoke: Invoke) -> None:
    answer = invoke("register_customer/json", email="ada", consent=False)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (422, "application/problem+json")
    assert {error["pointer"] for error in answer["json"]["errors"]} == {"/email", "/consent"}


def test_asking_the_same_again_within_minutes_changes_nothing(invoke: Invoke, contents: Callable[..., Any]) -> None:
    invoke("register_customer/json")
    before = contents()
    invoke("register_customer/json")
    assert contents() == before


def test_who_types_in_an_address_first_does_not_decide_what_its_owner_confirms(invoke: Invoke) -> None:
    invoke("register_customer/json", name="Mallory", phone="+49 30 666", referral_code="MALLORY")
    token = confirmation_token(ada())
    invoke("register_customer/json", name="Ada", phone=None, referral_code=None)
    assert fact_types(ada()) == ["CustomerSignedUp"]
    assert confirmation_token(ada()) == token
    page = invoke("confirm_signup/get", fill={"TOKEN": token})["body"]
    assert "Ada" in page
    assert "Mallory" not in page
    invoke("confirm_signup/post", fill={"TOKEN": token})
    known = ada()
    assert (known.contact.name, known.contact.phone, known.referral_code) == ("Ada", None, None)


def test_the_confirmation_page_shows_all_that_it_saves(invoke: Invoke) -> None:
    invoke(
        "register_customer/json",
        name="Ada <b>King</b>",
        phone="+44 20 7946 0000",
        birthday="1990-12-10",
        locale="en-GB",
        time_zone="Europe/London",
        referral_code="K7QM2XWA",
        topics=["NEWS", "SURVEYS"],
    )
    page = invoke("confirm_signup/get", fill={"TOKEN": confirmation_token(ada())})["body"]
    for shown in (
        *("Ada &lt;b&gt;King&lt;/b&gt;", "+44 20 7946 0000", "10 December 1990", "en-GB", "Europe/London", "K7QM2XWA"),
        "news, surveys",
    ):
        assert shown in page, shown
    assert "offers" not in page
    assert "<script" not in page


def confirm_what_was_shown(invoke: Invoke, load: Load, page: dict[str, Any]) -> dict[str, Any]:
    """Press the button of a confirmation page."""
    fields = dict(re.findall(r'name="(token|shown)" value="([^"]+)"', page["body"]))
    event = load("confirm_signup/post")
    return invoke("confirm_signup/post", {**event, "isBase64Encoded": False, "body": urlencode(fields)})


def test_what_came_in_between_is_shown_before_it_is_saved(invoke: Invoke, load: Load) -> None:
    invoke("register_customer/json", name="Ada")
    first = invoke("confirm_signup/get", fill={"TOKEN": confirmation_token(ada())})
    invoke("register_customer/json", name="Mallory")
    second = confirm_what_was_shown(invoke, load, first)
    assert second["statusCode"] == 409
    assert "Mallory" in second["body"]
    assert statuses(ada()) == {Status.PENDING}
    assert confirm_what_was_shown(invoke, load, second)["statusCode"] == 200
    assert (statuses(ada()), ada().contact.name) == ({Status.SUBSCRIBED}, "Mallory")


def test_opening_the_confirmation_link_changes_nothing(invoke: Invoke, contents: Callable[..., Any]) -> None:
    invoke("register_customer/json")
    before = contents()
    answer = invoke("confirm_signup/get", fill={"TOKEN": confirmation_token(ada())})
    assert answer["statusCode"] == 200
    assert "<form" in answer["body"]
    assert contents() == before


def test_confirming_subscribes_and_keeps_the_evidence(subscribed: Customer) -> None:
    assert statuses(subscribed) == {Status.SUBSCRIBED}
    assert subscribed.contact.name == "Ada Lovelace"
    granted = fact_store.every(subscribed.customer_id)[-1]
    assert granted.type == "ConsentGranted"
    proof = proofs.of([granted])[granted.type, granted.id]
    assert proof.evidence.consent_text == "newsletter-2026-11"
    assert (proof.evidence.ip, proof.evidence.user_agent) == ("192.0.2.44", "Mozilla/5.0 (X11; Linux x86_64)")
    card = cards.get(subscribed.customer_id)
    assert card is not None
    assert card.orders == 0


def test_confirming_again_answers_the_same_and_changes_nothing(invoke: Invoke, contents: Callable[..., Any]) -> None:
    invoke("register_customer/json")
    fill = {"TOKEN": confirmation_token(ada())}
    first = invoke("confirm_signup/post", fill=fill)
    before = contents()
    second = invoke("confirm_signup/post", fill=fill)
    assert first["statusCode"] == second["statusCode"] == 200
    assert contents() == before


def test_a_forged_an_expired_and_a_foreign_token_confirm_nothing(invoke: Invoke, contents: Callable[..., Any]) -> None:
    invoke("register_customer/json")
    known = ada()
    assert known.signup is not None
    claims = {"customer": known.customer_id, "signup": known.signup.signup_id}
    yesterday = clock.now() - timedelta(days=1)
    before = contents()
    tokens = {
        confirmation_token(known)[:-2] + "xx": 400,
        sign(Purpose.CONFIRM, claims, yesterday): 410,
        sign(Purpose.PREFERENCES, claims): 400,
        sign(Purpose.CONFIRM, {**claims, "signup": "other"}): 410,
        "": 400,
    }
    for token, status in tokens.items():
        assert invoke("confirm_signup/post", fill={"TOKEN": token})["statusCode"] == status
        assert invoke("confirm_signup/get", fill={"TOKEN": token})["statusCode"] == status
    assert contents() == before


@pytest.mark.parametrize("event", ["unsubscribe_customer/one_click", "unsubscribe_customer/one_click_multipart"])
def test_one_click_unsubscribes_from_the_topic_of_the_mail(invoke: Invoke, subscribed: Customer, event: str) -> None:
    token = unsubscribe_path(subscribed.customer_id, 0, Topic.OFFERS).partition("token=")[2]
    answer = invoke(event, fill={"TOKEN": token})
    assert answer["statusCode"] == 200
    allowed = {topic for (_, topic), consent in ada().consents.items() if consent.status is Status.SUBSCRIBED}
    assert allowed == {Topic.NEWS, Topic.SURVEYS}


def test_opening_the_unsubscribe_link_changes_nothing(
    invoke: Invoke, subscribed: Customer, contents: Callable[..., Any]
) -> None:
    token = unsubscribe_path(subscribed.customer_id, 0, None).partition("token=")[2]
    before = contents()
    answer = invoke("unsubscribe_customer/get", fill={"TOKEN": token})
    assert (answer["statusCode"], contents()) == (200, before)


def preference_token(known: Customer) -> str:
    return preferences_path(known.customer_id, 0, clock.now() + timedelta(hours=1)).partition("token=")[2]


def test_the_preference_centre_shows_saves_and_changes_nothing_when_shown(
    invoke: Invoke, subscribed: Customer, contents: Callable[..., Any]
) -> None:
    token, before = preference_token(subscribed), contents()
    shown = invoke("manage_preferences/get", fill={"TOKEN": token})
    assert shown["statusCode"] == 200
    assert 'name="EMAIL_NEWS"' in shown["body"]
    assert contents() == before
    saved = invoke("manage_preferences/save", fill={"TOKEN": token})
    assert saved["statusCode"] == 200
    allowed = {f"{c}_{t}" for (c, t), consent in ada().consents.items() if consent.status is Status.SUBSCRIBED}
    assert allowed == {"EMAIL_NEWS", "SMS_OFFERS"}
    assert ada().paused_until is not None
    assert fact_types(ada())[-3:] == ["ConsentGranted", "ConsentWithdrawn", "MailPaused"]


def test_leaving_unsubscribes_from_everything(invoke: Invoke, subscribed: Customer) -> None:
    answer = invoke("manage_preferences/leave", fill={"TOKEN": preference_token(subscribed)})
    assert answer["statusCode"] == 200
    assert statuses(ada()) == {Status.UNSUBSCRIBED}


def test_signing_up_after_leaving_asks_again(invoke: Invoke, subscribed: Customer) -> None:
    invoke("manage_preferences/leave", fill={"TOKEN": preference_token(subscribed)})
    invoke("register_customer/json")
    assert statuses(ada()) == {Status.PENDING}
    invoke("confirm_signup/post", fill={"TOKEN": confirmation_token(ada())})
    assert statuses(ada()) == {Status.SUBSCRIBED}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("record_mail_events/hard_bounce", Status.SUPPRESSED),
        ("record_mail_events/complaint", Status.SUPPRESSED),
        ("record_mail_events/soft_bounce", Status.SUBSCRIBED),
        ("record_mail_events/not_spam", Status.SUBSCRIBED),
        ("record_mail_events/topic_validated", Status.SUBSCRIBED),
    ],
)
def test_feedback_that_ends_deliverability_suppresses_once(
    invoke: Invoke, subscribed: Customer, contents: Callable[..., Any], event: str, expected: Status
) -> None:
    assert invoke(event) == {"batchItemFailures": []}
    assert statuses(ada()) == {expected}
    before = contents()
    invoke(event)
    assert contents() == before


def signed_up() -> dict[str, str]:
    known = ada()
    assert known.signup is not None
    return {"CUSTOMER": known.customer_id, "SIGNUP": known.signup.signup_id}


def sent_mails() -> int:
    return int(client("ses").get_send_quota()["SentLast24Hours"])


def test_a_signup_has_its_mail_sent_once_whatever_is_delivered_how_often(invoke: Invoke) -> None:
    invoke("register_customer/json")
    fill = signed_up()
    for _ in range(3):
        assert invoke("send_confirmation/signed_up", fill=fill) == {"batchItemFailures": []}
    assert sent_mails() == 1
    assert fact_types(ada()).count("EmailSent") == 1


def test_a_mail_that_ses_refuses_is_given_up_and_goes_out_when_redriven(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke("register_customer/json")
    fill = signed_up()
    output = io.StringIO()
    for handler in LOGGER.handlers:
        monkeypatch.setattr(handler, "stream", output)
    monkeypatch.setenv("SENDER", "unverified@elsewhere.example")
    make_queue("confirmations")
    assert invoke("send_confirmation/signed_up", fill=fill) == {"batchItemFailures": []}
    assert "EmailSent" not in fact_types(ada())
    assert len(received("confirmations-failed")) == 1
    assert "SES does not take this mail: MessageRejected" in output.getvalue()
    assert "Traceback" not in output.getvalue()
    assert "@" not in output.getvalue()
    monkeypatch.setenv("SENDER", "hello@shop.example")
    assert invoke("send_confirmation/signed_up", fill=fill) == {"batchItemFailures": []}
    assert fact_types(ada()).count("EmailSent") == 1


def test_a_signup_that_was_confirmed_meanwhile_gets_no_mail(invoke: Invoke) -> None:
    invoke("register_customer/json")
    fill = signed_up()
    invoke("confirm_signup/post", fill={"TOKEN": confirmation_token(ada())})
    invoke("send_confirmation/signed_up", fill=fill)
    assert sent_mails() == 0
