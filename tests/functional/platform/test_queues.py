"""`regulars queues`: what failed is listed, looked at, tried again and given up."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from cli.queues import messages
from cli.queues.pairs import consumers, pairs
from infra import wirings
from shared.core import clock, fact_store
from shared.edge.wiring import Hears
from tests.functional import second_engine
from tests.functional.aws import client
from tests.functional.moto_patches import json_answer
from tests.functional.platform.conftest import Command, Intercept, received, send, waiting
from tests.functional.scenes import Invoke, Load, happened

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:regulars-prod-rescoring"
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:regulars-prod-ask_recovery"


def batch(stream: str = "arn:aws:dynamodb:eu-central-1:123456789012:table/none/stream/1", **members: object) -> Any:
    """What Lambda leaves of a batch of the stream that it gave up."""
    info = {
        "shardId": "shardId-00000001763755440000-1a2b3c4d",
        "startSequenceNumber": f"{111:021}",
        "endSequenceNumber": f"{114:021}",
        "approximateArrivalOfFirstRecord": "2026-11-21T20:14:00Z",
        "approximateArrivalOfLastRecord": "2026-11-21T20:14:00Z",
        "batchSize": 2,
        "streamArn": stream,
    }
    return {"requestContext": {"condition": "MaxRecordAgeExceeded"}, "DDBStreamBatchInfo": {**info, **members}}


def test_every_consumer_of_facts_is_known_by_a_queue_of_all_that_it_hears() -> None:
    heard: dict[str, set[str]] = {}
    for function in wirings.functions().values():
        for trigger in function.triggers:
            if isinstance(trigger, Hears):
                heard.setdefault(function.name.replace("_", "-"), set()).update(trigger.facts)
    assert {name: set(pair.facts) for name, pair in consumers().items()} == heard
    # Not the queue of imported purchases.
    assert consumers()["post-points"].name == "points"


def test_every_queue_of_the_wirings_is_known_and_two_have_none_before_them() -> None:
    without = {name for name, pair in pairs().items() if not pair.has_queue}
    assert without == {"publish-changes", "schedules"}
    assert {"purchases", "points", "feedback", "confirmations", "cases"} < pairs().keys()


def test_the_list_shows_what_waits_what_failed_and_how_old_it_is(command: Command) -> None:
    send("points", {})
    for _ in range(3):
        send("points-failed", {})
    client("cloudwatch").put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": "regulars-prod-points-failed"}],
                "Value": 7300,
                "Timestamp": clock.now() - timedelta(minutes=6),
            }
        ],
    )
    shown = {line.split()[0]: line.split()[1:] for line in command("queues", "list").stdout.splitlines()}
    assert shown["points"] == ["1", "0", "3", "2", "h"]
    assert shown["schedules"] == ["0"]
    assert shown["cases"] == ["0", "0", "0"]


def test_looking_at_what_failed_leaves_it_there(command: Command) -> None:
    send("points-failed", {"order": "Ü-1"}, ERROR_CODE="THROTTLED")
    for _ in range(2):
        answer = command("queues", "peek", "points-failed")
        assert answer.exit_code == 0
        assert '{"order": "Ü-1"}' in answer.stdout
        assert "ERROR_CODE: THROTTLED" in answer.stdout
    assert waiting("points-failed") == [{"order": "Ü-1"}]


def test_what_failed_goes_back_to_its_queue_however_many_there_are(command: Command) -> None:
    for number in range(23):
        send("points-failed", {"number": number})
    answer = command("queues", "redrive", "points")
    assert (answer.exit_code, answer.stdout) == (0, "23 tried again, 0 stay.\n")
    assert sorted(body["number"] for body in waiting("points")) == list(range(23))
    assert waiting("points-failed") == []


def test_no_more_goes_back_than_was_asked_for(command: Command) -> None:
    for number in range(15):
        send("points-failed", {"number": number})
    assert command("queues", "redrive", "points", "--limit", "12").stdout == "12 tried again, 0 stay.\n"
    assert len(waiting("points-failed")) == 3


def test_an_unknown_queue_is_one_sentence_and_exit_2(command: Command) -> None:
    answer = command("queues", "peek", "pints")
    assert answer.exit_code == 2
    assert answer.stderr.startswith("regulars: There is no queue pints; there are cases, ")


def test_giving_up_asks_first_and_then_deletes(command: Command) -> None:
    send("points-failed", {})
    refused = command("queues", "drop", "points")
    assert refused.exit_code == 2
    assert "This would delete 1 messages of regulars-prod-points-failed for good; --yes does it." in refused.stderr
    assert command("queues", "drop", "points", "--yes").exit_code == 0
    assert waiting("points-failed") == []


def test_a_fact_that_was_put_aside_is_published_from_the_table(command: Command, listener: str) -> None:
    fact = happened("post_points/purchase_recorded")
    key = {name: fact_store.to_item(fact)[name] for name in ("pk", "sk")}
    send("publish-changes-failed", {**key, "sequence": "1", "reason": "InvalidArgument"})
    send("publish-changes-failed", {**key, "pk": "CUST#erased", "sequence": "2", "reason": "InvalidArgument"})
    assert command("queues", "redrive", "publish-changes").stdout == "2 tried again, 0 stay.\n"
    assert [body["detail"] for body in received(listener)] == [fact_store.to_members(fact)]


def test_a_fact_that_is_still_damaged_stays_with_the_reason(command: Command, listener: str) -> None:
    fact = happened("post_points/purchase_recorded")
    item = fact_store.to_item(fact)
    key = {name: {"S": item[name]} for name in ("pk", "sk")}
    client("dynamodb").update_item(TableName="customers", Key=key, UpdateExpression="REMOVE recorded_at")
    send("publish-changes-failed", {"pk": item["pk"], "sk": item["sk"], "sequence": "1", "reason": "KeyError"})
    answer = command("queues", "redrive", "publish-changes")
    assert (answer.exit_code, answer.stdout) == (1, "0 tried again, 1 stay.\n")
    assert "stays: a fact of it is damaged." in answer.stderr
    assert received(listener) == []
    assert len(waiting("publish-changes-failed")) == 1
    client("dynamodb").delete_item(TableName="customers", Key=key)


@pytest.mark.skipif(bool(second_engine.URL), reason="moto has no streams of another engine's tables")
def test_a_batch_is_published_from_the_stream_while_that_has_it(command: Command, listener: str) -> None:
    client("dynamodb").update_table(
        TableName="customers", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    )
    for order in ("o-1", "o-2", "o-3"):
        happened("post_points/purchase_recorded", id=order, order_id=order)
    streams = client("dynamodbstreams")
    arn = streams.list_streams(TableName="customers")["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    first, second, _ = (record["dynamodb"]["SequenceNumber"] for record in records)
    send(
        "publish-changes-failed",
        batch(arn, shardId=shard, startSequenceNumber=first, endSequenceNumber=second),
    )
    assert command("queues", "redrive", "publish-changes").stdout == "1 tried again, 0 stay.\n"
    assert [body["detail"]["order_id"] for body in received(listener)] == ["o-1", "o-2"]


def test_a_batch_that_left_the_stream_is_published_from_the_log(
    invoke: Invoke, command: Command, listener: str
) -> None:
    assert invoke("publish_changes/stream") == {"batchItemFailures": []}
    received(listener)
    send("publish-changes-failed", batch())
    # Its later half alone, which was tried in a batch that began before it.
    send("publish-changes-failed", batch(startSequenceNumber=f"{112:021}", batchSize=1))
    assert command("queues", "redrive", "publish-changes").stdout == "2 tried again, 0 stay.\n"
    assert sorted(body["detail"]["order_id"] for body in received(listener)) == ["#1001", "#1002", "#1002"]


def test_a_batch_that_is_nowhere_any_more_stays(command: Command) -> None:
    send("publish-changes-failed", batch())
    answer = command("queues", "redrive", "publish-changes")
    assert answer.exit_code == 1
    assert "stays: the stream has forgotten it, and the fact log has 0 of 2 facts." in answer.stderr
    assert len(waiting("publish-changes-failed")) == 1


def test_a_missed_job_is_started_once_with_the_time_it_should_have_started(command: Command) -> None:
    role = client("iam").create_role(RoleName="states", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client("stepfunctions").create_state_machine(name="regulars-prod-rescoring", definition="{}", roleArn=role)
    for _ in range(2):
        send(
            "schedules-failed",
            {"as_of": "2026-11-20"},
            TARGET_ARN=MACHINE,
            SCHEDULED_TIME="2026-11-20T03:00:00Z",
            EXECUTION_ID="d32c5kddcf5bb8c3",
        )
    assert command("queues", "redrive", "schedules").stdout == "2 tried again, 0 stay.\n"
    (execution,) = client("stepfunctions").list_executions(stateMachineArn=MACHINE)["executions"]
    started = client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert started["name"] == "missed-d32c5kddcf5bb8c3"
    assert json.loads(started["input"]) == {"as_of": "2026-11-20", "scheduled_at": "2026-11-20T03:00:00Z"}


def test_a_missed_function_is_invoked_with_the_time_it_should_have_started(
    command: Command, intercept: Intercept
) -> None:
    invoked: list[Any] = []

    def answer(event_name: str, request: Any) -> AWSResponse | None:
        if not event_name.endswith("lambda.Invoke"):
            return None
        invoked.append((request.headers["X-Amz-Invocation-Type"], json.loads(request.body)))
        return json_answer(request.url, 202, {})

    intercept(answer)
    send("schedules-failed", {}, TARGET_ARN=FUNCTION, SCHEDULED_TIME="2026-11-20T03:00:00Z")
    assert command("queues", "redrive", "schedules").stdout == "1 tried again, 0 stay.\n"
    assert invoked == [(b"Event", {"scheduled_at": "2026-11-20T03:00:00Z"})]


def test_a_start_of_another_stage_or_of_nothing_stays(command: Command) -> None:
    send("schedules-failed", {}, TARGET_ARN=MACHINE.replace("prod", "dev"))
    send("schedules-failed", {})
    send("schedules-failed", "no JSON", TARGET_ARN=FUNCTION)
    answer = command("queues", "redrive", "schedules")
    assert (answer.exit_code, answer.stdout) == (1, "0 tried again, 3 stay.\n")
    assert answer.stderr.count(" stays: ") == 3
    assert (
        len(
            messages.client().receive_message(
                QueueUrl=messages.url_of("regulars-prod-schedules-failed"), MaxNumberOfMessages=10
            )["Messages"]
        )
        == 3
    )


@pytest.mark.parametrize("name", ["publish-changes", "points"])
def test_an_empty_queue_has_nothing_to_try_again(command: Command, name: str, load: Load) -> None:
    assert command("queues", "redrive", name).stdout == "0 tried again, 0 stay.\n"
