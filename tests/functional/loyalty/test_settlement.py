"""The settlement of points accounts, step by step as the state machine takes them, and the statement of liability."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest

from shared.core import clock, fact_store
from shared.core.dynamodb import CUSTOMERS, apply, unpack
from shared.core.facts import Fact, to_timestamp
from shared.core.shop_time import ShopTime
from shared.loyalty.actions import adjusting, configuring, earning, redeeming
from shared.loyalty.job import SETTLEMENT, SettledSegment
from shared.loyalty.points import Adjustment, NotEnoughPoints
from shared.loyalty.points import balance as points_balance
from shared.loyalty.reward import Reward
from shared.loyalty.settlement import Statement
from shared.loyalty.store import accounts, program_versions
from shared.purchases import actions
from shared.purchases.purchase import Order, Refund
from shared.scorecards.store import cards
from tests.functional.aws import client
from tests.functional.calls import is_killed
from tests.functional.scenes import (
    BERLIN,
    account_of,
    change_program,
    execution_arn,
    facts_of,
    plan_run,
    publish_long_ago,
    sign_up,
)

Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]

TIERS = [
    {"name": "GREEN", "threshold": 0},
    {"name": "OOLONG", "threshold": 300},
    {"name": "BLACK", "threshold": 1_000},
]
SUMS = ("issued", "redeemed", "expired", "refunded", "adjusted")


def at(text: str) -> datetime:
    """A moment by the shop's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.fixture(autouse=True)
def program(invoke: Invoke) -> None:
    """A point for each euro, active after a fortnight, good until the end of the second month after its own."""
    launch(invoke)


def launch(invoke: Invoke, **changes: object) -> None:
    rules = {"bonuses": {"BIRTHDAY": 100}, "multipliers": [], "tiers": TIERS, "expiry_months": 2}
    answer = change_program(invoke, starts_at="2024-01-01", **{**rules, **changes})
    assert answer["statusCode"] == 200
    publish_long_ago()


def buy(customer_id: str, order_id: str, when: str, points: int) -> Fact:
    """An order that earns so many points at once, all of it by the shop's clock."""
    order = Order(order_id=order_id, ordered_at=at(when), currency="EUR", total=points * 100)
    actions.record_order(order, customer_id, None, ShopTime(at(when), BERLIN))
    fact = fact_store.get(customer_id, at(when), "PurchaseRecorded", order_id)
    assert fact is not None
    earning.earn_order(fact, program_versions.all_versions(), ShopTime(at(when), BERLIN))
    return fact


def give_back(customer_id: str, order_id: str, when: str, amount: int) -> None:
    refund = Refund(refund_id="r", order_id=order_id, refunded_at=at(when), amount=amount)
    actions.record_refund(refund, ShopTime(at(when), BERLIN))
    fact = fact_store.get(customer_id, at(when), "PurchaseRefunded", f"{order_id}/r")
    assert fact is not None
    earning.take_back_refund(fact, program_versions.all_versions(), ShopTime(at(when), BERLIN))


def adjust(customer_id: str, key: str, when: str, points: int) -> None:
    adjustment = Adjustment(adjustment_id=key, customer_id=customer_id, points=points, reason="r", operator="o")
    adjusting.adjust(adjustment, ShopTime(at(when), BERLIN))


def redeem(customer_id: str, key: str, when: str, cost: int) -> None:
    configuring.define_reward(Reward(reward_id=f"r{cost}", name="r", cost=cost))
    redeeming.redeem(customer_id, key, f"r{cost}", "CODE", ShopTime(at(when), BERLIN))


def night(invoke: Invoke, when: str, segments: int | None = None) -> dict[str, Any]:
    """What the state machine does at that moment, in so many segments; the statement that is served then."""
    run = planned(invoke, when, when)
    run |= {"total_segments": segments} if segments else {}
    for segment in range(run["total_segments"]):
        invoke("settle_points", {"run": run, "segment": segment})
    closed = invoke("close_settlement", {"run": run})
    report: dict[str, Any] = invoke("report_loyalty/get")["json"]
    if report["settlement_id"] == when:
        assert closed == {"settlement_id": when, **{n: report[n] for n in ("accounts", "outstanding")}}
    return report


