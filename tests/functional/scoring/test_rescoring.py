"""A rescoring, step by step as the state machine takes them."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from shared.core import fact_store
from shared.core.dynamodb import CUSTOMERS, apply, pack, transact, unpack
from shared.forecasting import bands
from shared.scorecards import actions as scorecards_actions
from shared.scorecards.rfm import PROSPECTS, SEGMENTS
from shared.scorecards.score import Score
from shared.scorecards.scorecard import Scorecard, rfm, with_order
from shared.scorecards.store import cards
from shared.scoring import ranks
from shared.scoring.actions import planning
from tests import scorecard_items
from tests.frozen_clock import FrozenClock
from tests.functional import aws, moto_patches
from tests.functional.aws import client
from tests.functional.calls import CALLS
from tests.functional.scenes import execution_arn, facts_of, shop_day
from tests.functional.scoring.steps import plan_rescoring, rescoring_steps

Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Rescore = Callable[..., dict[str, Any]]

ROOT = Path(__file__).parents[3]
AS_OF = date(2026, 11, 21)
ARN = "arn:aws:states:eu-central-1:123456789012:execution:rescoring:r"


@pytest.fixture
def large_shop() -> None:
    """Seventy customers who buy now and then, and one who has signed up only."""
    aws.once(_store_large_shop)


def _store_large_shop() -> None:
    dice = random.Random(11)
    writes = [cards.ensure("prospect")]
    for number in range(70):
        card, day = Scorecard(customer_id=f"K{number}"), date(2025, 1, 1) + timedelta(days=dice.randint(0, 500))
        while day <= AS_OF and dice.random() < 0.9:
            card = with_order(card, day, dice.randint(100, 9_000))
            day += timedelta(days=dice.randint(1, 90))
        card = card if card.orders else with_order(card, date(2025, 1, 1), 100)
        writes.append(cards.count(replace(card, version=1)))
    transact(*writes)


@pytest.fixture
def shop() -> None:
    """Thirty buyers with one to six orders, and one who has signed up only."""
    aws.once(_store_shop)


def _store_shop() -> None:
    dice = random.Random(7)
    writes = [cards.ensure("prospect")]
    for number in range(30):
        card = Scorecard(customer_id=f"K{number}")
        for _ in range(dice.randint(1, 6)):
            card = with_order(card, date(2026, dice.randint(1, 11), dice.randint(1, 20)), dice.randint(100, 9_000))
        writes.append(cards.count(replace(card, version=1)))
    transact(*writes)


def test_the_plan_is_for_the_shops_today_unless_a_day_is_asked_for(invoke: Invoke) -> None:
    event = {"run_id": "r", "execution_arn": ARN, "started_at": "2026-11-20T23:30:00Z", "input": {}}
    assert invoke("plan_rescoring", event)["run"]["as_of"] == "2026-11-21"
    asked_for = {"as_of": "1998-07-01"}
    assert invoke("plan_rescoring", {**event, "input": asked_for})["run"]["as_of"] == "1998-07-01"


def test_every_customer_gets_the_score_that_all_customers_together_give(
    invoke: Invoke, rescore: Rescore, shop: None
) -> None:
    values = [rfm(card, AS_OF) for number in range(30) if (card := cards.get(f"K{number}"))]
    days = np.array([value.recency_days for value in values if value])
    orders = np.array([value.frequency for value in values if value])
    money = np.array([value.monetary for value in values if value])
    expected = ranks.score(days, orders, money, ranks.thresholds(days, orders, money))
    rescore()
    for number in range(30):
        card = cards.get(f"K{number}")
        assert card is not None
        assert card.score is not None
        assert (card.score.r, card.score.f, card.score.m) == tuple(
            int(column[number]) for column in (expected.r, expected.f, expected.m)
        )
        assert card.score.segment == SEGMENTS[expected.segments[number]]
        assert card.score.scored_on == AS_OF
        assert card.score.churn_band in bands.CHURN_BANDS
        assert card.score.value_band in bands.VALUE_BANDS
    prospect = cards.get("prospect")
    assert prospect is not None
    assert prospect.score == Score(PROSPECTS, None, None, None, AS_OF, rescoring_id="run-1", is_move=True)


def test_the_report_has_every_customer_in_one_segment_and_all_revenue(
    invoke: Invoke, rescore: Rescore, shop: None
) -> None:
    assert {answer["statusCode"] for answer in all_reports(invoke).values()} == {404}
    rescore(segments=2)
    report = invoke("report_scores/segments")["json"]
    assert (report["customers"], report["buyers"], report["changed"]) == (31, 30, 31)
    assert sum(row["customers"] for row in report["segments"]) == 31
    spent = sum(card.spent for n in range(30) if (card := cards.get(f"K{n}")))
    assert sum(row["revenue"] for row in report["segments"]) == spent
    assert sum(move["customers"] for move in report["moves"]) == 31
    assert report["caveats"] == ["30 customers have bought, too few for fifths: below 50 scores say little"]
    champions = next(row for row in report["segments"] if row["segment"] == "Champions")
    assert set(champions["average"]) == {"recency_days", "frequency", "monetary"}


def test_a_second_run_without_news_writes_no_score_and_no_fact(
    invoke: Invoke, rescore: Rescore, shop: None, contents: Contents
) -> None:
    rescore(segments=2)
    before = contents()["scorecards"], fact_store.every("K1")
    rescore("run-2", "2026-11-21T02:00:00Z", segments=1)
    assert (contents()["scorecards"], fact_store.every("K1")) == before
    report = invoke("report_scores/segments")["json"]
    assert (report["rescoring_id"], report["changed"], report["moves"]) == ("run-2", 0, [])


def test_a_customer_who_moves_has_the_fact_once_and_the_report_the_move(
    invoke: Invoke, rescore: Rescore, shop: None
) -> None:
    rescore(segments=2)
    was = {item["customer_id"]: item["score"].segment for item in stored()}
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
    rescore("run-2", "2026-11-21T02:00:00Z", segments=3, times=1)
    now = {item["customer_id"]: item["score"].segment for item in stored()}
    moved = {customer: (was[customer], now[customer]) for customer in was if was[customer] != now[customer]}
    assert moved
    for customer, (before, after) in moved.items():
        changes = [fact for fact in fact_store.every(customer) if fact.type == "SegmentChanged" and fact.id == "run-2"]
        assert [(fact.data["from"], fact.data["to"]) for fact in changes] == [(before, after)]
    report = invoke("report_scores/segments")["json"]
    assert {(m["from"], m["to"]): m["customers"] for m in report["moves"]} == Counter(moved.values())


def test_reports_and_facts_stand_in_the_order_of_the_runs(
    invoke: Invoke, rescore: Rescore, shop: None, clock: FrozenClock
) -> None:
    rescore("later", "2026-11-21T02:00:00Z", segments=1, times=1)
    buy = {"customer": {"customer_id": "K1"}, "ordered_at": "2026-11-21", "total": 90_000, "tax": 0, "shipping": 0}
    invoke("record_purchase/by_customer_number", order_id="new", **buy)
    clock.advance(minutes=10)
    rescore("earlier", "2026-11-21T01:00:00Z", segments=1, times=1)
    assert invoke("report_scores/segments")["json"]["rescoring_id"] == "earlier"
    assert [fact.id for fact in facts_of("K1", "SegmentChanged")] == ["later", "earlier"]


def test_a_rescoring_keeps_the_counters_of_a_purchase_that_comes_meanwhile(invoke: Invoke, shop: None) -> None:
    given = plan_rescoring(invoke, segments=1)
    for step, event in rescoring_steps(given):
        if step == "write_scores":
            before = cards.get("K1")
            invoke("record_purchase/by_customer_number", order_id="meanwhile", customer={"customer_id": "K1"})
        invoke(step, event)
    after = cards.get("K1")
    assert before is not None
    assert after is not None
    assert (after.orders, after.version) == (before.orders + 1, before.version + 1)
    assert after.score is not None


def test_a_customer_who_is_erased_meanwhile_is_not_brought_back(invoke: Invoke, shop: None) -> None:
    for step, event in rescoring_steps(plan_rescoring(invoke, segments=1)):
        if step == "write_scores":
            client("dynamodb").delete_item(TableName="scorecards", Key={"customer_id": {"S": "K1"}})
        invoke(step, event)
    assert "K1" not in {item["customer_id"] for item in stored()}
    assert fact_store.every("K1") == []
    run = invoke("view_rescoring/get")["json"]
    assert (run["changed"], run["given_way"]) == (30, 1)


def test_in_however_many_segments_scores_and_reports_are_the_same_and_add_up(
    invoke: Invoke, rescore: Rescore, large_shop: None
) -> None:
    ready, results = aws.stored(), []
    for segments in (1, 5):
        aws.put_back(ready)
        rescore(segments=segments, times=1)
        reports = {name: answer["json"] for name, answer in all_reports(invoke).items()}
        for moment in ("started_at", "finished_at"):
            assert len({report.pop(moment) for report in reports.values()}) == 1
        results.append((sorted(stored(), key=lambda item: str(item["customer_id"])), reports))
    (scored, reports), other = results
    assert (scored, reports) == other
    assert all(card["score"].churn_band for card in scored if card["customer_id"] != "prospect")

    segments_report, forecast = reports["segments"], reports["forecast"]
    assert (segments_report["customers"], segments_report["buyers"]) == (71, 70)
    assert segments_report["caveats"] == []
    assert set(segments_report["segments"][0]["average"]) == {"recency_days", "frequency", "monetary", "r", "f", "m"}
    assert sum(row["customers"] for row in reports["lifecycle"]["stages"]) == reports["lifecycle"]["customers"] == 71
    assert reports["lifecycle"]["stages"][0] == {
        "stage": "PROSPECT", "customers": 1, "share": 0.0141, "revenue": 0, "revenue_share": 0.0
    }  # fmt: skip
    for member in ("churn_bands", "value_bands"):
        assert sum(row["customers"] for row in forecast[member]) == 70
        assert sum(row["revenue"] for row in forecast[member]) == pytest.approx(forecast["existing"]["revenue"], abs=4)
    by_band = Counter(card["score"].churn_band for card in scored)
    assert {row["band"]: row["customers"] for row in forecast["churn_bands"] if row["customers"]} == {
        band: customers for band, customers in by_band.items() if band
    }
    assert forecast["total"]["revenue"] == pytest.approx(
        forecast["existing"]["revenue"] + forecast["newcomers"]["revenue"], abs=1
    )
    cohorts = reports["cohorts"]["cohorts"]
    assert sum(row["customers"] for row in cohorts) == 70
    assert all(row["months"][0] == row["customers"] and row["share"][0] == 1.0 for row in cohorts)


def test_a_model_is_fitted_once_a_week_and_kept_meanwhile(invoke: Invoke, rescore: Rescore, shop: None) -> None:
    fitted = []
    for day in (21, 27, 28):
        date_of = f"2026-11-{day}"
        given = rescore("run-1" if day == 21 else f"run-{day}", f"{date_of}T01:00:00Z", segments=1, times=1)
        report = invoke("report_scores/forecast")["json"]
        fitted.append((given["fits"], report["as_of"], report["model"]["fitted_as_of_day"]))
    assert fitted == [
        (True, "2026-11-21", "2026-11-21"),
        (False, "2026-11-27", "2026-11-21"),
        (True, "2026-11-28", "2026-11-28"),
    ]


def test_the_snapshot_of_a_day_has_each_customers_last_score_once(rescore: Rescore, shop: None, tmp_path: Path) -> None:
    rescore(segments=4, times=1)
    assert len(snapshots(tmp_path / "first")) == 4
    assert_snapshot_is_what_is_stored(tmp_path / "first")
    apply(cards.count(with_order(Scorecard(customer_id="late"), AS_OF, 90_000)))
    rescore("run-2", "2026-11-21T02:00:00Z", segments=2)
    assert len(snapshots(tmp_path / "second")) == 2
    assert_snapshot_is_what_is_stored(tmp_path / "second")
    rescore("run-3", "2026-11-22T02:00:00Z", segments=1, times=1)
    assert len(snapshots(tmp_path / "third")) == 3


def test_a_rescoring_is_started_for_the_day_that_was_asked_for(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = client("stepfunctions").create_state_machine(
        name="rescoring", definition="{}", roleArn="arn:aws:iam::123456789012:role/rescoring"
    )["stateMachineArn"]
    monkeypatch.setenv("RESCORING_STATE_MACHINE_ARN", machine)
    apply(cards.count(with_order(Scorecard(customer_id="early"), date(1998, 7, 1), 2_000)))
    answer = invoke("start_rescoring/as_of")
    assert (answer["statusCode"], answer["json"]["status"]) == (202, "QUEUED")
    (execution,) = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert execution["name"] == answer["json"]["rescoring_id"]
    details = client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert json.loads(details["input"]) == {"as_of": "1998-07-01"}


def test_a_score_for_a_day_before_the_first_order_is_refused(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, shop: None
) -> None:
    monkeypatch.setenv("RESCORING_STATE_MACHINE_ARN", ARN)
    answer = invoke("start_rescoring/as_of", as_of="1998-07-01")
    assert (answer["statusCode"], answer["json"]["detail"]) == (
        422,
        "as_of: nobody had ordered by 1998-07-01; all would lose their scores",
    )


@pytest.mark.parametrize("as_of", [0, 896572800, "0", "1998-07-01T00:00:00Z", "1998-7-1", True])
def test_a_day_is_text_in_the_form_of_a_calendar(invoke: Invoke, as_of: object) -> None:
    answer = invoke("start_rescoring/as_of", as_of=as_of)
    assert answer["statusCode"] == 422
    assert "want a day such as 2026-11-21" in answer["json"]["detail"]


def test_a_model_that_saw_nobody_is_fitted_again_the_next_night(invoke: Invoke, rescore: Rescore) -> None:
    assert rescore("run-1", "2026-11-20T01:00:00Z", segments=1, times=1)["fits"]
    cards_of_buyers(range(20))
    assert rescore("run-2", "2026-11-21T01:00:00Z", segments=1, times=1)["fits"]
    report = invoke("report_scores/forecast")["json"]
    assert report["existing"]["revenue"] > 0
    assert not rescore("run-3", "2026-11-22T01:00:00Z", segments=1, times=1)["fits"]


def test_models_are_fitted_again_where_buyers_have_doubled(rescore: Rescore) -> None:
    transact(*(cards.ensure(f"K{number}") for number in range(40)))
    cards_of_buyers(range(10))
    assert rescore("run-1", "2026-11-20T01:00:00Z", segments=1, times=1)["fits"]
    cards_of_buyers(range(10, 20))
    # The plan knows the buyers of the rescoring before.
    assert not rescore("run-2", "2026-11-21T01:00:00Z", segments=1, times=1)["fits"]
    assert rescore("run-3", "2026-11-22T01:00:00Z", segments=1, times=1)["fits"]


def cards_of_buyers(numbers: range) -> None:
    for number in numbers:
        card = with_order(Scorecard(customer_id=f"K{number}"), date(2026, 10, 1 + number), 2_000)
        apply(cards.count(replace(card, version=1)))


def test_a_score_for_a_day_to_come_is_refused(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESCORING_STATE_MACHINE_ARN", "arn:aws:states:eu-central-1:123456789012:stateMachine:rescoring")
    answer = invoke("start_rescoring/as_of", as_of=shop_day(1).isoformat())
    assert answer["statusCode"] == 422
    assert "a day until today" in answer["json"]["detail"]


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """`imported(10)`: 60 customers in a table of which DynamoDB, which counts seldom, says that it holds ten."""
    counts: list[int] = []

    def answer(event_name: str, request: Any) -> Any:
        if not event_name.endswith("DescribeTable"):
            return None
        return moto_patches.json_answer(
            request.url, 200, {"Table": {"TableName": "scorecards", "ItemCount": counts[0]}}
        )

    def put(counted: int) -> None:
        scorecard_items.put(pack({"customer_id": f"K{number}"}) for number in range(60))
        counts.append(counted)

    # A tenth of so few is looked at, in place of a thousandth of many.
    monkeypatch.setattr(cards, "_PARTS_OF_ESTIMATE", 10)
    CALLS.interceptors.append(answer)
    yield put
    CALLS.interceptors.remove(answer)


@pytest.mark.parametrize("counted", [0, 10])
def test_the_number_of_customers_is_estimated_where_the_count_is_old(
    imported: Callable[[int], None], counted: int
) -> None:
    imported(counted)
    # By the keys that happen to lie in the first tenth, and never 0 for a full table.
    assert 20 <= cards.estimate() <= 200


def test_the_count_stands_where_a_look_at_a_part_sees_nobody() -> None:
    assert cards.estimate() == 0
    scorecard_items.put([pack({"customer_id": "K1"})])
    assert cards.estimate() in (1, 1000)


@pytest.mark.parametrize("counted", [0, 10])
@pytest.mark.parametrize("job", ["rescoring", "settlement", "invitations"])
def test_every_job_has_enough_segments_right_after_an_import(
    invoke: Invoke, imported: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, job: str, counted: int
) -> None:
    imported(counted)
    for module in (planning, scorecards_actions):
        monkeypatch.setattr(module, "CUSTOMERS_PER_SEGMENT", 4)
    event = {"run_id": "night", "execution_arn": execution_arn("night", job), "started_at": "2026-11-21T04:00:00.000Z"}
    plan = invoke(f"plan_{job}", {**event, "input": {}})
    assert 5 <= len(plan["segments"]) <= 50


def test_a_result_is_shown_after_its_parts_have_expired(invoke: Invoke, rescore: Rescore, shop: None) -> None:
    plan = rescore(segments=2, times=1)
    path = {"pathParameters": {"rescoring_id": plan["rescoring_id"]}}
    before = invoke("view_rescoring", {**load_event("view_rescoring/get"), **path})["json"]
    for item in CUSTOMERS.query(f"RESCORING#{plan['rescoring_id']}"):
        if item["sk"] != "RUN":
            apply(CUSTOMERS.delete({"pk": item["pk"], "sk": item["sk"]}))
    after = invoke("view_rescoring", {**load_event("view_rescoring/get"), **path})["json"]
    assert after == before
    assert (after["scanned"], after["changed"], after["segments_written"]) == (31, 31, 2)


def load_event(name: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((ROOT / f"events/{name}.json").read_text())
    return payload


def stored() -> list[dict[str, Any]]:
    """Every scorecard, its score read."""
    pages = client("dynamodb").get_paginator("scan").paginate(TableName="scorecards")
    items = [unpack(item) for page in pages for item in page["Items"]]
    return [item | ({"score": Score.from_text(item["score"])} if "score" in item else {}) for item in items]


def all_reports(invoke: Invoke) -> dict[str, dict[str, Any]]:
    return {
        "segments": invoke("report_scores/segments"),
        "forecast": invoke("report_scores/forecast"),
        "lifecycle": invoke("report_scores/lifecycle"),
        "cohorts": invoke("report_scores/cohorts"),
    }


def snapshots(folder: Path) -> list[Path]:
    """The snapshots of all days, as files in a folder."""
    folder.mkdir(exist_ok=True)
    for entry in client("s3").list_objects_v2(Bucket="data", Prefix="scores/")["Contents"]:
        path = folder / entry["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client("s3").get_object(Bucket="data", Key=entry["Key"])["Body"].read())
    return sorted(folder.rglob("*.csv.gz"))


def assert_snapshot_is_what_is_stored(folder: Path) -> None:
    files = str(folder / "scores/*/*.csv.gz")
    relation = duckdb.read_csv(files, hive_partitioning=True)
    names = ("customer_id", "segment", "r", "f", "m", "churn_band", "value_band", "CAST(as_of AS VARCHAR)")
    rows = relation.project(", ".join(names)).fetchall()
    expected = [
        (card["customer_id"], *(getattr(card["score"], name) for name in names[1:-1]), AS_OF.isoformat())
        for card in stored()
    ]
    assert sorted(rows, key=str) == sorted(expected, key=str)
    days = dict(relation.project("customer_id, recency_days").fetchall())
    for customer_id, seen in days.items():
        card = cards.get(customer_id)
        assert card is not None
        known = rfm(card, AS_OF)
        assert seen == (known.recency_days if known else None)
    # The query that the documentation gives.
    (query,) = re.findall(r"```sql\n(.+?)```", (ROOT / "docs/scale.md").read_text(), re.DOTALL)
    results = duckdb.execute(query.replace("s3://BUCKET", str(folder))).fetchall()
    bought = [card for card in stored() if card["score"].r]
    assert sum(row[2] for row in results) == len(expected)
    assert sum(row[3] or 0 for row in results) == pytest.approx(sum(card["spent"] for card in bought) / 100)
    assert {row[1] for row in results} == {card["score"].segment for card in stored()}
