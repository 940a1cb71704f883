"""Mails that warn of points and tiers that end: at most once, to those who may be written to, each skip recorded."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.core import clock
from shared.core.dynamodb import apply
from shared.core.facts import Fact, to_timestamp
from shared.core.months import last_day, month_of, months_after
from shared.core.shop_time import ShopTime
from shared.customers.consent import Status, Topic
from shared.customers.links import preferences_path, unsubscribe_path
from shared.customers.store import profiles
from shared.edge.queues import LOGGER
from shared.loyalty.actions import earning
from shared.loyalty.store import program_versions
from shared.mail.store import mails
from shared.purchases import actions
from shared.purchases.purchase import Order
from tests.functional.aws import make_queue, received, sent_mails
from tests.functional.scenes import BERLIN, facts_of, id_of, publish_long_ago, shop_day, sign_up

Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Launch = Callable[..., None]
Deliver = Callable[..., None]

ADA = "ada@example.com"
EXPIRING = "send_points_reminder/points_expiring"
ENDING = "send_points_reminder/tier_ending"


def give(invoke: Invoke, customer_id: str) -> None:
    """250 points that expire at the end of the next month."""
    assert invoke("adjust_points/add", fill={"K-77": customer_id})["statusCode"] == 201


def warning(customer_id: str) -> dict[str, str]:
    """What makes the event file's warning one of the points of `give`."""
    month = months_after(month_of(shop_day()), 1)
    days = {"2026-12-31": last_day(month).isoformat(), "2026-12-01": shop_day().isoformat()}
    return {**days, "2026-12": month, "CUSTOMER": customer_id}


@pytest.fixture
def ada(invoke: Invoke, launch: Launch) -> str:
    """A customer who gets offers and has 250 points, the last day of which comes soon."""
    launch(expiry_months=1)
    customer_id = sign_up(invoke, ADA)
    give(invoke, customer_id)
    return customer_id


def remind(invoke: Invoke, customer_id: str, name: str = EXPIRING, **fill: str) -> None:
    assert invoke(name, fill={**fill, **warning(customer_id)}) == {"batchItemFailures": []}


def outcomes(customer_id: str) -> list[tuple[str, str | None]]:
    mails = facts_of(customer_id, "EmailSent", "EmailSkipped", "EmailUnknown")
    return [(fact.type, fact.data.get("reason")) for fact in mails]


def test_a_reminder_is_sent_once_with_the_points_left_and_both_links(
    invoke: Invoke, ada: str, contents: Contents
) -> None:
    invoke("adjust_points/add", fill={"K-77": ada}, points=-50, idempotency_key="less")
    remind(invoke, ada)
    before = contents()
    remind(invoke, ada)
    assert contents() == before
    (mail,) = sent_mails()
    assert mail.destinations["ToAddresses"] == [ADA]
    assert mail.subject.startswith("200 points expire at the end of ")
    assert "200 points" in mail.body
    assert outcomes(ada) == [("EmailSent", None)]
    pages = dict(re.findall(r'href="https://crm\.shop\.example/(\w+)\?token=([^"]+)"', mail.body))
    assert invoke("show_points_page/get", fill={"TOKEN": pages["points"]})["statusCode"] == 200
    assert invoke("unsubscribe_customer/one_click", fill={"TOKEN": pages["unsubscribe"]})["statusCode"] == 200
    known = profiles.get(ada)
    assert known is not None
    assert {topic for (_, topic), consent in known.consents.items() if consent.status is Status.UNSUBSCRIBED} == {
        Topic.OFFERS
    }


def unsubscribe(invoke: Invoke, customer_id: str) -> None:
    token = unsubscribe_path(customer_id, 0, Topic.OFFERS).partition("token=")[2]
    invoke("unsubscribe_customer/one_click", fill={"TOKEN": token})


def bounce(invoke: Invoke, _customer_id: str) -> None:
    assert invoke("record_mail_events/hard_bounce") == {"batchItemFailures": []}


def pause(invoke: Invoke, customer_id: str) -> None:
    token = preferences_path(customer_id, 0, clock.now() + timedelta(hours=1)).partition("token=")[2]
    assert invoke("manage_preferences/pause", fill={"TOKEN": token})["statusCode"] == 200


def spend(invoke: Invoke, customer_id: str) -> None:
    invoke("adjust_points/add", fill={"K-77": customer_id}, points=-250, idempotency_key="spent")


@pytest.mark.parametrize(
    ("happens", "reason"),
    [(unsubscribe, "NO_CONSENT"), (bounce, "SUPPRESSED"), (pause, "PAUSED"), (spend, "OUTDATED")],
)
def test_what_happened_since_the_night_stops_the_mail_and_is_recorded(
    invoke: Invoke, ada: str, contents: Contents, happens: Callable[[Invoke, str], None], reason: str
) -> None:
    happens(invoke, ada)
    remind(invoke, ada)
    before = contents()
    remind(invoke, ada)
    assert contents() == before
    assert (outcomes(ada), sent_mails()) == ([("EmailSkipped", reason)], [])


