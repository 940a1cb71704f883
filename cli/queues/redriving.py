"""What failed is tried again: each message by what its queue holds; what cannot be tried again says why."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from cli.queues import messages
from cli.queues.messages import Message
from cli.queues.pairs import QueuePair
from shared.core import bus, fact_log, fact_store
from shared.core.dynamodb import CUSTOMERS, Item, unpack
from shared.core.fact_log import Logged
from shared.core.facts import Fact

# An iterator of an open shard has no end; the record looked for is behind so many empty answers at most.
_MAX_EMPTY: Final = 200
_GONE: Final = frozenset({"TrimmedDataAccessException", "ResourceNotFoundException", "ValidationException"})

Redrive = Callable[[Message], None]


class Stays(Exception):
    """A message that cannot be tried again now; the text says why."""


def way(pair: QueuePair, stage: str) -> Redrive:
    """What to do with a failed message of this pair; it raises Stays where that cannot be done now."""
    if pair.has_queue:
        url = messages.url_of(pair.queue(stage))
        # By hand and not by a move task of SQS's: that refuses what a rule of the bus or a topic put here.
        return lambda message: _send(url, message)
    if pair.function:
        return _publish
    return lambda message: _start(message, stage)


def _send(url: str, message: Message) -> None:
    messages.client().send_message(QueueUrl=url, MessageBody=message.body)


def _publish(message: Message) -> None:
    content = _content(message)
    if "DDBStreamBatchInfo" in content:
        batch = content["DDBStreamBatchInfo"]
        images = _of_stream(batch)
        _put(_of_log(batch) if images is None else _facts(images))
    else:
        item = CUSTOMERS.get({"pk": content["pk"], "sk": content["sk"]})
        # Without an item the customer was erased, and nothing is left to publish.
        _put(_facts([item] if item else []))


def _put(facts: list[Fact | None]) -> None:
    """Put facts on the bus. Raises Stays where one is damaged, which is None, or stays refused; others are there."""
    outcome = bus.publish([bus.entry(fact) for fact in facts if fact is not None])
    if None in facts:
        raise Stays("a fact of it is damaged")
    if outcome.stopped_at is not None:
        raise Stays("the bus does not take it now")
    if outcome.rejected:
        raise Stays(f"the bus will never take some of it: {', '.join(sorted(set(outcome.rejected.values())))}")


def _facts(items: list[Item]) -> list[Fact | None]:
    """The facts of these items, in their order; None in the place of an item that is damaged."""
    facts: list[Fact | None] = []
    for item in items:
        try:
            facts.append(fact_store.from_members(item))
        except (KeyError, TypeError, ValueError):
            facts.append(None)
    return facts


def _of_stream(batch: Mapping[str, Any]) -> list[Item] | None:
    """The new facts of a batch by the stream itself, as items; None where it does not have them any more."""
    streams = boto3.client("dynamodbstreams")
    end = int(batch["endSequenceNumber"])
    try:
        iterator = streams.get_shard_iterator(
            StreamArn=batch["streamArn"],
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch["startSequenceNumber"],
        ).get("ShardIterator")
        items: list[Item] = []
        empty = 0
        while iterator and empty < _MAX_EMPTY:
            answer = streams.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                change = record["dynamodb"]
                if int(change["SequenceNumber"]) <= end and fact_store.is_new_fact(record):
                    items.append(unpack(change["NewImage"]))
                if int(change["SequenceNumber"]) >= end:
                    return items
            empty = 0 if answer["Records"] else empty + 1
            iterator = answer.get("NextShardIterator")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
    return None


def _of_log(batch: Mapping[str, Any]) -> list[Fact | None]:
    """The facts of a batch by the fact log, where its last attempt wrote them, or one before that."""
    start, end = int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
    first, last = (
        datetime.fromisoformat(batch[name]).date()
        for name in ("approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord")
    )
    lines: dict[int, Logged] = {}
    for days in range(-1, (last - first).days + 1):
        before = ""
        for key in fact_log.keys(first + timedelta(days=days)):
            number = fact_log.first_sequence(key)
            if number < start:
                before = key
            elif number <= end:
                lines |= {entry.sequence: entry for entry in fact_log.read(key)}
        if before:
            lines |= {entry.sequence: entry for entry in fact_log.read(before)}
    within = [lines[number] for number in sorted(lines) if start <= number <= end]
    if len(within) < batch["batchSize"]:
        raise Stays(f"the stream has forgotten it, and the fact log has {len(within)} of {batch['batchSize']} facts")
    facts, _ = fact_log.complete(within)
    return [*facts]


def _start(message: Message, stage: str) -> None:
    """Invoke the function, or start the job, that a schedule could not."""
    target = message.attributes.get("TARGET_ARN", "")
    scheduled_at = message.attributes.get("SCHEDULED_TIME")
    payload = json.dumps({**({"scheduled_at": scheduled_at} if scheduled_at else {}), **_content(message)})
    if f":function:regulars-{stage}-" in target:
        boto3.client("lambda").invoke(FunctionName=target, InvocationType="Event", Payload=payload.encode())
    elif f":stateMachine:regulars-{stage}-" in target:
        machines = boto3.client("stepfunctions")
        # Again under the same name it is the same execution.
        name = f"missed-{message.attributes.get('EXECUTION_ID') or message.id}"
        try:
            machines.start_execution(stateMachineArn=target, name=name, input=payload)
        except machines.exceptions.ExecutionAlreadyExists:
            return
    else:
        raise Stays(f"it does not name what it should have started in stage {stage}: {target or 'no TARGET_ARN'}")


def _content(message: Message) -> dict[str, Any]:
    try:
        content = json.loads(message.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Stays("its body is no JSON object")
    return content
