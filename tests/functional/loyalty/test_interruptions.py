"""Points, vouchers and reminders whose functions are ended on their way and run again."""

from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest

from shared.core.dynamodb import apply
from shared.core.facts import to_timestamp
from shared.core.months import last_day, month_of, months_after
from shared.customers.customer import Contact
from shared.loyalty.actions import referring
from shared.scorecards.store import cards
from tests.frozen_clock import FrozenClock
from tests.functional.aws import put_back, sent_mails, stored
from tests.functional.calls import is_killed
from tests.functional.interruptions import Act, Scene, assert_interruptions_leave_no_trace, nothing
from tests.functional.scenes import (
    Invoke,
    as_records,
    change_program,
    facts_of,
    happened,
    heard_now,
    known,
    shop_day,
    sign_up,
)


def launched(invoke: Invoke, **changes: object) -> None:
    """A programme by which the event file's order earns 199 points."""
    change_program(invoke, starts_at=shop_day(-730).isoformat(), **changes)


def tier_in_reach(invoke: Invoke) -> None:
    launched(invoke, tiers=[{"name": "GREEN", "threshold": 0}, {"name": "OOLONG", "threshold": 199}])


def post(name: str) -> Act:
    """An event file on its way to the points."""

    def act(invoke: Invoke) -> None:
        assert invoke(f"post_points/{name}", fill={**heard_now(), "CUSTOMER": "K-77"}) == {"batchItemFailures": []}

    return act


def bought(invoke: Invoke) -> None:
    launched(invoke)
    happened("post_points/purchase_recorded")


def earned(invoke: Invoke) -> None:
    bought(invoke)
    post("purchase_recorded")(invoke)


def refund_first(invoke: Invoke) -> None:
    post("purchase_refunded")(invoke)
    post("purchase_recorded")(invoke)


def customer_known(invoke: Invoke) -> None:
    launched(invoke)
    known("K-77")


def funded(invoke: Invoke) -> None:
    customer_known(invoke)
    invoke("adjust_points/add")
    invoke("configure_loyalty/put_reward")


def redeemed(invoke: Invoke) -> None:
    funded(invoke)
    invoke("redeem_reward/redeem")


def signed_up_with_all(invoke: Invoke) -> None:
    launched(invoke, bonuses={"SIGNUP_CONFIRMED": 50, "PROFILE_COMPLETED": 25})
    known("K-77", email="ada@example.com", contact=Contact(name="Ada", phone="+44", birthday=date(1990, 12, 10)))


def referred(invoke: Invoke) -> None:
    """Grace has brought Ada, who has bought."""
    launched(invoke, bonuses={"REFERRAL": 200, "REFERRED": 100})
    known("K-1", email="grace@example.com")
    code = referring.code_of("K-1")
    known("K-77", email="ada@example.com", referral_code=code, referred_at=datetime(2026, 11, 1, tzinfo=UTC))
    invoke("record_purchase/by_customer_number")


def deliver(*types: str) -> Act:
    def act(invoke: Invoke) -> None:
        assert invoke("post_points", as_records(*facts_of("K-77", *types))) == {"batchItemFailures": []}

    return act


def deliver_the_last_order(invoke: Invoke) -> None:
    last = facts_of("K-77", "PurchaseRecorded")[-1]
    assert last.id == "#1003"
    assert invoke("post_points", as_records(last)) == {"batchItemFailures": []}


def referral_regretted(invoke: Invoke) -> None:
    referred(invoke)
    deliver("PurchaseRecorded")(invoke)
    fill = {"#1001": "#1002", "%231001": "%231002"}
    assert invoke("refund_purchase/amount", fill=fill, amount=2_900)["statusCode"] == 201


def referral_earned_again(invoke: Invoke) -> None:
    """The points of Ada's first order were taken back, and now they have bought another."""
    referral_regretted(invoke)
    deliver("PurchaseRefunded")(invoke)
    invoke("record_purchase/by_customer_number", order_id="#1003")