def test_who_has_never_confirmed_and_who_has_no_address_gets_no_mail(invoke: Invoke, launch: Launch) -> None:
    launch(expiry_months=1)
    invoke("register_customer/json")
    invoke("record_purchase/by_customer_number")
    for customer_id, reason in ((id_of(ADA), "NO_CONSENT"), ("K-77", "NO_ADDRESS")):
        give(invoke, customer_id)
        remind(invoke, customer_id)
        assert outcomes(customer_id) == [("EmailSkipped", reason)]
    assert sent_mails() == []


def test_a_reason_that_has_gone_does_not_bring_the_mail_later(invoke: Invoke, ada: str) -> None:
    spend(invoke, ada)
    remind(invoke, ada)
    invoke("adjust_points/add", fill={"K-77": ada}, idempotency_key="again")
    remind(invoke, ada)
    assert (outcomes(ada), sent_mails()) == ([("EmailSkipped", "OUTDATED")], [])


def test_a_mail_whose_sender_died_stays_unknown_and_is_not_sent_again(
    invoke: Invoke, ada: str, contents: Contents
) -> None:
    month = warning(ada)["2026-12"]
    apply(mails.claim(ada, f"PointsExpiring-{month}", clock.now()))
    remind(invoke, ada)
    before = contents()
    remind(invoke, ada)
    assert contents() == before
    assert (outcomes(ada), sent_mails()) == ([("EmailUnknown", None)], [])


def test_a_mail_that_ses_refuses_is_given_up_and_goes_out_when_redriven(
    invoke: Invoke, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = io.StringIO()
    for handler in LOGGER.handlers:
        monkeypatch.setattr(handler, "stream", output)
    monkeypatch.setenv("SENDER", "unverified@elsewhere.example")
    make_queue("reminders")
    remind(invoke, ada)
    assert (outcomes(ada), sent_mails(), len(received("reminders-failed"))) == ([], [], 1)
    assert "SES does not take this mail: MessageRejected" in output.getvalue()
    assert "Traceback" not in output.getvalue()
    assert "@" not in output.getvalue()
    monkeypatch.setenv("SENDER", "hello@shop.example")
    for _ in range(2):
        remind(invoke, ada)
    assert (outcomes(ada), len(sent_mails())) == ([("EmailSent", None)], 1)


def test_a_mail_that_could_not_be_written_is_tried_again(
    invoke: Invoke, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://crm.käse.example")
    assert len(invoke(EXPIRING, fill=warning(ada))["batchItemFailures"]) == 1
    monkeypatch.setenv("PUBLIC_URL", "https://crm.shop.example")
    remind(invoke, ada)
    assert (outcomes(ada), len(sent_mails())) == ([("EmailSent", None)], 1)


@pytest.fixture
def ending(invoke: Invoke, launch: Launch) -> Fact:
    """Ada was lifted to OOLONG 14 months ago, and last night found that its year is over."""
    launch(expiry_months=24)
    publish_long_ago()
    customer_id = sign_up(invoke, ADA)
    past = clock.now() - timedelta(days=425)
    order = Order(order_id="1", ordered_at=past, currency="EUR", total=40_000)
    actions.record_order(order, customer_id, None, ShopTime(past, BERLIN))
    (bought,) = facts_of(customer_id, "PurchaseRecorded")
    earning.earn_order(bought, program_versions.all_versions(), ShopTime(past, BERLIN))
    run = {"run_id": "night", "started_at": to_timestamp(clock.now()), "total_segments": 1}
    invoke("settle_points", {"run": run, "segment": 0})
    (fact,) = facts_of(customer_id, "TierEnding")
    return fact


def tier_warning(fact: Fact) -> dict[str, str]:
    return {"2026-12-31": fact.data["ends_on"], "2026-12-01": shop_day().isoformat(), "CUSTOMER": fact.customer_id}


def test_the_end_of_a_tier_is_announced_once(invoke: Invoke, ending: Fact) -> None:
    for _ in range(2):
        assert invoke(ENDING, fill=tier_warning(ending)) == {"batchItemFailures": []}
    (mail,) = sent_mails()
    assert mail.subject == "Your Oolong status at Our shop"
    assert "300 more points" in mail.body
    assert outcomes(ending.customer_id) == [("EmailSent", None)]


@pytest.mark.parametrize(("total", "outcome"), [(8_000, "EmailSent"), (30_000, "EmailSkipped")])
def test_what_was_earned_since_the_night_counts(
    invoke: Invoke, ending: Fact, deliver: Deliver, total: int, outcome: str
) -> None:
    now = clock.now().isoformat()
    price = {"total": total, "tax": 0, "shipping": 0, "discount": 0, "products": []}
    assert invoke("record_purchase/by_email", ordered_at=now, **price)["statusCode"] == 201
    deliver(*facts_of(ending.customer_id, "PurchaseRecorded"))
    invoke(ENDING, fill=tier_warning(ending))
    assert [name for name, _ in outcomes(ending.customer_id)] == [outcome]
    assert ["200 more points" in mail.body for mail in sent_mails()] == ([True] if outcome == "EmailSent" else [])