def planned(invoke: Invoke, settlement_id: str, when: str) -> dict[str, Any]:
    """What the first step hands on to the others."""
    return plan_run(invoke, "settlement", settlement_id, at(when))


def statement_of(settlement_id: str, segment: int) -> Statement:
    """The statement of a segment that is on record."""
    (part,) = (part for part in SETTLEMENT.parts(SettledSegment, settlement_id) if part.segment == segment)
    return part.statement


def entries(customer_id: str, *types: str) -> list[tuple[str, int]]:
    return [(to_timestamp(fact.occurred_at), fact.data["points"]) for fact in facts_of(customer_id, *types)]


def test_before_the_first_night_there_is_no_statement_and_after_it_an_empty_one(invoke: Invoke) -> None:
    assert invoke("report_loyalty/get")["statusCode"] == 404
    report = night(invoke, "2026-01-10 02:00")
    assert (report["accounts"], report["outstanding"], report["months"], report["tiers"]) == (0, 0, [], [])
    assert report["as_of"] == "2026-01-10"


def test_every_step_that_is_taken_twice_says_the_same_and_changes_nothing(invoke: Invoke, contents: Contents) -> None:
    buy("K-1", "1", "2026-01-10 12:00", 400)
    buy("K-2", "2", "2026-02-10 12:00", 40)
    run = planned(invoke, "s", "2026-04-01 02:00")
    assert planned(invoke, "s", "2026-04-01 02:00") == run
    for segment in range(run["total_segments"]):
        event = {"run": run, "segment": segment}
        answer, before, statement = invoke("settle_points", event), contents(), statement_of("s", segment)
        assert (invoke("settle_points", event), contents(), statement_of("s", segment)) == (answer, before, statement)
    closed = invoke("close_settlement", {"run": run})
    report = invoke("report_loyalty/get")["json"]
    assert invoke("close_settlement", {"run": run}) == closed
    assert invoke("report_loyalty/get")["json"] == report
    assert (report["accounts"], report["expired"], report["active"]) == (2, 400, 40)


def test_points_expire_when_the_month_is_over_by_the_shops_clock(invoke: Invoke) -> None:
    buy("K-1", "1", "2026-01-10 12:00", 40)
    # Clocks went forward on 29 March: the month ends two hours before midnight in Greenwich.
    night(invoke, "2026-03-31 23:59", segments=1)
    assert entries("K-1", "PointsExpired") == []
    report = night(invoke, "2026-04-01 00:01", segments=1)
    assert entries("K-1", "PointsExpired") == [("2026-03-31T22:00:00.000Z", -40)]
    assert (report["expired"], report["outstanding"]) == (40, 0)
    assert account_of("K-1").lots == {}


def test_a_night_that_is_days_late_leaves_what_a_punctual_one_leaves(
    invoke: Invoke, empty_tables: Callable[[], None]
) -> None:
    ends = []
    for when in ("2026-04-01 02:00", "2026-04-06 02:00"):
        empty_tables()
        launch(invoke)
        buy("K-1", "1", "2026-01-10 12:00", 40)
        buy("K-1", "2", "2026-03-10 12:00", 50)
        night(invoke, when, segments=1)
        account = account_of("K-1")
        ends.append((account.lots, account.books, entries("K-1", "PointsExpired", "PointsActivated")[0]))
    assert ends[0] == ends[1]


