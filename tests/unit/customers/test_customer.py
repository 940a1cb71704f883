"""Signing up, confirming, choosing and leaving."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.core.facts import Fact
from shared.customers import consent, customer
from shared.customers.consent import ALL_TOPICS, Channel, Status, SuppressionReason, Topic
from shared.customers.customer import (
    Change,
    Contact,
    Customer,
    Evidence,
    LinkClosed,
    LinkReplaced,
    Signup,
)
from shared.customers.pacing import SIGNUP_WAITS
from tests.examples import examples

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = SIGNUP_WAITS[0]
ADA = Customer(customer_id="cus_a", email="ada@example.com", created_at=NOW)
SECOND = timedelta(seconds=1)
CLICK = Evidence(source="preference centre", ip="192.0.2.2")


def signup(signup_id: str = "s1", at: datetime = NOW, name: str | None = "Ada") -> Signup:
    evidence = Evidence(source="footer", consent_text="v1", ip="192.0.2.1")
    return Signup(signup_id=signup_id, requested_at=at, contact=Contact(name=name), evidence=evidence)


def statuses(known: Customer) -> set[Status]:
    return {given.status for given in known.consents.values()}


def subscribed() -> Customer:
    return customer.confirm(customer.sign_up(ADA, signup()).customer, "s1", NOW, None).customer


def suppressed(reason: SuppressionReason) -> Customer:
    return customer.suppress(subscribed(), reason, "f", NOW + SECOND, NOW + SECOND).customer


def test_signing_up_asks_and_grants_nothing() -> None:
    change = customer.sign_up(ADA, signup())
    assert statuses(change.customer) == {Status.PENDING}
    assert change.customer.contact.name is None
    assert [fact.type for fact in change.facts] == ["CustomerSignedUp"]


def test_signing_up_again_too_soon_counts_for_the_link_that_was_sent() -> None:
    asked = customer.sign_up(ADA, signup()).customer
    soon = customer.sign_up(asked, signup("s2", NOW + LATER / 2, "Eve"))
    assert soon == Change(replace(asked, signup=signup("s1", NOW, "Eve")))
    assert customer.sign_up(asked, signup("s2", NOW + LATER / 2)) == Change(asked)
    again = customer.sign_up(asked, signup("s2", NOW + LATER)).customer
    assert again.signup is not None
    assert again.signup.signup_id == "s2"


def test_confirming_grants_with_evidence_and_takes_over_what_was_entered() -> None:
    change = customer.confirm(customer.sign_up(ADA, signup()).customer, "s1", NOW, "192.0.2.9")
    assert statuses(change.customer) == {Status.SUBSCRIBED}
    assert change.customer.contact.name == "Ada"
    (fact,), (proof,) = change.facts, change.evidence
    assert fact.data == {"channel": "EMAIL", "topics": ["NEWS", "OFFERS", "SURVEYS"], "signup_id": "s1"}
    assert (proof.fact_type, proof.fact_id) == (fact.type, fact.id)
    assert proof.evidence == Evidence(source="footer", consent_text="v1", ip="192.0.2.9")
    assert proof.requested_from_ip == "192.0.2.1"


def test_confirming_twice_changes_nothing_and_a_replaced_link_is_refused() -> None:
    known = subscribed()
    assert customer.confirm(known, "s1", NOW, None) == Change(known)
    again = customer.sign_up(known, signup("s2", NOW + LATER)).customer
    with pytest.raises(LinkReplaced):
        customer.confirm(again, "s0", NOW, None)


def test_what_strangers_type_in_reaches_no_profile_before_it_is_confirmed() -> None:
    known = subscribed()
    asked = customer.sign_up(known, signup("s2", NOW + LATER, "Eve")).customer
    assert asked.contact == known.contact
    assert statuses(asked) == {Status.SUBSCRIBED}


def test_blank_fields_of_a_later_signup_keep_what_was_known() -> None:
    asked = customer.sign_up(subscribed(), signup("s2", NOW + LATER, None)).customer
    assert customer.confirm(asked, "s2", NOW + LATER, None).customer.contact.name == "Ada"


@pytest.mark.parametrize(
    ("known", "mail"),
    [
        (ADA, "confirm_signup"),
        (subscribed(), "already_subscribed"),
        (customer.leave(subscribed(), ALL_TOPICS, NOW, CLICK).customer, "confirm_signup"),
        (customer.leave(subscribed(), [Topic.NEWS], NOW, CLICK).customer, "confirm_signup"),
        (suppressed(SuppressionReason.BOUNCE), "confirm_signup"),
        (suppressed(SuppressionReason.COMPLAINT), None),
    ],
    ids=["new", "subscribed", "left", "left one topic", "bounced", "complained"],
)
def test_each_past_has_its_mail_when_the_customer_signs_up_again(known: Customer, mail: str | None) -> None:
    asked = customer.sign_up(known, signup("s2", NOW + LATER)).customer
    assert customer.mail_for_signup(asked, "s2") == mail
    assert customer.mail_for_signup(asked, "s1") is None


def test_confirming_after_a_bounce_subscribes_again() -> None:
    bounced = customer.suppress(subscribed(), SuppressionReason.BOUNCE, "f", NOW + SECOND, NOW + SECOND).customer
    assert statuses(bounced) == {Status.SUPPRESSED}
    asked = customer.sign_up(bounced, signup("s2", NOW + LATER)).customer
    assert statuses(asked) == {Status.SUPPRESSED}
    assert statuses(customer.confirm(asked, "s2", NOW + LATER, None).customer) == {Status.SUBSCRIBED}


def test_leaving_drops_a_signup_that_waits() -> None:
    left = customer.leave(customer.sign_up(ADA, signup()).customer, ALL_TOPICS, NOW, CLICK).customer
    assert left.signup is None
    assert statuses(left) == {Status.UNSUBSCRIBED}


def test_unsubscribing_from_one_topic_keeps_the_others_and_again_changes_nothing() -> None:
    left = customer.leave(subscribed(), [Topic.OFFERS], NOW, CLICK)
    assert not consent.allows(left.customer.consents, Channel.EMAIL, Topic.OFFERS)
    assert consent.allows(left.customer.consents, Channel.EMAIL, Topic.NEWS)
    assert customer.leave(left.customer, [Topic.OFFERS], NOW + LATER, CLICK) == Change(left.customer)


def test_choices_are_kept_per_channel_and_topic_with_a_fact_for_each_direction() -> None:
    choices = {Channel.EMAIL: [Topic.NEWS], Channel.SMS: [Topic.OFFERS]}
    change = customer.choose(subscribed(), choices, None, NOW + LATER, NOW.date(), CLICK)
    allowed = {key for key in change.customer.consents if consent.allows(change.customer.consents, *key)}
    assert allowed == {(Channel.EMAIL, Topic.NEWS), (Channel.SMS, Topic.OFFERS)}
    assert [(fact.type, fact.data["channel"], fact.data["topics"]) for fact in change.facts] == [
        ("ConsentWithdrawn", "EMAIL", ["OFFERS", "SURVEYS"]),
        ("ConsentGranted", "SMS", ["OFFERS"]),
    ]
    assert customer.choose(change.customer, choices, None, NOW + 2 * LATER, NOW.date(), CLICK) == Change(
        change.customer
    )


def test_a_pause_is_set_kept_and_ended() -> None:
    everything = {Channel.EMAIL: list(Topic)}
    paused = customer.choose(subscribed(), everything, 30, NOW, date(2026, 11, 21), CLICK)
    assert paused.customer.paused_until == date(2026, 12, 21)
    assert [fact.type for fact in paused.facts] == ["MailPaused"]
    assert customer.choose(paused.customer, everything, None, NOW, date(2026, 11, 22), CLICK).facts == ()
    resumed = customer.choose(paused.customer, everything, 0, NOW, date(2026, 11, 22), CLICK)
    assert (resumed.customer.paused_until, [fact.type for fact in resumed.facts]) == (None, ["MailResumed"])


def test_each_signup_that_is_not_confirmed_makes_the_next_wait_longer() -> None:
    known, at = ADA, NOW
    for number, wait in enumerate([*SIGNUP_WAITS, SIGNUP_WAITS[-1]]):
        known = customer.sign_up(known, signup(f"s{number}", at)).customer
        too_soon = at + wait - SECOND
        assert customer.sign_up(known, signup("early", too_soon)) == Change(known)
        at += wait
    assert customer.sign_up(known, signup("last", at)).facts


def test_feedback_about_a_time_before_the_customer_agreed_again_changes_nothing() -> None:
    asked = customer.sign_up(suppressed(SuppressionReason.BOUNCE), signup("s2", NOW + LATER)).customer
    again = customer.confirm(asked, "s2", NOW + LATER, None).customer
    assert customer.suppress(again, SuppressionReason.BOUNCE, "f", NOW + SECOND, NOW + 2 * LATER) == Change(again)


def test_agreeing_to_a_topic_after_a_bounce_frees_but_does_not_grant_others() -> None:
    for_news = replace(signup("s2", NOW + LATER), topics=(Topic.NEWS,))
    asked = customer.sign_up(suppressed(SuppressionReason.BOUNCE), for_news).customer
    consents = customer.confirm(asked, "s2", NOW + LATER, None).customer.consents
    assert consents[Channel.EMAIL, Topic.NEWS].status is Status.SUBSCRIBED
    assert consents[Channel.EMAIL, Topic.OFFERS].status is Status.UNSUBSCRIBED


def test_another_phone_number_ends_the_consent_to_text_messages() -> None:
    def with_phone(phone: str, signup_id: str, at: datetime) -> Signup:
        return replace(signup(signup_id, at), contact=Contact(phone=phone))

    known = customer.confirm(customer.sign_up(ADA, with_phone("+1", "s1", NOW)).customer, "s1", NOW, None).customer
    texted = customer.choose(known, {Channel.SMS: [Topic.NEWS]}, None, NOW, NOW.date(), CLICK).customer
    asked = customer.sign_up(texted, with_phone("+2", "s2", NOW + LATER)).customer
    change = customer.confirm(asked, "s2", NOW + LATER, None)
    assert not consent.allows(change.customer.consents, Channel.SMS, Topic.NEWS)
    assert [fact.type for fact in change.facts] == ["ConsentWithdrawn", "ConsentGranted"]


def test_leaving_one_topic_keeps_a_signup_that_waits_for_others() -> None:
    both = replace(signup(), topics=(Topic.NEWS, Topic.OFFERS))
    left = customer.leave(customer.sign_up(ADA, both).customer, [Topic.OFFERS], NOW, CLICK).customer
    consents = customer.confirm(left, "s1", NOW, None).customer.consents
    assert consents[Channel.EMAIL, Topic.NEWS].status is Status.SUBSCRIBED
    assert consents[Channel.EMAIL, Topic.OFFERS].status is Status.UNSUBSCRIBED


def test_a_link_of_a_signup_that_was_left_is_closed() -> None:
    left = customer.leave(customer.sign_up(ADA, signup()).customer, ALL_TOPICS, NOW, CLICK).customer
    with pytest.raises(LinkClosed):
        customer.confirm(left, "s1", NOW, None)


def test_a_complaint_outlasts_a_later_bounce() -> None:
    complained = customer.suppress(subscribed(), SuppressionReason.COMPLAINT, "f1", NOW + SECOND, NOW + SECOND).customer
    assert customer.suppress(complained, SuppressionReason.BOUNCE, "f2", NOW + LATER, NOW + LATER) == Change(complained)


class ConsentMachine(RuleBasedStateMachine):
    """Whatever a customer does, in whatever order, their consents are what their facts add up to."""

    def __init__(self) -> None:
        super().__init__()
        self.known = ADA
        self.facts: list[Fact] = []
        self.now = NOW
        self.signups = 0

    def take(self, change: Change) -> None:
        # A signup that comes too soon changes what waits for the confirmation, and nothing that a fact would tell.
        kept = change.customer if change.facts else replace(change.customer, signup=self.known.signup)
        assert bool(change.facts) == (kept != self.known)
        self.known = replace(change.customer, version=change.customer.version + (change.customer != self.known))
        self.facts += change.facts
        self.now += timedelta(minutes=7)

    @rule(topics=st.lists(st.sampled_from(Topic), min_size=1, unique=True))
    def sign_up(self, topics: list[Topic]) -> None:
        self.signups += 1
        self.now += SIGNUP_WAITS[0]
        asked = replace(signup(f"s{self.signups}", self.now), topics=tuple(topics))
        self.take(customer.sign_up(self.known, asked))

    @rule(minutes=st.integers(-30, 0))
    def another_clock(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def confirm(self) -> None:
        if self.known.signup:
            self.take(customer.confirm(self.known, self.known.signup.signup_id, self.now, None))

    @rule(
        email=st.lists(st.sampled_from(Topic)),
        sms=st.lists(st.sampled_from(Topic)),
        pause=st.sampled_from([None, 0, 30]),
    )
    def choose(self, email: list[Topic], sms: list[Topic], pause: int | None) -> None:
        choices = {Channel.EMAIL: email, Channel.SMS: sms}
        self.take(customer.choose(self.known, choices, pause, self.now, self.now.date(), CLICK))

    @rule(topics=st.lists(st.sampled_from(Topic), min_size=1))
    def leave(self, topics: list[Topic]) -> None:
        self.take(customer.leave(self.known, topics, self.now, CLICK))

    @rule(reason=st.sampled_from(SuppressionReason))
    def suppress(self, reason: SuppressionReason) -> None:
        self.take(customer.suppress(self.known, reason, f"f{self.now}", self.now, self.now))

    @rule()
    def sign_out_everywhere(self) -> None:
        self.take(customer.sign_out_everywhere(self.known, self.now))

    @invariant()
    def consents_follow_from_facts(self) -> None:
        assert customer.consents_from(reversed(self.facts)) == self.known.consents

    @invariant()
    def a_customer_who_lost_what_facts_have_is_as_before(self) -> None:
        lost = replace(self.known, consents={}, paused_until=None, confirmed_signup_id="lost", epoch=0, changed_at=None)
        assert customer.rebuilt(lost, reversed(self.facts)) == self.known

    @invariant()
    def nobody_is_subscribed_without_a_grant(self) -> None:
        if Status.SUBSCRIBED in statuses(self.known):
            assert any(fact.type == "ConsentGranted" for fact in self.facts)


TestConsents = ConsentMachine.TestCase
TestConsents.settings = settings(max_examples=examples(150), stateful_step_count=20)
