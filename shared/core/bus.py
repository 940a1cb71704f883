"""The event bus: facts as its entries, put there in calls as large as it takes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import ClientError

from shared.core import aws, environment, fact_store
from shared.core.facts import Fact

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry

SOURCE: Final = "regulars"
MAX_ENTRIES: Final = 10
# PutEvents takes 256 KB in one call; an entry counts its detail, names and 14 bytes of time.
MAX_BYTES: Final = 240 * 1024
MAX_TRIES: Final = 3
# What is wrong with the entry itself; every other error passes, or is the deployment's.
_FOR_GOOD: Final = frozenset({"InvalidArgument", "MalformedDetail"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the bus took of some entries.

    `stopped_at` is the place of the first that it did not take this time, None where there is none; of those behind
    it some may be on the bus. `rejected` are those that it will never take: their places, and AWS's codes.
    """

    stopped_at: int | None = None
    rejected: Mapping[int, str] = field(default_factory=dict)


def entry(fact: Fact) -> "Entry":
    """A fact as an entry. Raises TypeError or ValueError where its members cannot be written as JSON."""
    return {
        "EventBusName": environment.variable("BUS_NAME"),
        "Source": SOURCE,
        "DetailType": fact.type,
        "Detail": json.dumps(fact_store.to_members(fact), ensure_ascii=False, separators=(",", ":")),
        "Time": fact.recorded_at,
    }


def publish(entries: "Sequence[Entry]") -> Outcome:
    """Put entries on the bus, in calls of up to ten; stops behind the first call of which something stays refused."""
    rejected: dict[int, str] = {}
    for places in _chunks(entries):
        refused = _put(entries, places)
        left = [place for place, code in refused.items() if code not in _FOR_GOOD]
        rejected |= {place: code for place, code in refused.items() if code in _FOR_GOOD}
        if left:
            return Outcome(min(left), {place: code for place, code in rejected.items() if place < min(left)})
    return Outcome(None, rejected)


def _put(entries: "Sequence[Entry]", places: list[int]) -> dict[int, str]:
    """Put the entries at these places, refused ones again; the codes of those that stay refused by their places."""
    rejected: dict[int, str] = {}
    refused: dict[int, str] = {}
    left = places
    for _ in range(MAX_TRIES):
        try:
            answer = _client().put_events(Entries=[entries[place] for place in left])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            # The call as a whole: an entry that is larger than a call may be, or has a member that AWS does not take.
            if len(left) == 1:
                return {**rejected, left[0]: "InvalidArgument"}
            return rejected | {at: code for place in left for at, code in _put(entries, [place]).items()}
        refused = {
            place: result["ErrorCode"]
            for place, result in zip(left, answer["Entries"], strict=True)
            if "ErrorCode" in result
        }
        rejected |= {place: code for place, code in refused.items() if code in _FOR_GOOD}
        left = [place for place in refused if place not in rejected]
        if not left:
            return rejected
    return rejected | refused


def _chunks(entries: "Sequence[Entry]") -> Iterator[list[int]]:
    chunk: list[int] = []
    size = 0
    for place, content in enumerate(entries):
        length = len(content["Detail"].encode()) + len(content["DetailType"]) + 100
        if chunk and (len(chunk) == MAX_ENTRIES or size + length > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(place)
        size += length
    if chunk:
        yield chunk


@cache
def _client() -> "EventBridgeClient":
    config = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=2, read_timeout=5)
    return aws.client("events", config=config)