def test_an_account_used_between_the_end_of_a_month_and_the_night_expires_once(invoke: Invoke) -> None:
    buy("K-1", "1", "2026-01-10 12:00", 40)
    buy("K-1", "2", "2026-02-10 12:00", 50)
    with pytest.raises(NotEnoughPoints, match="missing"):
        redeem("K-1", "too-much", "2026-04-01 00:05", 60)
    redeem("K-1", "v", "2026-04-01 00:10", 30)
    assert entries("K-1", "PointsExpired") == [("2026-03-31T22:00:00.000Z", -40)]
    buy("K-2", "3", "2026-01-10 12:00", 40)
    adjust("K-2", "a", "2026-04-01 00:10", 20)
    assert entries("K-2", "PointsExpired") == [("2026-03-31T22:00:00.000Z", -40)]
    report = night(invoke, "2026-04-01 02:00", segments=1)
    for customer_id in ("K-1", "K-2"):
        assert entries(customer_id, "PointsExpired") == [("2026-03-31T22:00:00.000Z", -40)]
    assert (report["active"], report["redeemed"], report["expired"]) == (40, 30, 80)


def test_pending_points_become_active_on_their_day_with_a_single_fact(invoke: Invoke) -> None:
    buy("K-1", "1", "2026-01-10 23:30", 40)
    report = night(invoke, "2026-01-23 23:30", segments=1)
    assert (report["active"], report["pending"]) == (0, 40)
    for when in ("2026-01-24 00:30", "2026-01-25 02:00"):
        report = night(invoke, when, segments=1)
        assert (report["active"], report["pending"]) == (40, 0)
    assert [fact.data["points"] for fact in facts_of("K-1", "PointsActivated")] == [40]
    assert account_of("K-1").lots == {"2026-03": 40}


def test_a_tier_that_is_not_earned_again_ends_after_its_grace_unless_it_is(invoke: Invoke) -> None:
    for customer_id in ("K-1", "K-2"):
        buy(customer_id, customer_id, "2025-01-10 12:00", 350)
        buy(customer_id, f"{customer_id}-later", "2025-06-10 12:00", 20)
    night(invoke, "2025-12-31 02:00", segments=1)
    types = ("TierChanged", "TierEnding", "TierKept")
    assert [fact.type for fact in facts_of("K-1", *types)] == ["TierChanged"]
    for when in ("2026-01-02 02:00", "2026-01-03 02:00"):
        night(invoke, when, segments=1)
        (ending,) = facts_of("K-1", "TierEnding")
        assert (ending.data["tier"], ending.data["ends_on"], ending.data["missing"]) == ("OOLONG", "2026-01-31", 280)
    buy("K-2", "saved", "2026-01-20 12:00", 280)
    for when in ("2026-01-31 23:00", "2026-02-03 02:00", "2026-02-04 02:00"):
        night(invoke, when, segments=1)
        assert account_of("K-2").tier == "OOLONG"
    assert [fact.type for fact in facts_of("K-2", *types)] == ["TierChanged", "TierEnding", "TierKept"]
    assert [fact.type for fact in facts_of("K-1", *types)] == ["TierChanged", "TierEnding", "TierChanged"]
    assert account_of("K-1").tier == "GREEN"
    report = invoke("report_loyalty/get")["json"]
    assert [(tier["tier"], tier["accounts"]) for tier in report["tiers"]] == [("GREEN", 1), ("OOLONG", 1)]


def test_points_that_expire_soon_are_warned_of_once(invoke: Invoke) -> None:
    buy("K-1", "1", "2026-01-10 12:00", 40)
    buy("K-1", "2", "2026-02-10 12:00", 50)
    for when in ("2026-02-28 02:00", "2026-03-01 02:00", "2026-03-02 02:00", "2026-03-20 02:00"):
        night(invoke, when, segments=1)
    (warning,) = facts_of("K-1", "PointsExpiring")
    assert (warning.id, warning.data["points"], warning.data["expires_on"]) == ("2026-03", 40, "2026-03-31")
    assert warning.occurred_at == at("2026-03-01 02:00")


