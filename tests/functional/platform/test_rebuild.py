"""`regulars rebuild`: state is what the facts add up to, and can be made again from them."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from shared.core.shop_time import ShopTime
from shared.customers import actions
from shared.customers.consent import Channel, SuppressionReason, Topic
from shared.customers.customer import Evidence
from tests.frozen_clock import FrozenClock
from tests.functional.aws import client
from tests.functional.platform.conftest import Command
from tests.functional.scenes import BERLIN, Contents, Invoke, as_records, facts_of, sign_up

EVIDENCE = Evidence(source="test")


def history(invoke: Invoke, clock: FrozenClock, seed: int) -> str:
    """Weeks of a customer whom much happens to, in some order; their id."""
    random = Random(seed)
    customer_id = sign_up(invoke, f"ada{seed}@example.com")
    orders: list[str] = []

    def buy() -> None:
        orders.append(f"o-{seed}-{len(orders)}")
        products = [{"sku": "cup", "quantity": 2, "price": 3000}]
        buyer = {"customer_id": customer_id}
        at = (clock.now() - timedelta(hours=random.randrange(400))).isoformat()
        members: dict[str, Any] = {"order_id": orders[-1], "customer": buyer, "ordered_at": at, "products": products}
        amounts = {"total": 6000, "tax": 0, "shipping": 0, "discount": 0}
        answer = invoke("record_purchase/by_customer_number", **members, **amounts)
        assert answer["statusCode"] == 201, answer

    def give_back() -> None:
        if orders:
            order_id, amount = random.choice(orders), random.choice([1000, 6000])
            members = {"refund_id": f"r-{random.random()}", "refunded_at": clock.now().isoformat(), "amount": amount}
            invoke("refund_purchase/amount", fill={"#1001": order_id, "%231001": order_id}, **members)

    def earn() -> None:
        heard = facts_of(customer_id, "PurchaseRecorded", "PurchaseRefunded", "ConsentGranted")
        random.shuffle(heard)
        for start in range(0, len(heard), 10):
            assert invoke("post_points", as_records(*heard[start : start + 10])) == {"batchItemFailures": []}

    def adjust() -> None:
        key, points = f"k-{random.random()}", random.choice([250, -20])
        invoke("adjust_points/add", fill={"K-77": customer_id}, idempotency_key=key, points=points)

    def choose() -> None:
        topics = {channel: random.sample(list(Topic), random.randrange(4)) for channel in Channel}
        pause = random.choice([None, 0, 30])
        actions.choose(customer_id, 0, topics, pause, ShopTime(clock.now(), BERLIN), lambda _: EVIDENCE)

    def leave() -> None:
        actions.leave(customer_id, 0, random.sample(list(Topic), 2), clock.now(), lambda _: EVIDENCE)

    def bounce() -> None:
        reason = random.choice(list(SuppressionReason))
        actions.suppress(customer_id, reason, f"f-{random.random()}", clock.now(), clock.now())

    def agree() -> None:
        clock.advance(days=2)
        sign_up(invoke, f"ada{seed}@example.com")

    buy()
    for _ in range(14):
        clock.advance(hours=random.randrange(1, 60))
        random.choice([buy, buy, give_back, earn, adjust, choose, leave, bounce, agree])()
    earn()
    return customer_id


def state(contents: Contents) -> Any:
    """What is stored, but for the counts of writes."""
    return contents({"version"})


def damage(customer_id: str) -> None:
    """Lose or falsify a part of each state."""
    profile = {"pk": {"S": f"CUST#{customer_id}"}, "sk": {"S": "PROFILE"}}
    client("dynamodb").update_item(
        TableName="customers",
        Key=profile,
        UpdateExpression="REMOVE consents, confirmed_signup_id SET paused_until = :day",
        ExpressionAttributeValues={":day": {"S": "2031-01-01"}},
    )
    client("dynamodb").delete_item(TableName="customers", Key={**profile, "sk": {"S": "POINTS"}})
    client("dynamodb").update_item(
        TableName="scorecards",
        Key={"customer_id": {"S": customer_id}},
        UpdateExpression="SET spent = :much, score = :score REMOVE months",
        ExpressionAttributeValues={":much": {"N": "999999"}, ":score": {"S": "kept"}},
    )


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happened_the_state_is_what_the_facts_say(
    command: Command, invoke: Invoke, launch: Any, clock: FrozenClock, contents: Contents, seed: int
) -> None:
    launch()
    customer_id = history(invoke, clock, seed)
    before = state(contents)
    same = command("rebuild", "--dry-run")
    assert (same.exit_code, same.stdout) == (0, "1 customers: 0 differ, 0 without a profile left alone.\n")

    damage(customer_id)
    damaged = state(contents)
    shown = command("rebuild", "--dry-run")
    assert shown.exit_code == 1
    assert f"{customer_id}, points account" in shown.stdout
    assert "  spent: 999999 → " in shown.stdout
    assert state(contents) == damaged

    assert command("rebuild").exit_code == 0
    client("dynamodb").update_item(
        TableName="scorecards", Key={"customer_id": {"S": customer_id}}, UpdateExpression="REMOVE score"
    )
    assert state(contents) == before


def test_a_score_and_what_no_fact_has_stay_as_they_are(command: Command, invoke: Invoke, clock: FrozenClock) -> None:
    customer_id = history(invoke, clock, 1)
    damage(customer_id)
    assert command("rebuild", "--customer", customer_id).exit_code == 0
    card = client("dynamodb").get_item(TableName="scorecards", Key={"customer_id": {"S": customer_id}})["Item"]
    profile = client("dynamodb").get_item(
        TableName="customers", Key={"pk": {"S": f"CUST#{customer_id}"}, "sk": {"S": "PROFILE"}}
    )["Item"]
    assert card["score"] == {"S": "kept"}
    assert profile["email"] == {"S": "ada1@example.com"}


def test_a_lost_scorecard_is_made_again_and_one_that_never_was_is_not(
    command: Command, invoke: Invoke, clock: FrozenClock, contents: Contents
) -> None:
    customer_id = history(invoke, clock, 2)
    assert invoke("register_customer/json", email="eve@example.com")["statusCode"] == 202
    before = state(contents)
    client("dynamodb").delete_item(TableName="scorecards", Key={"customer_id": {"S": customer_id}})
    assert command("rebuild").stdout.endswith(
        "2 customers: 1 differed and were made again, 0 without a profile left alone.\n"
    )
    assert state(contents) == before


def test_counters_of_nothing_are_empty_again(command: Command, invoke: Invoke) -> None:
    customer_id = sign_up(invoke, "ada@example.com")
    damage(customer_id)
    client("dynamodb").update_item(
        TableName="scorecards",
        Key={"customer_id": {"S": customer_id}},
        UpdateExpression="SET first_order_on = :day, last_order_on = :day",
        ExpressionAttributeValues={":day": {"S": "2026-01-01"}},
    )
    assert command("rebuild").exit_code == 0
    card = client("dynamodb").get_item(TableName="scorecards", Key={"customer_id": {"S": customer_id}})["Item"]
    assert {"first_order_on", "last_order_on"}.isdisjoint(card)
    assert card["spent"] == {"N": "0"}


def test_whoever_has_no_profile_is_left_alone(command: Command, invoke: Invoke, clock: FrozenClock) -> None:
    customer_id = history(invoke, clock, 3)
    client("dynamodb").delete_item(
        TableName="customers", Key={"pk": {"S": f"CUST#{customer_id}"}, "sk": {"S": "PROFILE"}}
    )
    client("dynamodb").delete_item(TableName="scorecards", Key={"customer_id": {"S": customer_id}})
    assert "0 differed and were made again, 1 without a profile left alone." in command("rebuild").stdout
    assert client("dynamodb").scan(TableName="scorecards")["Items"] == []
    unknown = command("rebuild", "--customer", "nobody")
    assert (unknown.exit_code, unknown.stderr) == (1, "regulars: There is no customer nobody.\n")
