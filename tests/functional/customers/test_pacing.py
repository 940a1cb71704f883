"""Strangers who have mails sent: one mailbox in many spellings, many mailboxes from one network, and all together."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.core import fact_store
from shared.core.dynamodb import apply
from shared.customers.customer import Customer
from shared.customers.ids import network_digest
from shared.customers.links import confirmation_path
from shared.customers.pacing import NETWORK_ALLOWANCE, PACE_DAYS
from shared.customers.store import paces, profiles
from tests.frozen_clock import FrozenClock
from tests.functional.aws import client
from tests.functional.calls import is_killed
from tests.functional.scenes import Contents, Invoke, Load, as_records

SPELLINGS = (
    "ada.lovelace@gmail.com",
    "adalovelace@gmail.com",
    "a.d.a.lovelace@gmail.com",
    "adalovelace@googlemail.com",
    "ada.lovelace@googlemail.com",
    *(f"adalovelace+{tag}@gmail.com" for tag in "abcdefghi"),
)
IP = "192.0.2.44"


def sent_mails() -> int:
    return int(client("ses").get_send_quota()["SentLast24Hours"])


def known(email: str) -> Customer:
    customer = profiles.get_by_email(email)
    assert customer is not None
    return customer


def sign_up(invoke: Invoke, email: str) -> dict[str, Any]:
    """A signup, and the mail that it leads to, if any."""
    answer = invoke("register_customer/json", email=email)
    customer = profiles.get_by_email(email)
    if customer:
        last = [fact for fact in fact_store.every(customer.customer_id) if fact.type == "CustomerSignedUp"][-1]
        assert invoke("send_confirmation", as_records(last)) == {"batchItemFailures": []}
    return answer


def confirm(invoke: Invoke, email: str) -> None:
    customer = known(email)
    assert customer.signup is not None
    token = confirmation_path(customer.customer_id, customer.epoch, customer.signup).partition("token=")[2]
    assert invoke("confirm_signup/post", fill={"TOKEN": token})["statusCode"] == 200


def test_fourteen_spellings_of_a_mailbox_get_one_mail_and_one_answer(invoke: Invoke) -> None:
    answers = [sign_up(invoke, spelling) for spelling in SPELLINGS]
    assert len(SPELLINGS) == 14
    assert sent_mails() == 1
    assert all(answer == answers[0] for answer in answers)
    assert [spelling for spelling in SPELLINGS if profiles.get_id(spelling)] == [SPELLINGS[0]]


def test_spellings_that_come_at_the_same_moment_get_one_mail(invoke: Invoke) -> None:
    for spelling in SPELLINGS[:3]:
        invoke("register_customer/json", email=spelling)
    signups = [fact_store.every(known(spelling).customer_id)[-1] for spelling in SPELLINGS[:3]]
    for _ in range(2):
        assert invoke("send_confirmation", as_records(*signups)) == {"batchItemFailures": []}
    assert sent_mails() == 1


def test_a_mailbox_waits_longer_each_time_until_it_confirms(invoke: Invoke, clock: FrozenClock) -> None:
    mails: list[int] = []
    for days in (0, 0.9, 0.2, 6, 1, 29, 2):
        clock.advance(hours=24 * days)
        sign_up(invoke, SPELLINGS[len(mails)])
        mails.append(sent_mails())
    assert mails == [1, 1, 2, 2, 3, 3, 4]
    confirm(invoke, SPELLINGS[6])
    sign_up(invoke, SPELLINGS[7])
    assert sent_mails() == 5


def test_a_mail_that_ses_refuses_keeps_its_place(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    invoke("register_customer/json", email=SPELLINGS[0])
    signed_up = as_records(*fact_store.every(known(SPELLINGS[0]).customer_id))
    monkeypatch.setenv("SENDER", "unverified@elsewhere.example")
    for _ in range(2):
        assert len(invoke("send_confirmation", signed_up)["batchItemFailures"]) == 1
    monkeypatch.setenv("SENDER", "hello@shop.example")
    assert invoke("send_confirmation", signed_up) == {"batchItemFailures": []}
    assert sent_mails() == 1


def test_a_sender_that_is_ended_anywhere_sends_the_mail_in_the_end(invoke: Invoke, empty_tables: Any) -> None:
    for changes in range(10):
        empty_tables()
        before = sent_mails()
        invoke("register_customer/json")
        signed_up = as_records(*fact_store.every(known("ada@example.com").customer_id))
        killed = is_killed(lambda: invoke("send_confirmation", signed_up), changes)  # noqa: B023 (called at once)
        if killed:
            assert invoke("send_confirmation", signed_up) == {"batchItemFailures": []}
        assert sent_mails() > before
        if not killed:
            break
    assert changes > 3


def test_a_network_that_nobody_confirms_from_is_slowed(invoke: Invoke, load: Load, clock: FrozenClock) -> None:
    network = network_digest(IP)
    assert network is not None
    for _ in range(NETWORK_ALLOWANCE):
        apply(paces.count_sent(network, clock.now()))
    assert sign_up(invoke, "one@example.com")["statusCode"] == 202
    assert profiles.get_id("one@example.com") is None
    elsewhere = load("register_customer/json", email="two@example.com")
    elsewhere["requestContext"]["http"]["sourceIp"] = "198.51.100.1"
    invoke("register_customer/json", elsewhere)
    assert profiles.get_id("two@example.com") is not None
    clock.advance(hours=24)
    sign_up(invoke, "one@example.com")
    confirm(invoke, "one@example.com")
    pace = paces.get("", network, clock.now().date()).network
    assert pace is not None
    assert (pace.sent, pace.confirmed) == (NETWORK_ALLOWANCE + 1, 1)
    assert pace.expires_at == clock.now() + timedelta(days=PACE_DAYS)


def test_a_day_has_a_ceiling_that_speaks_up_and_answers_as_always(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clock: FrozenClock
) -> None:
    monkeypatch.setenv("CONFIRMATIONS_PER_DAY", "2")
    answers = [sign_up(invoke, f"{name}@example.com") for name in ("one", "two", "three")]
    assert sent_mails() == 2
    assert answers[2] == answers[0]
    assert profiles.get_id("three@example.com") is None
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert (line["ConfirmationCeilingReached"], line["stage"]) == (1, "prod")
    clock.advance(hours=24)
    sign_up(invoke, "three@example.com")
    assert sent_mails() == 3


def test_a_refused_signup_writes_nothing(invoke: Invoke, contents: Contents) -> None:
    sign_up(invoke, SPELLINGS[0])
    before = contents()
    sign_up(invoke, SPELLINGS[1])
    assert contents() == before
