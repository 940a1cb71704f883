"""The due index: messages that wait for their time, and are then sent to a queue.

pk `DUE#<shard>`, sk `<due_at>#<due_id>`; for those about a customer, pk `CUST#<customer_id>`, sk `DUE#<due_id>` says
when. A partition is in the order of time, so whatever is due is at its beginning, however late it is looked for.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Final
from zlib import crc32

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from shared.core import aws, environment
from shared.core.codec import SECONDS, As
from shared.core.dynamodb import CUSTOMERS, Cancelled, Write, apply
from shared.core.facts import to_timestamp
from shared.core.kind import Kind
from shared.core.privacy import Erase, Personal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

LOGGER = Logger()

# Each is a query in every minute: a minute in which nothing is due costs 4 read units, a month of them 0.02 USD.
SHARDS: Final = 4
# What one run sends of a shard; the next run, a minute later, goes on from there.
MAX_PER_RUN: Final = 2_000
# SQS takes ten messages in one call, and 256 KB of them together; a message that waits has at most MAX_BYTES.
_BATCH: Final = 10
MAX_BYTES: Final = 25_000
# What is left of a pointer whose message was sent by a run that died in between.
_KEEP_POINTER: Final = timedelta(days=30)
# The message attribute that counts how often a message has waited because something was out.
ATTEMPT: Final = "attempt"

_WAITING: Final = Personal("to do at its time what waits for the customer", "until it is due", Erase.DELETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A message that is sent to a queue at `due_at` or soon after it, at least once.

    `due_id` is a natural id: to put it twice for the same time is harmless. `queue` is the queue's name in its wiring,
    which has to say `waits`. `attempt` goes with the message, and counts how often it has waited.
    """

    shard: Annotated[int, As(int, int)]
    due_at: datetime
    due_id: str
    queue: str
    message: Annotated[str, _WAITING]
    customer_id: str | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """When a message about a customer is due: with its id it makes the key of the message."""

    customer_id: str
    due_id: str
    due_at: datetime
    expires_at: Annotated[datetime, SECONDS]


DUE: Final = Kind(Due, CUSTOMERS, "DUE#{shard}", "{due_at}#{due_id}", in_key=("shard",))
POINTERS: Final = Kind(Pointer, CUSTOMERS, "CUST#{customer_id}", "DUE#{due_id}", in_key=("customer_id", "due_id"))


def put(
    due_id: str, due_at: datetime, queue: str, message: str, *, customer_id: str | None = None, attempt: int = 0
) -> list[Write]:
    """The writes of a message for its time, to be done in this order (1 write unit per KB, and 1 for its customer).

    Without a customer it can be neither listed nor cancelled by its id: only whoever knows its time can cancel it.
    Raises ValueError for a message of more than MAX_BYTES.
    """
    if len(message.encode()) > MAX_BYTES:
        raise ValueError(f"a message that waits has at most {MAX_BYTES} bytes")
    due = Due(
        shard=_shard(due_id),
        due_at=due_at,
        due_id=due_id,
        queue=queue,
        message=message,
        customer_id=customer_id,
        attempt=attempt,
    )
    if customer_id is None:
        return [DUE.put(due)]
    expires_at = due_at + _KEEP_POINTER
    pointer = Pointer(customer_id=customer_id, due_id=due_id, due_at=due_at, expires_at=expires_at)
    # The pointer first: a message without one could not be erased.
    return [POINTERS.put(pointer), DUE.put(due)]


def list_of(customer_id: str) -> list[Pointer]:
    """What waits for its time about a customer (1 read unit per 4 KB)."""
    return POINTERS.query(customer_id=customer_id)


def cancel(customer_id: str, due_id: str) -> bool:
    """Take a message about a customer off the index; False where none of this id waits (1 read unit, 2 write units).

    A message that is being sent at this moment may come all the same.
    """
    pointer = POINTERS.get(customer_id=customer_id, due_id=due_id)
    if pointer is None:
        return False
    _cancel(pointer)
    return True