@pytest.mark.parametrize("first", ["2026-12-10 02:00", "2026-12-12 02:00"])
def test_a_birthday_is_kept_once_a_year_also_a_day_late(invoke: Invoke, first: str) -> None:
    launch(invoke, expiry_months=24)
    ada = sign_up(invoke, "ada@example.com")
    sign_up(invoke, "eve@example.com", birthday="1990-05-01")
    sign_up(invoke, "grace@example.com", birthday=None)
    night(invoke, "2026-12-09 02:00", segments=1)
    assert account_of(ada).version == 0
    for when in (first, "2026-12-13 02:00", "2027-01-10 02:00", "2027-12-10 02:00", "2027-12-11 02:00"):
        report = night(invoke, when, segments=1)
    given = [(fact.id, fact.occurred_at) for fact in facts_of(ada, "PointsEarned")]
    assert given == [("BIRTHDAY/2026", at(first)), ("BIRTHDAY/2027", at("2027-12-10 02:00"))]
    assert (account_of(ada).books.issued, report["accounts"], report["issued"]) == (200, 1, 200)


def test_a_birthday_that_is_moved_over_new_year_is_kept_no_second_time(invoke: Invoke) -> None:
    launch(invoke, expiry_months=24)
    ada = sign_up(invoke, "ada@example.com", birthday="1990-01-02")
    night(invoke, "2027-01-03 02:00", segments=1)
    sign_up(invoke, "ada@example.com", birthday="1990-12-30")
    for when in ("2027-01-05 02:00", "2027-12-30 02:00", "2028-01-05 02:00"):
        night(invoke, when, segments=1)
        assert [fact.id for fact in facts_of(ada, "PointsEarned")] == ["BIRTHDAY/2027"]
    night(invoke, "2028-12-30 02:00", segments=1)
    assert [fact.id for fact in facts_of(ada, "PointsEarned")] == ["BIRTHDAY/2027", "BIRTHDAY/2028"]
    account_of(ada)


def test_an_adjustment_that_meets_a_night_is_made_after_it(invoke: Invoke, at_transaction: Callable[..., None]) -> None:
    """Both write off the same points under the same number: that fact is known, and the adjustment is not."""
    buy("K-1", "1", "2026-01-10 12:00", 40)
    meanwhile: list[dict[str, Any]] = []
    at_transaction(
        "PointsAdjusted",
        lambda: meanwhile.append(night(invoke, "2026-04-01 02:00", segments=1)),
        ["TransactionConflict", "ConditionalCheckFailed"],
    )
    adjust("K-1", "a", "2026-04-01 00:10", 20)
    assert (meanwhile[0]["expired"], meanwhile[0]["adjusted"]) == (40, 0)
    assert [points for _, points in entries("K-1", "PointsExpired", "PointsAdjusted")] == [-40, 20]
    assert account_of("K-1").books.balance == 20


def a_busy_quarter(invoke: Invoke) -> None:
    """Orders, a refund, a redemption, a gift and a debt, with nights in between but not at each month's end."""
    buy("K-1", "1", "2026-01-10 12:00", 400)
    buy("K-2", "2", "2026-01-12 12:00", 1_200)
    night(invoke, "2026-01-31 02:00", segments=1)
    buy("K-3", "3", "2026-01-31 12:00", 70)
    redeem("K-1", "v", "2026-02-03 12:00", 300)
    night(invoke, "2026-02-04 02:00", segments=1)
    give_back("K-1", "1", "2026-02-05 12:00", 40_000)
    adjust("K-3", "a", "2026-02-28 23:30", 25)
    night(invoke, "2026-03-02 02:00", segments=1)
    adjust("K-2", "b", "2026-03-03 12:00", -200)
    night(invoke, "2026-04-02 02:00", segments=1)


