"""A function that is killed at any of its calls to AWS, before or after the call was done, and then runs again."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from shared.cases import actions as cases
from shared.cases.case import Outcome, case_id
from shared.core import old_table as table
from shared.core.facts import from_timestamp, to_timestamp
from shared.core.months import last_day, month_of, months_after
from shared.core.shop_time import ShopTime
from shared.customers.consent import Channel, Consent, Status, Topic
from shared.customers.customer import Contact, Customer
from shared.customers.store import profiles as customers
from shared.edge.tokens import Purpose, sign
from shared.loyalty.actions import referring
from shared.nps.store import invitations
from shared.scorecards.scorecard import Scorecard, with_order
from shared.scorecards.store import cards as scorecards
from tests.functional.conftest import (
    BERLIN,
    CALLS,
    Killed,
    answered,
    as_of_today,
    as_records,
    ask,
    decide_all,
    execution_arn,
    facts_of,
    happened,
    put_back,
    rescoring_steps,
    sent_mails,
    shop_day,
    sign_up,
    stored,
)

Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Scene = tuple[Callable[[Invoke], object], Callable[[Invoke], object]]

PLANNED = {
    "run_id": "r", "execution_arn": execution_arn("r"), "started_at": "2026-11-21T01:00:00Z", "input": {}
}  # fmt: skip
RESCORING = {
    "rescoring_id": "r", "started_at": "2026-11-21T01:00:00Z", "as_of": "2026-11-21", "total_segments": 1, "fits": True,
    "sample": 10_000, "unfinished": {},
}  # fmt: skip


def nothing(_invoke: Invoke) -> None:
    pass


class Rescoring:
    """Some steps of a rescoring of one segment: killed in one of them, it goes on with this one, as executions do."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._done = 0

    def __call__(self, invoke: Invoke) -> None:
        events = {"plan_rescoring": PLANNED, **dict(rescoring_steps(RESCORING))}
        for name in self._names[self._done :]:
            invoke(name, events[name])
            self._done += 1
        self._done = 0


def few_cards(_invoke: Invoke) -> None:
    cards = [with_order(Scorecard(customer_id=f"K{n}"), date(2026, 1 + n, 1), 1_000 * n) for n in range(4)]
    table.transact([scorecards.count(card) for card in cards])


def ranked(invoke: Invoke) -> None:
    few_cards(invoke)
    Rescoring("plan_rescoring", "scan_scorecards", "rank_scorecards", "fit_forecaster")(invoke)


def signed_up(invoke: Invoke) -> None:
    invoke("register_customer/json")


def bounce(invoke: Invoke) -> None:
    failed = invoke("record_mail_events/hard_bounce")["batchItemFailures"]
    assert failed == []


def is_killed(act: Callable[[], object], number: int, when: str) -> bool:
    """Run it, ended at its call with this number; False where it makes fewer calls."""
    CALLS.killed_at, CALLS.count = (number, when), 0
    try:
        act()
    except Killed:
        return True
    finally:
        CALLS.killed_at = None
    return False


def launched(invoke: Invoke, **changes: object) -> None:
    """A programme by which the event file's order earns 199 points."""
    start = {"starts_at": shop_day(-730).isoformat()}
    invoke("configure_loyalty/put_program", fill=as_of_today(), **start, **changes)


def tier_in_reach(invoke: Invoke) -> None:
    launched(invoke, tiers=[{"name": "GREEN", "threshold": 0}, {"name": "OOLONG", "threshold": 199}])


def post(name: str) -> Callable[[Invoke], object]:
    """An event file on its way to the points."""

    def act(invoke: Invoke) -> None:
        assert invoke(f"post_points/{name}", fill={**as_of_today(), "CUSTOMER": "K-77"}) == {"batchItemFailures": []}

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


def known(customer_id: str, **members: Any) -> None:
    """A customer whom the shop knows."""
    created_at = datetime(2025, 1, 1, tzinfo=UTC)
    table.transact(customers.create(Customer(customer_id=customer_id, created_at=created_at, **members)))


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
    invoke("record_purchase/by_customer_number", fill=as_of_today())


def deliver(*types: str) -> Callable[[Invoke], object]:
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
    fill = {**as_of_today(), "#1001": "#1002", "%231001": "%231002"}
    assert invoke("refund_purchase/amount", fill=fill, amount=2_900)["statusCode"] == 201


def referral_earned_again(invoke: Invoke) -> None:
    """What Ada's first order had earned was taken back, and now she has bought another."""
    referral_regretted(invoke)
    deliver("PurchaseRefunded")(invoke)
    invoke("record_purchase/by_customer_number", fill=as_of_today(), order_id="#1003")


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
    birthday = (shop_day(99)).replace(year=2000)
    for number, members in enumerate(
        ({}, {"contact": Contact(birthday=birthday)}, {"contact": Contact(birthday=birthday)})
    ):
        known(f"K-{number}", **members)
        table.apply(scorecards.ensure(f"K-{number}"))
    for number in range(2):
        invoke("adjust_points/add", fill={"K-77": f"K-{number}"})