def erase(customer_id: str) -> int:
    """Take everything about a customer off the index; how many messages (1 read unit per 4 KB, 2 write units each)."""
    pointers = list_of(customer_id)
    for pointer in pointers:
        _cancel(pointer)
    return len(pointers)


def _cancel(pointer: Pointer) -> None:
    # The pointer last: without it the message could not be found again.
    _delete(_shard(pointer.due_id), pointer.due_at, pointer.due_id)
    _delete_pointer(pointer.customer_id, pointer.due_id, pointer.due_at)


def send_due(now: datetime) -> int:
    """Send what is due to its queues, the oldest of each shard first, and take it off the index; how many messages.

    At least once: what was sent by a run that died before it took it off is sent again, and so is what two runs find
    at the same time. At most MAX_PER_RUN of each shard. Costs 1 read unit per shard, and for each message 1 per 4 KB,
    a tenth of a request to SQS and 1 or 2 write units.
    """
    with ThreadPoolExecutor(SHARDS) as pool:
        return sum(pool.map(lambda shard: _send_shard(shard, now), range(SHARDS)))


def _send_shard(shard: int, now: datetime) -> int:
    """Send what is due of one shard. Raises RuntimeError where a queue does not take some, which stay."""
    sent, after = 0, None
    refused: list[str] = []
    while sent + len(refused) < MAX_PER_RUN:
        # "~" comes after every digit: everything of this very moment is due.
        items = CUSTOMERS.query(f"DUE#{shard}", limit=_BATCH, after=after, until=f"{to_timestamp(now)}~")
        for queue in dict.fromkeys(item["queue"] for item in items):
            batch = [DUE.entity(item) for item in items if item["queue"] == queue]
            failed = _send(queue, batch)
            for due in batch:
                if due.due_id in failed:
                    refused.append(due.due_id)
                    continue
                # The message last: a run that dies in between leaves it to the next, and no pointer to nothing.
                if due.customer_id is not None:
                    _delete_pointer(due.customer_id, due.due_id, due.due_at)
                _delete(shard, due.due_at, due.due_id)
                sent += 1
        if len(items) < _BATCH:
            break
        after = items[-1]["sk"]
    if refused:
        raise RuntimeError(f"{len(refused)} messages that are due could not be sent; they stay for the next run")
    return sent


def _send(queue: str, batch: Sequence[Due]) -> set[str]:
    """Send messages to one queue; the ids of those that it did not take."""
    entries: list[SendMessageBatchRequestEntryTypeDef] = []
    for number, due in enumerate(batch):
        entry: SendMessageBatchRequestEntryTypeDef = {"Id": str(number), "MessageBody": due.message}
        if due.attempt:
            entry["MessageAttributes"] = {ATTEMPT: {"DataType": "Number", "StringValue": str(due.attempt)}}
        entries.append(entry)
    try:
        answer = sqs().send_message_batch(QueueUrl=queue_url(queue), Entries=entries)
    except ClientError:
        LOGGER.exception("a queue takes no messages", queue=queue)
        return {due.due_id for due in batch}
    return {batch[int(failed["Id"])].due_id for failed in answer.get("Failed", ())}


def _delete(shard: int, due_at: datetime, due_id: str) -> None:
    apply(CUSTOMERS.delete(DUE.key(shard=shard, due_at=to_timestamp(due_at), due_id=due_id)))


def _delete_pointer(customer_id: str, due_id: str, due_at: datetime) -> None:
    """Take a message's pointer off, unless it speaks of a later time already."""
    key = POINTERS.key(customer_id=customer_id, due_id=due_id)
    with suppress(Cancelled):
        apply(CUSTOMERS.delete(key, "due_at = :due_at", {":due_at": to_timestamp(due_at)}))


def _shard(due_id: str) -> int:
    return crc32(due_id.encode()) % SHARDS


@cache
def queue_url(name: str) -> str:
    """The address of a queue of this stage, by its name in the wiring."""
    return sqs().get_queue_url(QueueName=environment.settings().resource_name(name))["QueueUrl"]


@cache
def sqs() -> "SQSClient":
    """The client of SQS."""
    return aws.client("sqs")
