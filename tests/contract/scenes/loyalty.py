"""A loyalty programme over a year: what is earned, spent, taken back, expires, and which tier follows."""

import json
from typing import Any

from shared.edge.tokens import Purpose
from tests.contract.recording import Stage, accept
from tests.functional.aws import client
from tests.functional.scenes import execution_arn


def play(stage: Stage) -> None:
    """Ada, who spends; Ben, who loses a tier; Cleo, who is about to; Dora and Eve, whose refunds come too late."""
    machine = stage.machine("settlement", "SETTLEMENT_STATE_MACHINE_ARN")
    stage.clock.set("2026-01-05T10:00:00Z")
    _programme(stage)
    ada = _welcome(stage)
    _purchases(stage, ada)
    _rewards(stage)
    _spend(stage, ada)
    _refunds(stage, ada)
    _adjustments(stage, ada)
    _look(stage, ada)
    _year(stage, ada, machine)
    _change(stage)


def posted(stage: Stage, case: str, *facts: Any) -> None:
    """Facts come to what posts points."""
    assert stage.deliver("post_points", case, *facts) == {"batchItemFailures": []}


def put(content: dict[str, Any]) -> Any:
    """Have an event carry this body."""

    def change(event: Any) -> None:
        event["body"] = json.dumps(content)

    return change


def settle(stage: Stage, name: str, segments: int | None = None) -> None:
    """What the state machine does every morning."""
    run = stage.call("plan_settlement", name, plan_event(stage, name))["run"]
    run = {**run, "total_segments": segments or run["total_segments"]}
    for segment in range(run["total_segments"]):
        stage.call("settle_points", name, {"run": run, "segment": segment})
    stage.clock.advance(minutes=1)
    stage.call("close_settlement", name, {"run": run})


def plan_event(stage: Stage, name: str) -> dict[str, Any]:
    """What the state machine gives to the first step."""
    arn = execution_arn(name, "settlement")
    return {"run_id": name, "execution_arn": arn, "started_at": stage.clock.timestamp, "input": {}}


def _programme(stage: Stage) -> None:
    accept(stage.call("configure_loyalty/get_program", "before the launch"), 200)
    accept(stage.call("report_loyalty/get", "before the first settlement"), 404)
    accept(stage.call("view_points/points", "before the launch"), 404)
    accept(stage.call("configure_loyalty/put_program", "the default", changes=put({})), 200)
    accept(stage.call("configure_loyalty/put_program", "the same again", changes=put({})), 200)
    accept(stage.call("configure_loyalty/get_program", "launched"), 200)


def _welcome(stage: Stage) -> str:
    ada = stage.sign_up("ada@example.com", referral_code=None)
    posted(stage, "ConsentGranted with a whole profile", *stage.facts(ada, "ConsentGranted"))
    posted(stage, "ConsentGranted again", *stage.facts(ada, "ConsentGranted"))
    return ada


def _purchases(stage: Stage, ada: str) -> None:
    """Ada, Ben and Dora earn enough for a tier in January, Eve something; Cleo follows in February."""
    stage.clock.set("2026-01-06T10:00:00Z")
    for customer_id, order_id in ((ada, "A-1"), ("K-2", "B-1"), ("K-4", "D-1")):
        customer = {"customer": {"customer_id": customer_id}}
        stage.purchase(order_id, "2026-01-06T09:00:00Z", total=60_900, **customer)
        posted(stage, "PurchaseRecorded that lifts the tier", *stage.facts(customer_id, "PurchaseRecorded"))
    stage.purchase("E-1", "2026-01-06T09:00:00Z", customer={"customer_id": "K-5"})
    posted(stage, "PurchaseRecorded", *stage.facts("K-5", "PurchaseRecorded"))
    posted(stage, "PurchaseRecorded again", *stage.facts("K-5", "PurchaseRecorded"))
    stage.clock.set("2026-01-21T02:00:00Z")
    settle(stage, "2026-01-21")
    stage.clock.set("2026-02-03T10:00:00Z")
    stage.purchase("C-1", "2026-02-03T09:00:00Z", total=60_900, customer={"customer_id": "K-3"})
    posted(stage, "PurchaseRecorded that lifts the tier", *stage.facts("K-3", "PurchaseRecorded"))


def _rewards(stage: Stage) -> None:
    accept(stage.call("configure_loyalty/put_reward", "with a stock and a limit"), 200)
    accept(stage.call("configure_loyalty/put_reward", "the same again"), 200)
    least = {"name": "A card", "cost": 40}
    accept(stage.call("configure_loyalty/put_reward", "least", fill={"tea-tin": "card"}, changes=put(least)), 200)
    spring = {
        "name": "A spring set", "cost": 200, "starts_at": "2026-03-01", "ends_at": "2026-06-01T12:00:00Z",
        "tier": "SILVER",
    }  # fmt: skip
    accept(stage.call("configure_loyalty/put_reward", "dated", fill={"tea-tin": "spring"}, changes=put(spring)), 200)
    accept(stage.call("configure_loyalty/get_rewards", "three"), 200)
    unknown = {**least, "tier": "PLATINUM"}
    accept(stage.call("configure_loyalty/put_reward", "an unknown tier", changes=put(unknown)), 422)