def settle(invoke: Invoke) -> None:
    night = datetime.combine(shop_day(100), datetime.min.time(), UTC) + timedelta(hours=6)
    run = {"run_id": "night", "started_at": to_timestamp(night), "total_segments": 1}
    invoke("settle_points", {"run": run, "segment": 0})


def surveyed(invoke: Invoke, **changes: object) -> None:
    assert invoke("configure_surveys/put_rules")["statusCode"] == 200
    assert invoke("configure_surveys/put_survey", **changes)["statusCode"] == 200


def to_be_asked(invoke: Invoke) -> None:
    """A customer who agreed to surveys, one of which asks every night."""
    surveyed(invoke, trigger="NIGHTLY")
    agreed = Consent(Status.SUBSCRIBED, datetime(2026, 1, 1, tzinfo=UTC))
    known("K-77", email="ada@example.com", consents={(Channel.EMAIL, Topic.SURVEYS): agreed})
    table.apply(scorecards.ensure("K-77"))


def ask_tonight(invoke: Invoke) -> None:
    assert decide_all(invoke, "night", datetime.now(UTC)) == {"INVITED": 1}


def asked(invoke: Invoke) -> None:
    to_be_asked(invoke)
    ask("K-77", channel="web")


def answer(invoke: Invoke, score: int) -> None:
    invitation = invitations.get("K-77", "after-purchase.2026-11-14")
    assert invitation is not None
    assert answered(invoke, invitation, score, "The delivery was late")["statusCode"] == 200


def promoted(invoke: Invoke) -> None:
    asked(invoke)
    answer(invoke, 9)


def disappointed(invoke: Invoke) -> None:
    asked(invoke)
    answer(invoke, 3)


def settled(invoke: Invoke) -> None:
    """A detractor whose case is resolved."""
    disappointed(invoke)
    identity = case_id("K-77", "after-purchase.2026-11-14")
    cases.resolve(identity, Outcome.SOLVED, ShopTime(datetime.now(UTC), BERLIN))


def tell_anonymously(invoke: Invoke) -> None:
    claims = {"survey": "after-purchase", "place": "counter", "answer": "form"}
    token = sign(Purpose.FEEDBACK, claims, datetime.now(UTC) + timedelta(hours=1))
    assert invoke("answer_anonymously/post", fill={"TOKEN": token})["statusCode"] == 200


def complain(invoke: Invoke) -> None:
    claims = {"customer": "K-77", "complaint": "form"}
    token = sign(Purpose.COMPLAINT, claims, datetime.now(UTC) + timedelta(hours=1))
    assert invoke("take_complaint/post", fill={"TOKEN": token})["statusCode"] == 200


def complained(invoke: Invoke) -> None:
    to_be_asked(invoke)
    complain(invoke)


def late_and_resolved(invoke: Invoke) -> None:
    """A case that is overdue, and one of which it is time to ask whether it helped."""
    to_be_asked(invoke)
    long_ago = ShopTime(datetime(2026, 1, 1, tzinfo=UTC), BERLIN)
    for cause in ("late", "resolved"):
        cases.complain("K-77", "Broken", cause, long_ago)
    cases.resolve(case_id("K-77", "resolved"), Outcome.SOLVED, long_ago)


SCENES: dict[str, Scene] = {
    "a purchase of a newcomer": (nothing, lambda invoke: invoke("record_purchase/by_email")),
    "a purchase of a known customer": (
        lambda invoke: invoke("record_purchase/by_email"),
        lambda invoke: invoke("record_purchase/by_email", order_id="#2000"),
    ),
    "a purchase for which refunds wait": (
        lambda invoke: [invoke("refund_purchase/amount"), invoke("refund_purchase/products")],
        lambda invoke: invoke("record_purchase/by_email"),
    ),
    "a refund": (
        lambda invoke: invoke("record_purchase/by_email"),
        lambda invoke: invoke("refund_purchase/products"),
    ),
    "a refund before its order": (nothing, lambda invoke: invoke("refund_purchase/amount")),
    "a batch from the queue": (nothing, lambda invoke: invoke("ingest_purchases/mixed")),
    "a bounce": (lambda invoke: invoke("record_purchase/by_email"), bounce),
    "a rescoring up to its thresholds": (
        few_cards,
        Rescoring("plan_rescoring", "scan_scorecards", "rank_scorecards", "fit_forecaster"),
    ),
    "the scores and reports of a rescoring": (ranked, Rescoring("write_scores", "report_rescoring")),
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
    "a change of the programme": (launched, lambda invoke: invoke("configure_loyalty/put_program", points=2)),
    "a reward": (launched, lambda invoke: invoke("configure_loyalty/put_reward")),
    "a night that asks": (to_be_asked, ask_tonight),
    "an answer that opens a case": (asked, lambda invoke: answer(invoke, 3)),
    "a changed answer": (promoted, lambda invoke: answer(invoke, 8)),
    "a changed answer that opens a case": (promoted, lambda invoke: answer(invoke, 0)),
    "a changed answer of an open case": (disappointed, lambda invoke: answer(invoke, 1)),
    "a changed answer of a resolved case": (settled, lambda invoke: answer(invoke, 1)),
    "an anonymous answer": (surveyed, tell_anonymously),
    "a complaint": (to_be_asked, complain),
    "a resolution": (
        complained,
        lambda invoke: invoke("manage_cases/resolve", fill={"CASE": case_id("K-77", "form")}),
    ),
    "the hourly watch over cases": (
        late_and_resolved,
        lambda invoke: invoke("watch_cases", {"source": "aws.scheduler"}),
    ),
    "the hourly question whether it helped": (
        late_and_resolved,
        lambda invoke: invoke("ask_recovery", {"source": "aws.scheduler"}),
    ),
}


