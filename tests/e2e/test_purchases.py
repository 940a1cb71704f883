"""Purchases over the deployed stack: keys, repeats, at the same instant, by queue, and on to the bus."""

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.core import fact_store
from shared.scorecards.scorecard import scorecard_from
from shared.scorecards.store import cards
from tests.e2e.conftest import Crm, eventually

BERLIN = ZoneInfo("Europe/Berlin")


def order(order_id: str, email: str, total: int = 1_500, **more: object) -> dict[str, object]:
    return {
        "order_id": order_id,
        "customer": {"email": email},
        "ordered_at": "2026-11-20T10:00:00Z",
        "currency": "EUR",
        "total": total,
        **more,
    }


def test_a_purchase_wants_a_key_with_its_scope(crm: Crm) -> None:
    body = order("no-key", "nobody@example.com")
    assert crm.call("POST", "/purchases", key=None, json=body).status_code == 401
    assert crm.call("POST", "/purchases", key="rk_wrong", json=body).status_code == 403
    assert crm.call("GET", "/customers", params={"email": "nobody@example.com"}).status_code == 404


def test_an_order_is_recorded_once_and_other_content_conflicts(crm: Crm) -> None:
    body = order("#1-öl", "buyer@example.com")
    first = crm.call("POST", "/purchases", json=body)
    again = crm.call("POST", "/purchases", json=body)
    other = crm.call("POST", "/purchases", json={**body, "total": 1})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert first.json() == again.json()
    assert other.headers["content-type"] == "application/problem+json"


def test_an_order_id_with_a_hash_sign_can_be_refunded(crm: Crm) -> None:
    crm.call("POST", "/purchases", json=order("#2-7", "refunded@example.com"))
    refund = {"refund_id": "r1", "refunded_at": "2026-11-21", "amount": 500}
    answer = crm.call("POST", "/purchases/%232-7/refunds", json=refund)
    assert (answer.status_code, answer.json()["status"]) == (201, "APPLIED")
    assert crm.customer("refunded@example.com")["scorecard"]["spent"] == 1_000


@pytest.mark.usefixtures("store")
def test_simultaneous_repeated_purchases_and_refunds_count_right(crm: Crm) -> None:
    email, orders = "busy@example.com", 24
    calls: list[tuple[str, dict[str, object]]] = []
    for number in range(orders):
        calls.append(("/purchases", order(f"b{number}", email, 1_000 + number)))
        if number % 3 == 0:
            back = {"refund_id": "r", "refunded_at": "2026-11-21", "amount": 1_000 + number if number % 2 else 10}
            calls.append((f"/purchases/b{number}/refunds", back))
    calls *= 2
    random.Random(3).shuffle(calls)

    def send(call: tuple[str, dict[str, object]]) -> int:
        # 503 says that others were faster, and asks to try again.
        for _ in range(20):
            status = crm.call("POST", call[0], json=call[1]).status_code
            if status != 503:
                break
        return status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, calls))
    assert set(statuses) == {200, 201}
    assert statuses.count(201) == len(calls) // 2
    whole = [number for number in range(0, orders, 3) if number % 2]
    partly = [number for number in range(0, orders, 3) if not number % 2]
    view = crm.customer(email)
    card = view["scorecard"]
    assert card["orders"] == orders - len(whole)
    assert card["spent"] == sum(1_000 + n for n in range(orders) if n not in whole) - 10 * len(partly)
    stored = cards.get(view["customer_id"])
    rebuilt = scorecard_from(view["customer_id"], fact_store.every(view["customer_id"]), BERLIN)
    assert stored is not None
    assert (stored.months, stored.orders, stored.spent) == (rebuilt.months, rebuilt.orders, rebuilt.spent)


def test_the_queue_records_what_is_right_and_keeps_what_is_wrong(crm: Crm, aws: Callable[[str], Any]) -> None:
    email = "queued@example.com"
    refund = {"order_id": "q1", "refund_id": "r", "refunded_at": "2026-11-21", "amount": 100}
    for body in (refund, order("q1", email), order("q2", email, -1), order("q3", email)):
        aws("sqs").send_message(QueueUrl=crm.stack.purchases_queue_url, MessageBody=json.dumps(body))

    def counted() -> bool:
        answer = crm.call("GET", "/customers", params={"email": email})
        return answer.status_code == 200 and answer.json()["scorecard"]["spent"] == 2_900

    eventually(counted)
    # An order that can never be recorded is put aside at once, with the reason.
    failed = f"{crm.stack.purchases_queue_url}-failed"
    given_up = {"QueueUrl": failed, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 5}
    (message,) = aws("sqs").receive_message(**given_up)["Messages"]
    assert json.loads(message["Body"])["order_id"] == "q2"
    assert "total" in message["MessageAttributes"]["reason"]["StringValue"]


def test_every_fact_that_is_written_reaches_the_bus(crm: Crm, aws: Callable[[str], Any]) -> None:
    sqs, events = aws("sqs"), aws("events")
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["regulars"], "detail-type": ["PurchaseRecorded"]})
    events.put_rule(Name="listener", EventBusName=crm.stack.bus_name, EventPattern=pattern)
    events.put_targets(Rule="listener", EventBusName=crm.stack.bus_name, Targets=[{"Id": "1", "Arn": arn}])
    sent = {f"bus-{number}" for number in range(25)}
    for order_id in sent:
        crm.call("POST", "/purchases", json=order(order_id, "bus@example.com")).raise_for_status()
    heard: set[str] = set()

    def listen() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            heard.add(detail["order_id"])
            assert "email" not in detail
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return heard >= sent

    eventually(listen)