def test_the_statement_is_the_sum_of_all_accounts(invoke: Invoke) -> None:
    a_busy_quarter(invoke)
    report = night(invoke, "2026-04-03 02:00")
    pages = client("dynamodb").get_paginator("scan").paginate(TableName="customers")
    items = [unpack(item) for page in pages for item in page["Items"]]
    stored = [accounts.ACCOUNTS.entity(item) for item in items if item["sk"] == "POINTS"]
    assert (len(stored), report["accounts"], report["unbalanced"]) == (3, 3, 0)
    for name in SUMS:
        assert report[name] == sum(getattr(account.books, name) for account in stored)
        assert report[name] == sum(tier[name] for tier in report["tiers"])
        assert report[name] == sum(month[name] for month in report["months"])
    balances = [points_balance(account, at("2026-04-03 02:00").date()) for account in stored]
    assert report["active"] == sum(balance.active for balance in balances)
    assert report["negative"] == sum(balance.negative for balance in balances) == 300
    assert report["outstanding"] == sum(account.books.balance for account in stored)
    ledger = [item for item in items if "entry" in item and "balance" in item]
    assert report["outstanding"] == sum(item["points"] for item in ledger)
    assert {tier["tier"]: tier["accounts"] for tier in report["tiers"]} == {"GREEN": 2, "BLACK": 1}
    for account in stored:
        account_of(account.customer_id)


def test_an_account_that_differs_from_its_ledger_fails_the_night_and_is_stated(invoke: Invoke) -> None:
    buy("K-1", "1", "2026-01-10 12:00", 40)
    key = {"pk": "CUST#K-1", "sk": "POINTS"}
    apply(CUSTOMERS.update(key, "SET negative = :owed", values={":owed": 1}))
    with pytest.raises(Exception, match="1 accounts do not hold"):
        night(invoke, "2026-01-12 02:00", segments=1)
    assert invoke("report_loyalty/get")["json"]["unbalanced"] == 1
    # Its steps are tried again, and fail again.
    run = {"run_id": "2026-01-12 02:00", "started_at": to_timestamp(at("2026-01-12 02:00")), "total_segments": 1}
    with pytest.raises(Exception, match="1 accounts do not hold"):
        invoke("close_settlement", {"run": run})


def test_the_months_follow_from_one_another_and_stay_as_they_were_closed(invoke: Invoke) -> None:
    a_busy_quarter(invoke)
    report = invoke("report_loyalty/get")["json"]
    months = {month["month"]: month for month in report["months"]}
    assert [month["month"] for month in report["months"]] == ["2026-04", "2026-03", "2026-02", "2026-01"]
    assert {name: months["2026-01"][name] for name in ("opening", "issued", "closing")} == {
        "opening": 0,
        "issued": 1_670,
        "closing": 1_670,
    }
    february = {name: months["2026-02"][name] for name in ("redeemed", "refunded", "adjusted", "closing")}
    assert february == {"redeemed": 300, "refunded": 400, "adjusted": 25, "closing": 995}
    assert (months["2026-03"]["adjusted"], months["2026-04"]["expired"]) == (-200, 1_070)
    for later, earlier in zip(report["months"], report["months"][1:], strict=False):
        assert later["opening"] == earlier["closing"]
    assert months["2026-04"]["closing"] == report["outstanding"]
    buy("K-1", "later", "2026-06-10 12:00", 10)
    later = {month["month"]: month for month in night(invoke, "2026-06-11 02:00", segments=1)["months"]}
    assert {name: later[name] for name in months} == months


def test_nights_that_failed_for_weeks_lose_no_entry_of_the_months_between(invoke: Invoke) -> None:
    buy("K-1", "1", "2025-11-10 12:00", 40)
    night(invoke, "2025-11-15 02:00", segments=1)
    buy("K-1", "2", "2025-11-20 12:00", 50)
    buy("K-1", "3", "2025-12-20 12:00", 60)
    report = night(invoke, "2026-01-10 02:00", segments=1)
    months = {month["month"]: (month["opening"], month["issued"]) for month in report["months"]}
    assert months == {"2025-11": (0, 90), "2025-12": (90, 60)}