def _spend(stage: Stage, ada: str) -> None:
    stage.clock.set("2026-02-10T10:00:00Z")
    mine = {"K-77": ada}
    accept(stage.call("redeem_reward/redeem", "with a stock", fill=mine), 201)
    accept(stage.call("redeem_reward/redeem", "the same again", fill=mine), 200)
    card = {"idempotency_key": "basket-100", "reward_id": "card"}
    accept(stage.call("redeem_reward/redeem", "without a stock", fill=mine, **card), 201)
    other = {"idempotency_key": "basket-101"}
    accept(stage.call("redeem_reward/redeem", "again with a stock", fill=mine, **other), 201)
    accept(stage.call("redeem_reward/redeem", "more than the limit", fill=mine, idempotency_key="basket-102"), 409)
    accept(stage.call("redeem_reward/redeem", "another reward by the same key", fill=mine, reward_id="card"), 409)
    spring = {"idempotency_key": "basket-103", "reward_id": "spring"}
    accept(stage.call("redeem_reward/redeem", "not offered yet", fill=mine, **spring), 409)
    accept(stage.call("redeem_reward/redeem", "unknown customer"), 404)
    accept(stage.call("redeem_reward/redeem", "too few points", fill={"K-77": "K-5"}, reward_id="tea-tin"), 422)
    stage.clock.advance(hours=1)
    accept(stage.call("redeem_reward/cancel", "with a stock", fill=mine), 200)
    accept(stage.call("redeem_reward/cancel", "the same again", fill=mine), 200)
    accept(stage.call("redeem_reward/cancel", "unknown", fill={**mine, "basket-99": "basket-0"}), 404)


def _refunds(stage: Stage, ada: str) -> None:
    """What Ada has spent of a refunded order is forgiven, until they cancel a voucher; Eve's points are over."""
    stage.clock.set("2026-02-12T10:00:00Z")
    for points, key in ((-300, "taken-1"), (-60, "taken-2")):
        taken = {"points": points, "idempotency_key": key}
        accept(stage.call("adjust_points/add", "points taken", fill={"K-77": ada}, **taken), 201)
    for refund_id, amount in (("rf-1", 900), ("rf-2", 60_000)):
        body = {"refund_id": refund_id, "refunded_at": "2026-02-12T09:00:00Z", "amount": amount}
        fill = {"#1001": "A-1"}
        accept(stage.call("refund_purchase/amount", "a refund", fill=fill, **body), 201)
    for fact in stage.facts(ada, "PurchaseRefunded"):
        posted(stage, "PurchaseRefunded", fact)
    posted(stage, "PurchaseRefunded again", *stage.facts(ada, "PurchaseRefunded"))
    stage.clock.advance(hours=1)
    cancelled = {"K-77": ada, "basket-99": "basket-101"}
    accept(stage.call("redeem_reward/cancel", "of points that a refund was forgiven", fill=cancelled), 200)
    lines = [{"sku": "cup", "quantity": 4, "price": 2_500}, {"sku": "tea", "quantity": 1, "price": 1_000}]
    stage.purchase(
        "D-2", "2026-02-12T09:00:00Z", customer={"customer_id": "K-4"}, products=lines, total=11_000, tax=0, shipping=0
    )
    pieces = {"refund_id": "rf-3", "refunded_at": "2026-02-12T09:30:00Z", "products": [{"sku": "cup", "quantity": 1}]}
    accept(stage.call("refund_purchase/products", "a refund", fill={"#1001": "D-2"}, **pieces), 201)
    posted(stage, "PurchaseRefunded before its order's event", *stage.facts("K-4", "PurchaseRefunded"))
    posted(stage, "PurchaseRecorded after its refund's event", stage.facts("K-4", "PurchaseRecorded")[-1])


def _adjustments(stage: Stage, ada: str) -> None:
    mine = {"K-77": ada}
    accept(stage.call("adjust_points/add", "points given", fill=mine), 201)
    accept(stage.call("adjust_points/add", "the same again", fill=mine), 200)
    accept(stage.call("adjust_points/add", "other content", fill=mine, points=251), 409)
    much = {"points": -10_000, "idempotency_key": "much"}
    accept(stage.call("adjust_points/add", "more than there is", fill=mine, **much), 422)
    accept(stage.call("adjust_points/add", "nothing", fill=mine, points=0), 422)
    accept(stage.call("adjust_points/add", "unknown customer"), 404)


