"""Stream of the customers table → every new fact on the event bus, unchanged, at least once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from shared.core import aws, environment, fact_store
from shared.core.dynamodb import unpack
from shared.core.facts import from_timestamp

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE: Final = "regulars"
MAX_ENTRIES: Final = 10
# PutEvents takes 256 KB in one call; an entry counts its detail, names and 14 bytes of time.
MAX_BYTES: Final = 240 * 1024
MAX_TRIES: Final = 3

Numbered = tuple[str, "PutEventsRequestEntryTypeDef"]


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers with the first record that was not published: the stream continues from there."""
    for chunk in _chunks(_entries(event["Records"])):
        failed = _publish(chunk)
        if failed is not None:
            return {"batchItemFailures": [{"itemIdentifier": failed}]}
    return {"batchItemFailures": []}


def _entries(records: Sequence[Mapping[str, Any]]) -> Iterator[Numbered]:
    for record in records:
        change = record["dynamodb"]
        if record["eventName"] != "INSERT" or not change["Keys"]["sk"]["S"].startswith(fact_store.PREFIX):
            continue
        fact = fact_store.from_members(unpack(change["NewImage"]))
        entry: PutEventsRequestEntryTypeDef = {
            "EventBusName": environment.variable("BUS_NAME"),
            "Source": SOURCE,
            "DetailType": fact.type,
            "Detail": json.dumps(fact_store.to_members(fact), ensure_ascii=False, separators=(",", ":")),
            "Time": from_timestamp(change["NewImage"]["recorded_at"]["S"]),
        }
        yield change["SequenceNumber"], entry


def _chunks(numbered: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    chunk: list[Numbered] = []
    size = 0
    for number, entry in numbered:
        length = len(entry["Detail"].encode()) + len(entry["DetailType"]) + 100
        if chunk and (len(chunk) == MAX_ENTRIES or size + length > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append((number, entry))
        size += length
    if chunk:
        yield chunk


def _publish(chunk: list[Numbered]) -> str | None:
    """Put a chunk on the bus, refused entries again; the number of the first entry that stays refused, if any."""
    left = chunk
    for _ in range(MAX_TRIES):
        answer = _events().put_events(Entries=[entry for _, entry in left])
        if not answer["FailedEntryCount"]:
            return None
        left = [numbered for numbered, result in zip(left, answer["Entries"], strict=True) if "ErrorCode" in result]
    return left[0][0]


@cache
def _events() -> "EventBridgeClient":
    return aws.client("events")