def refund_forgiven(invoke: Invoke) -> None:
    """The points of an order went into a voucher before it went back."""
    launched(invoke, pending_days=0, negative_balance="WITHIN_BALANCE")
    known("K-77")
    invoke("configure_loyalty/put_reward", cost=199)
    happened("post_points/purchase_recorded")
    post("purchase_recorded")(invoke)
    assert invoke("redeem_reward/redeem")["statusCode"] == 201
    post("purchase_refunded")(invoke)


def three_accounts(invoke: Invoke) -> None:
    """Two with points that will be over, one of them with a birthday, and one with a birthday alone."""
    launched(invoke, expiry_months=1, bonuses={"BIRTHDAY": 100})
    contact = Contact(birthday=shop_day(99).replace(year=2000))
    for number, members in enumerate(({}, {"contact": contact}, {"contact": contact})):
        known(f"K-{number}", **members)
        apply(cards.ensure(f"K-{number}"))
    for number in range(2):
        invoke("adjust_points/add", fill={"K-77": f"K-{number}"})


def settle(invoke: Invoke) -> None:
    night = datetime.combine(shop_day(100), datetime.min.time(), UTC) + timedelta(hours=6)
    run = {"run_id": "night", "started_at": to_timestamp(night), "total_segments": 1}
    invoke("settle_points", {"run": run, "segment": 0})


SCENES: dict[str, Scene] = {
    "the points of an order": (launched, post("purchase_recorded")),
    "the points of an order that lift the tier": (tier_in_reach, post("purchase_recorded")),
    "the points of a refund": (earned, post("purchase_refunded")),
    "the points of a refund before those of its order": (bought, refund_first),
    "the points of a confirmed signup": (signed_up_with_all, post("consent_granted")),
    "the points of a friend's first order": (referred, deliver("PurchaseRecorded")),
    "the points of a friend who gives all back": (referral_regretted, deliver("PurchaseRefunded")),
    "the points of a friend who buys again": (referral_earned_again, deliver_the_last_order),
    "an adjustment": (
        customer_known,
        lambda invoke: invoke("adjust_points/add"),
    ),
    "a redemption of a reward with a stock": (funded, lambda invoke: invoke("redeem_reward/redeem")),
    "a cancellation": (redeemed, lambda invoke: invoke("redeem_reward/cancel")),
    "a cancellation of what a refund was forgiven": (refund_forgiven, lambda invoke: invoke("redeem_reward/cancel")),
    "the points looked at": (funded, lambda invoke: invoke("view_points/points")),
    "the settlement of several accounts": (three_accounts, settle),
    "the launch of a programme": (nothing, launched),
    "a change of the programme": (launched, lambda invoke: change_program(invoke, points=2)),
    "a reward": (launched, lambda invoke: invoke("configure_loyalty/put_reward")),
}


@pytest.mark.parametrize("scene", SCENES)
def test_run_again_after_an_interruption_it_leaves_the_same(invoke: Invoke, clock: FrozenClock, scene: str) -> None:
    assert_interruptions_leave_no_trace(invoke, clock, SCENES[scene])


def test_a_reminder_that_is_ended_is_sent_once_or_given_up_when_nobody_knows(invoke: Invoke) -> None:
    launched(invoke, expiry_months=1)
    ada = sign_up(invoke, "ada@example.com")
    invoke("adjust_points/add", fill={"K-77": ada})
    ready = stored()
    last = last_day(months_after(month_of(shop_day()), 1))
    fill = {"CUSTOMER": ada, "2026-12-31": last.isoformat(), "2026-12": month_of(last)}

    def remind() -> None:
        assert invoke("send_points_reminder/points_expiring", fill=fill) == {"batchItemFailures": []}

    seen = set()
    for changes in count():
        put_back(ready)
        sent = len(sent_mails())
        killed = is_killed(remind, changes)
        for _ in range(2):
            remind()
        (outcome,) = facts_of(ada, "EmailSent", "EmailSkipped", "EmailUnknown")
        seen.add((outcome.type, len(sent_mails()) - sent))
        if not killed:
            break
    # It died before the claim or after the record; with the claim; with the mail sent and not recorded.
    assert seen == {("EmailSent", 1), ("EmailUnknown", 0), ("EmailUnknown", 1)}