@pytest.mark.parametrize("scene", SCENES)
def test_killed_at_any_call_and_run_again_it_leaves_what_an_undisturbed_run_leaves(
    invoke: Invoke, contents: Contents, scene: str
) -> None:
    before, act = SCENES[scene]
    begun = datetime.now(UTC) - timedelta(milliseconds=1)

    def left() -> list[Any]:
        found = [timeless(item, begun) for items in contents().values() for item in items]
        return sorted(found, key=repr)

    before(invoke)
    ready, untouched = stored(), left()
    act(invoke)
    undisturbed = left()
    assert undisturbed != untouched
    for number in count(1):
        killed = []
        for when in ("before", "after"):
            put_back(ready)
            killed.append(is_killed(lambda: act(invoke), number, when))
            if killed[-1]:
                act(invoke)
            assert left() == undisturbed, f"killed {when} call {number}"
        if not any(killed):
            break
    assert number > 2


def timeless(value: Any, begun: datetime) -> Any:
    """What is stored, with the same word for every moment of a day since then, for every voucher's random code, and for
    how long steps took and their records are kept.
    """
    if isinstance(value, dict):
        same = {name: f"a {name}" for name in ("code", "milliseconds") if name in value}
        if str(value.get("pk", "")).startswith("RESCORING#"):
            same |= {"expires_at": "an end"}
        return {timeless(name, begun): timeless(held, begun) for name, held in value.items()} | same
    if isinstance(value, list):
        return [timeless(one, begun) for one in value]
    if not isinstance(value, str):
        return value

    def word(moment: re.Match[str]) -> str:
        days = (from_timestamp(moment[0]) - begun).days
        return f"{days} days later" if days >= 0 else moment[0]

    value = re.sub(r'"seconds":[\d.]+', '"seconds":"some"', value)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", word, value)


def test_a_reminder_that_is_killed_is_sent_once_or_given_up_when_nobody_knows(invoke: Invoke) -> None:
    launched(invoke, expiry_months=1)
    ada = sign_up(invoke, "ada@example.com")
    invoke("adjust_points/add", fill={"K-77": ada})
    ready = stored()
    last = last_day(months_after(month_of(shop_day()), 1))
    fill = {"CUSTOMER": ada, "2026-12-31": last.isoformat(), "2026-12": month_of(last)}

    def remind() -> None:
        assert invoke("send_points_reminder/points_expiring", fill=fill) == {"batchItemFailures": []}

    seen = set()
    for number in count(1):
        killed = []
        for when in ("before", "after"):
            put_back(ready)
            sent = len(sent_mails())
            killed.append(is_killed(remind, number, when))
            for _ in range(2):
                remind()
            (outcome,) = facts_of(ada, "EmailSent", "EmailSkipped", "EmailUnknown")
            seen.add((outcome.type, len(sent_mails()) - sent))
        if not any(killed):
            break
    # It died before the claim or after the record; with the claim; with the mail sent and not recorded.
    assert seen == {("EmailSent", 1), ("EmailUnknown", 0), ("EmailUnknown", 1)}


def test_a_signup_that_is_killed_leaves_nothing_or_all_and_can_be_sent_again(
    invoke: Invoke, empty_tables: Callable[[], None], contents: Contents
) -> None:
    for number in count(1):
        killed = []
        for when in ("before", "after"):
            empty_tables()
            killed.append(is_killed(lambda: signed_up(invoke), number, when))
            if killed[-1]:
                assert len(contents()["customers"]) in (0, 3)
                signed_up(invoke)
            known = customers.get_by_email("ada@example.com")
            assert known is not None
            assert known.signup is not None
            assert len(contents()["customers"]) == 3
        if not any(killed):
            break
    assert number > 2
