"""The check before any contact: an answer of yes, or the reason."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from shared.contact.check import Occasion, Reason, refusal
from shared.customers.consent import Channel, Consent, Status, SuppressionReason, Topic
from shared.customers.contact_history import ContactHistory
from shared.customers.customer import Contact, Customer

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
TODAY = date(2026, 11, 24)
NEWS = Occasion(topic=Topic.NEWS)
TEXT = Occasion(topic=Topic.NEWS, channel=Channel.SMS)
NOTHING_OPEN = ContactHistory(customer_id="ada")
ADA = Customer(
    customer_id="ada",
    created_at=NOW,
    email="ada@example.com",
    contact=Contact(phone="+4915112345678"),
    consents={(channel, Topic.NEWS): Consent(Status.SUBSCRIBED, NOW) for channel in Channel},
)


def standing(status: Status, reason: SuppressionReason | None = None) -> Customer:
    return replace(ADA, consents={(Channel.EMAIL, Topic.NEWS): Consent(status, NOW, reason)})


@pytest.mark.parametrize("occasion", [NEWS, TEXT], ids=["mail", "text"])
def test_a_subscriber_may_be_written_to(occasion: Occasion) -> None:
    assert refusal(ADA, NOTHING_OPEN, occasion, TODAY) is None


@pytest.mark.parametrize("customer", [None, replace(ADA, email=None)], ids=["nobody", "no address"])
def test_who_has_no_address_is_not_written_to(customer: Customer | None) -> None:
    assert refusal(customer, NOTHING_OPEN, NEWS, TODAY) is Reason.NO_ADDRESS


def test_who_has_no_number_gets_no_text() -> None:
    assert refusal(replace(ADA, contact=Contact()), NOTHING_OPEN, TEXT, TODAY) is Reason.NO_ADDRESS


@pytest.mark.parametrize("status", [Status.PENDING, Status.UNSUBSCRIBED])
def test_only_a_subscription_is_a_consent(status: Status) -> None:
    assert refusal(standing(status), NOTHING_OPEN, NEWS, TODAY) is Reason.NO_CONSENT


def test_a_consent_to_one_topic_is_none_to_another() -> None:
    assert refusal(ADA, NOTHING_OPEN, Occasion(topic=Topic.OFFERS), TODAY) is Reason.NO_CONSENT


def test_a_suppressed_address_is_not_written_to() -> None:
    customer = standing(Status.SUPPRESSED, SuppressionReason.BOUNCE)
    assert refusal(customer, NOTHING_OPEN, NEWS, TODAY) is Reason.SUPPRESSED


@pytest.mark.parametrize(("until", "reason"), [(date(2026, 11, 25), Reason.PAUSED), (TODAY, None)])
def test_a_pause_ends_on_its_day(until: date, reason: Reason | None) -> None:
    assert refusal(replace(ADA, paused_until=until), NOTHING_OPEN, NEWS, TODAY) is reason


@pytest.mark.parametrize(("despite", "reason"), [(False, Reason.OPEN_CASE), (True, None)])
def test_an_open_case_holds_back_what_is_not_about_it(despite: bool, reason: Reason | None) -> None:
    occasion = Occasion(topic=Topic.NEWS, despite_case=despite)
    assert refusal(ADA, ContactHistory(customer_id="ada", open_cases=1), occasion, TODAY) is reason
