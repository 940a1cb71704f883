"""A rescoring, step by step as the state machine takes them."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from shared.domain import scoring
from shared.domain.prediction import bands
from shared.domain.rfm import PROSPECTS, SEGMENTS, Score
from shared.domain.scorecard import Scorecard, rfm, with_order
from shared.store import facts, scorecards, table
from tests.functional.conftest import client

Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Rescore = Callable[..., dict[str, Any]]

AS_OF = date(2026, 11, 21)
ARN = "arn:aws:states:eu-central-1:123456789012:execution:rescoring:r"


@pytest.fixture
def shop() -> None:
    """Thirty buyers with one to six orders, and one who has signed up only."""
    dice = random.Random(7)
    writes = [scorecards.ensure("prospect")]
    for number in range(30):
        card = Scorecard(customer_id=f"K{number}")
        for _ in range(dice.randint(1, 6)):
            card = with_order(card, date(2026, dice.randint(1, 11), dice.randint(1, 20)), dice.randint(100, 9_000))
        writes.append(scorecards.count(replace(card, version=1)))
    table.transact(writes)


def test_the_plan_is_for_the_shops_today_unless_a_day_is_asked_for(invoke: Invoke) -> None:
    event = {"rescoring_id": "r", "execution_arn": ARN, "started_at": "2026-11-20T23:30:00Z", "as_of": None}
    assert invoke("plan_rescoring", event)["as_of"] == "2026-11-21"
    assert invoke("plan_rescoring", {**event, "as_of": "1998-07-01"})["as_of"] == "1998-07-01"


def test_every_customer_gets_the_score_that_all_customers_together_give_her(
    invoke: Invoke, rescore: Rescore, shop: None
) -> None:
    found = [rfm(card, AS_OF) for number in range(30) if (card := scorecards.find(f"K{number}"))]
    columns = [np.array([getattr(one, name) for one in found]) for name in ("recency_days", "frequency", "monetary")]
    expected = scoring.score(*columns, scoring.thresholds(*columns))
    rescore()
    for number in range(30):
        card = scorecards.find(f"K{number}")
        assert card is not None
        assert card.score is not None
        assert (card.score.r, card.score.f, card.score.m) == tuple(
            int(column[number]) for column in (expected.r, expected.f, expected.m)
        )
        assert card.score.segment == SEGMENTS[expected.segments[number]]
        assert card.score.scored_on == AS_OF
        assert card.score.churn_band in bands.CHURN_BANDS
        assert card.score.value_band in bands.VALUE_BANDS
    prospect = scorecards.find("prospect")
    assert prospect is not None
    assert prospect.score == Score(PROSPECTS, None, None, None, AS_OF)


def test_the_report_has_every_customer_in_one_segment_and_all_revenue(
    invoke: Invoke, rescore: Rescore, shop: None
) -> None:
    assert invoke("report_segments/get")["statusCode"] == 404
    rescore()
    report = invoke("report_segments/get")["json"]
    assert (report["customers"], report["buyers"], report["changed"]) == (31, 30, 31)
    assert sum(one["customers"] for one in report["segments"]) == 31
    spent = sum(card.spent for n in range(30) if (card := scorecards.find(f"K{n}")))
    assert sum(one["revenue"] for one in report["segments"]) == spent
    assert sum(move["customers"] for move in report["moves"]) == 31
    assert report["caveats"] == ["30 customers have bought, too few for fifths: below 50 scores say little"]
    champions = next(one for one in report["segments"] if one["segment"] == "Champions")
    assert set(champions["average"]) == {"recency_days", "frequency", "monetary"}


def test_a_second_run_without_news_writes_no_score_and_no_fact(
    invoke: Invoke, rescore: Rescore, shop: None, contents: Contents
) -> None:
    rescore()
    before = contents()["scorecards"], facts.every("K1")
    rescore("run-2", "2026-11-21T02:00:00Z", segments=1)
    assert (contents()["scorecards"], facts.every("K1")) == before
    report = invoke("report_segments/get")["json"]
    assert (report["rescoring_id"], report["changed"], report["moves"]) == ("run-2", 0, [])


def test_a_customer_who_moves_has_the_fact_once_and_the_report_the_move(
    invoke: Invoke, rescore: Rescore, shop: None
) -> None:
    rescore()
    was = {item["customer_id"]: item["score"]["segment"] for item in stored()}
    for number in range(12):
        invoke(
            "record_purchase/by_customer_number",
            order_id=f"new-{number}",
            customer={"customer_id": f"K{number}"},
            ordered_at="2026-11-21",
            total=50_000,
            tax=0,
            shipping=0,
        )
    rescore("run-2", "2026-11-21T02:00:00Z")
    now = {item["customer_id"]: item["score"]["segment"] for item in stored()}
    moved = {customer: (was[customer], now[customer]) for customer in was if was[customer] != now[customer]}
    assert moved
    for customer, (before, after) in moved.items():
        changes = [fact for fact in facts.every(customer) if fact.type == "SegmentChanged" and fact.id == "run-2"]
        assert [(fact.data["from"], fact.data["to"]) for fact in changes] == [(before, after)]
    report = invoke("report_segments/get")["json"]
    assert {(m["from"], m["to"]): m["customers"] for m in report["moves"]} == Counter(moved.values())


def test_an_earlier_run_that_ends_late_does_not_replace_the_report(
    invoke: Invoke, rescore: Rescore, shop: None
) -> None:
    rescore("later", "2026-11-21T02:00:00Z")
    rescore("earlier", "2026-11-21T01:00:00Z")
    assert invoke("report_segments/get")["json"]["rescoring_id"] == "later"


def test_a_rescoring_keeps_the_counters_of_a_purchase_that_comes_meanwhile(
    invoke: Invoke, rescore: Rescore, shop: None
) -> None:
    plan = invoke(
        "plan_rescoring",
        {"rescoring_id": "r", "execution_arn": ARN, "started_at": "2026-11-21T01:00:00Z", "as_of": "2026-11-21"},
    )
    given = {**plan, "total_segments": 1, "segment": 0}
    for step in ("scan_scorecards", "rank_scorecards", "fit_forecaster"):
        invoke(step, given)
    before = scorecards.find("K1")
    invoke("record_purchase/by_customer_number", order_id="meanwhile", customer={"customer_id": "K1"})
    invoke("write_scores", given)
    after = scorecards.find("K1")
    assert before is not None
    assert after is not None
    assert (after.orders, after.version) == (before.orders + 1, before.version + 1)
    assert after.score is not None


def test_a_rescoring_is_started_for_the_day_that_was_asked_for(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = client("stepfunctions").create_state_machine(
        name="rescoring", definition="{}", roleArn="arn:aws:iam::123456789012:role/rescoring"
    )["stateMachineArn"]
    monkeypatch.setenv("RESCORING_STATE_MACHINE_ARN", machine)
    answer = invoke("start_rescoring/as_of")
    assert (answer["statusCode"], answer["json"]["status"]) == (202, "QUEUED")
    (execution,) = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert execution["name"] == answer["json"]["rescoring_id"]
    details = client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert json.loads(details["input"]) == {"as_of": "1998-07-01"}


def stored() -> list[dict[str, Any]]:
    pages = client("dynamodb").get_paginator("scan").paginate(TableName="scorecards")
    return [table.unpack(item) for page in pages for item in page["Items"]]
