"""New facts on their way from the stream into the fact log and onto the bus."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from shared.core import fact_log
from tests.functional.aws import ENVIRONMENT, client
from tests.functional.calls import Interceptor, is_killed
from tests.functional.moto_patches import json_answer
from tests.functional.platform.conftest import Intercept, received
from tests.functional.scenes import Invoke, Load

LOGGED = f"facts/2026-11-21/{'111':0>40}.jsonl"


def failing(code: str, orders: Sequence[str]) -> Interceptor:
    """The bus refuses the facts of these orders by this code, and takes the others."""

    def answer(event_name: str, request: Any) -> AWSResponse | None:
        if not event_name.endswith("PutEvents"):
            return None
        entries = json.loads(request.body)["Entries"]
        refused = [json.loads(entry["Detail"]).get("order_id") in orders for entry in entries]
        results = [{"ErrorCode": code} if no else {"EventId": "1"} for no in refused]
        return json_answer(request.url, 200, {"FailedEntryCount": sum(refused), "Entries": results})

    return answer


def logged(key: str = LOGGED) -> list[dict[str, Any]]:
    """The lines of an object of the fact log."""
    body = client("s3").get_object(Bucket="data", Key=key)["Body"].read().decode()
    return [json.loads(line) for line in body.splitlines()]


def of_fact(record: dict[str, Any], **members: Mapping[str, str]) -> dict[str, Any]:
    """The record of a fact with further members."""
    record["dynamodb"]["NewImage"] |= members
    return record


def test_new_facts_reach_the_bus_unchanged_and_nothing_else_does(invoke: Invoke, listener: str) -> None:
    assert invoke("publish_changes/stream") == {"batchItemFailures": []}
    events = received(listener)
    assert [event["detail"]["order_id"] for event in events] == ["#1001", "#1002"]
    assert {(event["source"], event["detail-type"]) for event in events} == {("regulars", "PurchaseRecorded")}
    assert events[0]["detail"]["products"] == [{"sku": "cup", "quantity": 2, "price": 1000}]
    assert "pk" not in events[0]["detail"]


def test_many_facts_are_published_in_chunks(invoke: Invoke, load: Load, listener: str) -> None:
    event = load("publish_changes/stream")
    first = event["Records"][0]
    event["Records"] = []
    for number in range(37):
        record = json.loads(json.dumps(first).replace("#1001", f"o{number}"))
        record["dynamodb"]["SequenceNumber"] = str(1000 + number)
        event["Records"].append(record)
    assert invoke("publish_changes", event) == {"batchItemFailures": []}
    assert {body["detail"]["order_id"] for body in received(listener)} == {f"o{number}" for number in range(37)}


def test_a_batch_is_logged_under_its_first_number_and_a_repeat_replaces_it(invoke: Invoke) -> None:
    for _ in range(2):
        assert invoke("publish_changes/stream") == {"batchItemFailures": []}
    assert list(fact_log.keys(date(2026, 11, 21))) == [LOGGED]
    assert [(line["id"], line["sequence"]) for line in logged()] == [("#1001", "111"), ("#1002", "114")]
    (entry, _) = fact_log.read(LOGGED)
    assert (entry.fact.data["total"], entry.is_partial) == (2900, False)


def test_the_log_holds_no_personal_member_and_none_of_an_unknown_type(invoke: Invoke, load: Load) -> None:
    event = load("publish_changes/stream")
    first, last = event["Records"][0], event["Records"][3]
    of_fact(first, type={"S": "PointsAdjusted"}, points={"N": "5"}, reason={"S": "Ada was cross"})
    of_fact(last, type={"S": "SomethingNew"}, note={"S": "Ada was cross"})
    assert invoke("publish_changes", event) == {"batchItemFailures": []}
    adjusted, unknown = logged()
    assert (adjusted["points"], adjusted["partial"], "reason" in adjusted) == (5, True, False)
    envelope = {"type", "id", "customer_id", "occurred_at", "recorded_at"}
    assert unknown.keys() == envelope | fact_log.OWN_MEMBERS


def test_without_the_log_nothing_is_published(invoke: Invoke, intercept: Intercept, listener: str) -> None:
    def refuse(event_name: str, request: Any) -> AWSResponse | None:
        return json_answer(request.url, 403, {"Code": "AccessDenied"}) if event_name.endswith("PutObject") else None

    intercept(refuse)
    with pytest.raises(ClientError):
        invoke("publish_changes/stream")
    assert received(listener) == []


def test_what_the_bus_refuses_for_now_comes_again_and_is_in_the_log(invoke: Invoke, intercept: Intercept) -> None:
    intercept(failing("InternalFailure", ["#1002"]))
    assert invoke("publish_changes/stream") == {"batchItemFailures": [{"itemIdentifier": "114"}]}
    assert [line["id"] for line in logged()] == ["#1001", "#1002"]
    assert received(ENVIRONMENT["FAILED_QUEUE_URL"]) == []


def test_what_the_bus_will_never_take_is_put_aside_and_holds_up_nothing(invoke: Invoke, intercept: Intercept) -> None:
    intercept(failing("MalformedDetail", ["#1001"]))
    assert invoke("publish_changes/stream") == {"batchItemFailures": []}
    (waiting,) = received(ENVIRONMENT["FAILED_QUEUE_URL"])
    sort_key = "FACT#2026-11-20T09:00:00.000Z#PurchaseRecorded##1001"
    assert waiting == {"pk": "CUST#K-77", "sk": sort_key, "sequence": "111", "reason": "MalformedDetail"}


def test_a_damaged_record_is_put_aside_and_those_behind_it_are_published(
    invoke: Invoke, load: Load, listener: str
) -> None:
    event = load("publish_changes/stream")
    del event["Records"][0]["dynamodb"]["NewImage"]["recorded_at"]
    assert invoke("publish_changes", event) == {"batchItemFailures": []}
    assert [body["detail"]["order_id"] for body in received(listener)] == ["#1002"]
    assert [line["id"] for line in logged()] == ["#1002"]
    (waiting,) = received(ENVIRONMENT["FAILED_QUEUE_URL"])
    assert (waiting["sequence"], waiting["reason"]) == ("111", "KeyError")


def test_a_damaged_record_behind_one_that_comes_again_waits_for_its_turn(
    invoke: Invoke, load: Load, intercept: Intercept
) -> None:
    event = load("publish_changes/stream")
    del event["Records"][3]["dynamodb"]["NewImage"]["recorded_at"]
    intercept(failing("ThrottlingException", ["#1001"]))
    assert invoke("publish_changes", event) == {"batchItemFailures": [{"itemIdentifier": "111"}]}
    assert received(ENVIRONMENT["FAILED_QUEUE_URL"]) == []


def test_ended_after_any_call_and_run_again_nothing_is_missing_on_the_bus(
    invoke: Invoke, load: Load, listener: str
) -> None:
    event = load("publish_changes/stream")
    del event["Records"][0]["dynamodb"]["NewImage"]["recorded_at"]
    changes = 1
    while is_killed(lambda: invoke("publish_changes", event), changes):
        # What the bus has is in the log, whenever it ended.
        heard = {body["detail"]["id"] for body in received(listener)}
        assert heard <= {line["id"] for line in logged()}
        assert invoke("publish_changes", event) == {"batchItemFailures": []}
        assert {body["detail"]["id"] for body in received(listener)} == {"#1002"}
        assert {waiting["sequence"] for waiting in received(ENVIRONMENT["FAILED_QUEUE_URL"])} == {"111"}
        assert [line["id"] for line in logged()] == ["#1002"]
        changes += 1
    # The log, the bus, the queue of what failed.
    assert changes == 4


def test_a_fact_larger_than_a_call_may_be_is_put_aside_alone(
    invoke: Invoke, load: Load, intercept: Intercept, listener: str
) -> None:
    def refuse(event_name: str, request: Any) -> AWSResponse | None:
        if not event_name.endswith("PutEvents") or len(request.body) < 256 * 1024:
            return None
        return json_answer(request.url, 400, {"__type": "ValidationException", "message": "Total size of the entries"})

    event = load("publish_changes/stream")
    of_fact(event["Records"][0], note={"S": "x" * 300_000})
    intercept(refuse)
    assert invoke("publish_changes", event) == {"batchItemFailures": []}
    assert [body["detail"]["order_id"] for body in received(listener)] == ["#1002"]
    assert [waiting["sequence"] for waiting in received(ENVIRONMENT["FAILED_QUEUE_URL"])] == ["111"]
