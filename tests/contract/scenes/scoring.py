"""Rescorings of a small shop: two that end, one that is at work, and one that has just been asked for."""

import random
from datetime import date, timedelta
from typing import Any, Final

from tests.contract.recording import Stage, accept
from tests.functional.aws import client

EPOCH: Final = date(1970, 1, 1)
AS_OF: Final = date(2026, 11, 21)


def play(stage: Stage) -> None:
    """Twelve buyers and a prospect; too few for models, so that plain rates stand in."""
    machine = stage.machine("rescoring", "RESCORING_STATE_MACHINE_ARN")
    dice = random.Random(7)
    for number in range(12):
        days = [AS_OF - timedelta(days=dice.randint(1, 700)) for _ in range(number % 5 + 1)]
        put_card(f"K-{number:02d}", [(day, dice.randint(100, 9_000)) for day in days])
    put_prospect("prospect")
    _reports(stage, 404)
    stage.clock.set("2026-11-21T01:00:00Z")
    rescore(stage, machine, "run-1", segments=2)
    _reports(stage, 200)
    _watch(stage, "run-1", "succeeded")

    stage.purchase("1", "2026-11-21T09:00:00Z", customer={"customer_id": "K-00"}, total=90_000)
    stage.purchase("2", "2026-11-21T09:00:00Z", customer={"customer_id": "newcomer"})
    stage.clock.set("2026-11-22T01:00:00Z")
    rescore(stage, machine, "run-2", segments=1, as_of="2026-11-22")
    _reports(stage, 200)
    accept(stage.call("view_customer/by_id", "scored", fill={"K-77": "newcomer"}), 200)

    stage.clock.set("2026-11-23T01:00:00Z")
    stage.purchase("3", "2026-11-22T09:00:00Z", customer={"customer_id": "newcomer"})
    accept(stage.call("start_rescoring/as_of", "as of a day", as_of="2026-11-01"), 202)
    accept(stage.call("start_rescoring/as_of", "as of a day to come", as_of="2026-12-01"), 422)
    _watch(stage, stage.played[-2].answer["json"]["rescoring_id"], "queued")
    event = plan_event(stage, machine, "run-3")
    client("stepfunctions").start_execution(stateMachineArn=machine, name="run-3")
    given = stage.call("plan_rescoring", "the third", event)
    stage.call("scan_scorecards", "the third", {"run": given["run"], "segment": 0})
    waits = stage.call("plan_rescoring", "while the third runs", plan_event(stage, machine, "run-4"))
    assert waits == {"wait": True}
    _watch(stage, "run-3", "running")
    _watch(stage, "run-0", "unknown")


def put_card(customer_id: str, orders: list[tuple[date, int]]) -> None:
    """A scorecard with these orders, as purchases would have written it."""
    months: dict[str, list[int]] = {}
    for day, spent in orders:
        months.setdefault(f"{day:%Y-%m}", []).append(spent)
    days = sorted(day for day, _ in orders)
    item: dict[str, Any] = {
        "customer_id": {"S": customer_id},
        "orders": {"N": str(len(orders))},
        "spent": {"N": str(sum(spent for _, spent in orders))},
        "first_order_on": {"S": days[0].isoformat()},
        "last_order_on": {"S": days[-1].isoformat()},
        "order_days": {"NS": [str((day - EPOCH).days) for day in sorted(set(days))]},
        "months": {"M": {month: {"S": f"{len(spent)}|{sum(spent)}"} for month, spent in months.items()}},
        "version": {"N": str(len(orders))},
    }
    client("dynamodb").put_item(TableName="scorecards", Item=item)


def put_prospect(customer_id: str) -> None:
    """The scorecard of somebody who has confirmed a signup only."""
    item = {"customer_id": {"S": customer_id}, "orders": {"N": "0"}, "version": {"N": "0"}}
    client("dynamodb").put_item(TableName="scorecards", Item=item)


def plan_event(stage: Stage, machine: str, rescoring_id: str, as_of: str | None = None) -> dict[str, Any]:
    """What the state machine gives to the first step."""
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:{rescoring_id}"
    started_at = stage.clock.timestamp
    given = {"as_of": as_of} if as_of else {}
    return {"run_id": rescoring_id, "execution_arn": execution, "started_at": started_at, "input": given}


def rescore(stage: Stage, machine: str, rescoring_id: str, segments: int, as_of: str | None = None) -> None:
    """A whole rescoring as its state machine takes it; every second step is taken twice, as after a death."""
    plan = stage.call("plan_rescoring", rescoring_id, plan_event(stage, machine, rescoring_id, as_of))
    given = {"run": {**plan["run"], "total_segments": segments}}
    parts = [{**given, "segment": segment} for segment in range(segments)]
    for part in parts:
        stage.call("scan_scorecards", rescoring_id, part)
    stage.call("rank_scorecards", rescoring_id, given)
    if given["run"]["fits"]:
        stage.call("fit_forecaster", rescoring_id, given)
    stage.clock.advance(seconds=2)
    for part in parts:
        stage.call("write_scores", rescoring_id, part)
    stage.clock.advance(seconds=3)
    stage.call("report_rescoring", rescoring_id, given)
    stage.call("report_rescoring", f"{rescoring_id} again", given)


def _reports(stage: Stage, status: int) -> None:
    for name in ("segments", "forecast", "lifecycle", "cohorts"):
        accept(stage.call(f"report_scores/{name}", "after a rescoring" if status == 200 else "before any"), status)


def _watch(stage: Stage, rescoring_id: str, case: str) -> None:
    def path(event: Any) -> None:
        event["pathParameters"] = {"rescoring_id": rescoring_id}

    accept(stage.call("view_rescoring/get", case, changes=path), 404 if case == "unknown" else 200)