def _look(stage: Stage, ada: str) -> None:
    mine = {"K-77": ada}

    def only_reads(event: Any) -> None:
        event["requestContext"]["authorizer"]["lambda"]["scopes"] = "customers:read"

    accept(stage.call("view_points/points", "the first time", fill=mine), 200)
    accept(stage.call("view_points/points", "again, by a key that only reads", fill=mine, changes=only_reads), 200)
    accept(stage.call("view_points/redemptions", "three", fill=mine), 200)
    accept(stage.call("view_points/redemptions", "by a key that only reads", fill=mine, changes=only_reads), 200)
    accept(stage.call("view_customer/timeline", "by a key that only reads", fill=mine), 200)
    page = {"TOKEN": stage.link(Purpose.POINTS, customer=ada)}
    accept(stage.call("show_points_page/get", "the page", fill=page), 200)
    accept(stage.call("show_points_page/redeem", "a voucher", fill=page), 200)
    accept(stage.call("show_points_page/redeem", "the same again", fill=page), 200)
    spring = {**page, "reward_id=tea-tin": "reward_id=spring"}
    accept(stage.call("show_points_page/redeem", "not offered yet", fill=spring), 422)
    accept(stage.call("show_points_page/redeem", "a form that was changed", fill={**page, "tea-tin": ""}), 422)
    accept(stage.call("view_customer/by_id", "with points", fill=mine), 200)


def _year(stage: Stage, ada: str, machine: str) -> None:
    """A birthday, a warning, a tier's grace, one that is kept, one that is lost, and points that are over."""
    stage.clock.set("2026-12-11T02:00:00Z")
    settle(stage, "2026-12-11", segments=1)
    for day in ("2027-01-02", "2027-01-03"):
        stage.clock.set(f"{day}T02:00:00Z")
        settle(stage, day, segments=1)
    stage.deliver("send_points_reminder", "PointsExpiring without an address", *stage.facts("K-2", "PointsExpiring"))
    stage.deliver("send_points_reminder", "TierEnding", *stage.facts(ada, "TierEnding"))
    stage.clock.set("2027-01-05T10:00:00Z")
    for customer_id, order_id in ((ada, "A-2"), ("K-4", "D-3")):
        stage.purchase(order_id, "2027-01-05T09:00:00Z", total=60_900, customer={"customer_id": customer_id})
        posted(stage, "PurchaseRecorded in a year's grace", stage.facts(customer_id, "PurchaseRecorded")[-1])
    stage.clock.set("2027-01-06T02:00:00Z")
    settle(stage, "2027-01-06", segments=1)
    stage.clock.set("2027-02-05T02:00:00Z")
    settle(stage, "2027-02-05", segments=1)
    stage.deliver("send_points_reminder", "PointsExpiring", *stage.facts(ada, "PointsExpiring"))
    body = {"refund_id": "rf-4", "refunded_at": "2027-02-05T09:00:00Z", "amount": 900}
    stage.clock.set("2027-02-05T10:00:00Z")
    accept(stage.call("refund_purchase/amount", "long after", fill={"#1001": "E-1"}, **body), 201)
    posted(stage, "PurchaseRefunded when its points are over", *stage.facts("K-5", "PurchaseRefunded"))
    stage.clock.set("2027-03-02T02:00:00Z")
    settle(stage, "2027-03-02", segments=1)
    accept(stage.call("report_loyalty/get", "the last settlement"), 200)
    accept(stage.call("start_settlement/start", "by hand"), 202)
    client("stepfunctions").start_execution(stateMachineArn=machine, name="day")
    stage.call("plan_settlement", "that is still at work", plan_event(stage, "day"))
    assert stage.call("plan_settlement", "while another is", plan_event(stage, "waiting")) == {"wait": True}


def _change(stage: Stage) -> None:
    """Versions with everything set, and of points that never expire and may be owed."""
    stage.clock.set("2027-03-02T10:00:00Z")
    accept(stage.call("configure_loyalty/put_program", "everything set", version=1), 200)
    stage.clock.advance(minutes=1)
    everlasting: dict[str, Any] = {
        "version": 2, "expiry_months": None, "expiry_warning_days": 0, "downgrade": "NEVER", "rounding": "UP",
        "bonuses": {}, "tiers": [{"name": "ALL", "threshold": 0}],
    }  # fmt: skip
    accept(stage.call("configure_loyalty/put_program", "without an end", **everlasting), 200)
    accept(stage.call("configure_loyalty/put_program", "changed from an old one", version=1), 409)
    accept(stage.call("configure_loyalty/put_program", "from the future", version=3, starts_at="2027-04-01"), 422)
    stage.clock.advance(hours=1)
    taken = {"points": -1_000, "idempotency_key": "taken-3"}
    accept(stage.call("adjust_points/add", "more than there is, to be owed", fill={"K-77": "K-3"}, **taken), 201)
    stage.purchase("C-2", "2027-03-02T10:30:00Z", customer={"customer_id": "K-3"}, total=20_900)
    posted(stage, "PurchaseRecorded that pays a debt", stage.facts("K-3", "PurchaseRecorded")[-1])
    posted(stage, "PurchaseRecorded of no end", stage.facts("K-3", "PurchaseRecorded")[-1])
    stage.purchase("F-1", "2027-03-02T10:30:00Z", customer={"customer_id": "K-6"})
    posted(stage, "PurchaseRecorded of no end", *stage.facts("K-6", "PurchaseRecorded"))
    accept(stage.call("view_points/points", "of a debt", fill={"K-77": "K-3"}), 200)