def test_an_earlier_night_that_ends_late_does_not_replace_the_statement(invoke: Invoke) -> None:
    buy("K-1", "1", "2026-01-10 12:00", 40)
    night(invoke, "2026-01-12 02:00", segments=1)
    assert night(invoke, "2026-01-11 02:00", segments=1)["settlement_id"] == "2026-01-12 02:00"


def test_a_night_goes_on_after_a_segment_failed(invoke: Invoke) -> None:
    for number in range(6):
        buy(f"K-{number}", f"{number}", "2026-01-10 12:00", 40 + number)
    run = planned(invoke, "s", "2026-04-01 02:00")
    assert run["total_segments"] == 4
    killed = []
    for segment in range(run["total_segments"]):
        if is_killed(partial(invoke, "settle_points", {"run": run, "segment": segment}), 1):
            killed.append(segment)
    assert killed
    report = night(invoke, "2026-04-01 02:00")
    assert (report["accounts"], report["issued"], report["expired"], report["outstanding"]) == (6, 255, 255, 0)
    for number in range(6):
        assert entries(f"K-{number}", "PointsExpired") == [("2026-03-31T22:00:00.000Z", -40 - number)]


@pytest.fixture
def machine() -> str:
    """The settlement's state machine, of which executions run until they are stopped."""
    arn: str = client("stepfunctions").create_state_machine(
        name="settlement", definition="{}", roleArn="arn:aws:iam::123456789012:role/settlement"
    )["stateMachineArn"]
    return arn


def test_a_settlement_waits_while_another_is_at_work(invoke: Invoke, machine: str) -> None:
    client("stepfunctions").start_execution(stateMachineArn=machine, name="first")
    planned(invoke, "first", "2026-01-12 02:00")
    event = {"run_id": "second", "execution_arn": execution_arn("second", "settlement")}
    event["started_at"] = "2026-01-12T01:00:01.000Z"
    assert invoke("plan_settlement", event) == {"wait": True}
    client("stepfunctions").stop_execution(executionArn=execution_arn("first", "settlement"))
    assert not invoke("plan_settlement", event)["wait"]
    assert set(SETTLEMENT.unfinished()) == {"first", "second"}
    night(invoke, "2026-01-13 02:00", segments=1)
    assert SETTLEMENT.unfinished() == {}


def test_a_settlement_keeps_its_figures(invoke: Invoke) -> None:
    buy("K-1", "1", "2026-01-10 12:00", 40)
    buy("K-2", "2", "2026-03-10 12:00", 50)
    when = "2026-04-01 02:00"
    night(invoke, when)
    progress = SETTLEMENT.get(when, clock.now())
    assert progress is not None
    assert (progress.status, progress.run.as_of, len(progress.parts)) == ("SUCCEEDED", date(2026, 4, 1), 4)
    figures = dict(progress.run.figures or {})
    names = ("segments_settled", "customers", "changed", "accounts", "outstanding", "unbalanced")
    assert [figures[name] for name in names] == [4, 2, 2, 2, 50, 0]
    # Each account in a transaction with its facts: points that expired, and those that became active before.
    assert figures["write_units"] >= 2 * 4
    assert figures["read_units"] > 0


def test_a_settlement_is_started(invoke: Invoke, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTLEMENT_STATE_MACHINE_ARN", machine)
    answer = invoke("start_settlement/start")
    assert (answer["statusCode"], answer["json"]["status"]) == (202, "RUNNING")
    (execution,) = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert execution["name"] == answer["json"]["settlement_id"]
    progress = SETTLEMENT.get(execution["name"], clock.now())
    assert progress is not None
    assert progress.status == "QUEUED"


def test_before_the_launch_a_night_finds_nothing_to_do(invoke: Invoke, empty_tables: Callable[[], None]) -> None:
    empty_tables()
    apply(cards.ensure("K-1"))
    assert night(invoke, "2026-01-10 02:00", segments=1)["accounts"] == 0
