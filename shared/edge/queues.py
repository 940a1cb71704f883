"""The queue edge: each message of an SQS batch is processed alone; a failed message is logged and received again.

A message that is too early, or needs something that is out for hours, waits on the due index and comes again from
there. A message that can never succeed goes to the dead letters at once, with its reason as a message attribute.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.core import clock, environment, fact_store
from shared.core.dynamodb import apply
from shared.core.errors import RegularsError
from shared.core.facts import Fact
from shared.edge import due
from shared.edge.outcomes import WAITS_FOR_HOURS, NotYet, Unavailable, Unprocessable

LOGGER = Logger()

# How long a message waits that needs something that is out, at its first try, its second, …: two days together.
WAITS: Final = tuple(timedelta(hours=hours) for hours in (0.25, 0.5, 1, 2, 4, 8, 8, 12, 12))
_REASON_MAX_CHARACTERS: Final = 500


def consume(work: Callable[[SQSRecord], None]) -> Callable[[dict[str, Any], LambdaContext], Mapping[str, Any]]:
    """A Lambda handler that does `work` for every message and answers with those that failed and are received again.

    `work` may raise NotYet, Unavailable and Unprocessable; such a message is taken care of and counts as processed.
    Costs 2 write units for a message that waits.
    """
    # All messages of a batch may fail: each is still received again, alone.
    processor = _Processor(EventType.SQS, raise_on_entire_batch_failure=False)

    def process(record: SQSRecord) -> None:
        try:
            work(record)
        except NotYet as early:
            _wait(record, early.until, _attempts(record))
        except Unavailable as out:
            _wait_longer(record, str(out))
        except Unprocessable as refused:
            _give_up(record, str(refused))

    def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
        return process_partial_response(event, process, processor, context)

    return handler


def fact_of(record: SQSRecord) -> Fact:
    """The fact that a message tells of. Raises Unprocessable for anything else."""
    try:
        return fact_store.from_members(json.loads(record.body)["detail"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unprocessable("the message tells of no fact") from error


class _Processor(BatchProcessor):
    """Logs each failure, which Powertools does not: the log has to say why a message ends in the dead-letter queue."""

    def failure_handler(self, record: Any, exception: Any) -> Any:
        error = exception[1] if isinstance(exception, tuple) else None
        if isinstance(error, RegularsError):
            # Refusals by our own rules and Busy say all by themselves.
            LOGGER.error("message failed", reason=f"{type(error).__name__}: {error}", message_id=record.message_id)
        else:
            LOGGER.error("message failed", exc_info=exception, message_id=record.message_id)
        return super().failure_handler(record, exception)


def _wait_longer(record: SQSRecord, reason: str) -> None:
    attempts = _attempts(record)
    if attempts >= len(WAITS):
        _give_up(record, reason)
        return
    _wait(record, clock.now() + WAITS[attempts], attempts + 1)
    LOGGER.warning(WAITS_FOR_HOURS, reason=reason, attempt=attempts + 1, message_id=record.message_id)


def _wait(record: SQSRecord, until: datetime, attempt: int) -> None:
    """Put a message on the due index; one that tells of a fact comes again with that alone."""
    queue = _queue(record)
    try:
        fact = fact_of(record)
    except Unprocessable:
        due_id = f"{queue}/{hashlib.sha256(record.body.encode()).hexdigest()[:32]}"
        writes = due.put(due_id, until, queue, record.body, attempt=attempt)
    else:
        message = json.dumps({"detail": fact_store.to_members(fact)}, ensure_ascii=False, separators=(",", ":"))
        due_id = f"{queue}/{fact.customer_id}/{fact.type}/{fact.id}"
        writes = due.put(due_id, until, queue, message, customer_id=fact.customer_id, attempt=attempt)
    for write in writes:
        apply(write)


def _give_up(record: SQSRecord, reason: str) -> None:
    """Put a message among the dead letters of its queue; its attempts begin anew when it is redriven from there."""
    reason = "".join(sign if sign.isprintable() else " " for sign in reason)[:_REASON_MAX_CHARACTERS] or "unknown"
    due.sqs().send_message(
        QueueUrl=due.queue_url(f"{_queue(record)}-failed"),
        MessageBody=record.body,
        MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
    )
    LOGGER.error("message given up", reason=reason, message_id=record.message_id)


def _attempts(record: SQSRecord) -> int:
    """How often a message has waited because something was out."""
    attributes: Mapping[str, Mapping[str, str]] = record.get("messageAttributes") or {}
    return int(attributes.get(due.ATTEMPT, {}).get("stringValue", 0))


def _queue(record: SQSRecord) -> str:
    """The name in its wiring of the queue that a message comes from."""
    return record.event_source_arn.rpartition(":")[2].removeprefix(environment.settings().resource_name("") + "-")
