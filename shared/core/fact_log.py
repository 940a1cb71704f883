"""The fact log: `facts/<day>/<sequence>.jsonl` in the data bucket, a batch of the table's stream with a fact a line.

`sequence` is the number of the batch's first fact in the stream, in 40 digits, and `day` the day by UTC on which it
was written: a batch that comes again overwrites its object. A line has the members of its fact but the personal ones,
its own `sequence`, and `partial` where members were left out. A batch that was cut in two lies in the log twice:
readers know a fact by its key.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from botocore.config import Config

from shared.core import aws, environment, fact_store
from shared.core.dynamodb import CUSTOMERS
from shared.core.facts import Fact

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER: Final = "facts"
_SEQUENCE: Final = "sequence"
_PARTIAL: Final = "partial"
# The members that a line has besides its fact's.
OWN_MEMBERS: Final = frozenset({_SEQUENCE, _PARTIAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A line: the fact, its number in the stream, and whether it lacks members that only the table has."""

    fact: Fact
    sequence: int
    is_partial: bool = False

    @property
    def key(self) -> dict[str, str]:
        """The key of the fact in the customers table."""
        return {"pk": fact_store.partition(self.fact.customer_id), "sk": fact_store.sort_key(self.fact)}


def line(fact: Fact, sequence: str, open_members: Collection[str]) -> str:
    """A fact as a line of the log, with only these members of its data.

    Raises TypeError or ValueError where they cannot be written as JSON.
    """
    members = fact_store.to_members(fact)
    kept = {name: value for name, value in members.items() if name not in fact.data or name in open_members}
    partial = {_PARTIAL: True} if len(kept) < len(members) else {}
    return json.dumps({**kept, _SEQUENCE: sequence, **partial}, ensure_ascii=False, separators=(",", ":"))


def key(day: date, sequence: str) -> str:
    """The key of the object of the batch that begins with this number."""
    return f"{FOLDER}/{day.isoformat()}/{sequence:0>40}.jsonl"


def first_sequence(object_key: str) -> int:
    """The number in the stream of the first fact of an object."""
    return int(object_key.rpartition("/")[2].removesuffix(".jsonl"))


def write(written_at: datetime, sequence: str, lines: Sequence[str]) -> None:
    """Keep a batch whose first fact was written at this time, by UTC, with this number; again it replaces itself."""
    _client().put_object(
        Bucket=environment.variable("DATA_BUCKET"),
        Key=key(written_at.date(), sequence),
        Body="".join(f"{text}\n" for text in lines).encode(),
        ContentType="application/x-ndjson",
    )


def keys(day: date, after: str = "") -> Iterator[str]:
    """The keys of the objects of a day in ascending order, from behind `after`; 1,000 in each call."""
    bucket, prefix = environment.variable("DATA_BUCKET"), f"{FOLDER}/{day.isoformat()}/"
    pages = _client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after)
    for page in pages:
        for content in page.get("Contents", ()):
            yield content["Key"]


def read(object_key: str) -> list[Logged]:
    """The lines of an object, in the order of the stream."""
    answer = _client().get_object(Bucket=environment.variable("DATA_BUCKET"), Key=object_key)
    return [_logged(text) for text in answer["Body"].read().decode().splitlines() if text]


def complete(entries: Sequence[Logged]) -> tuple[list[Fact], int]:
    """The facts of some lines with all their members, in their order, and how many are no longer in the table.

    Those that are partial are read from the table (1 read unit each); whoever was erased is no longer there.
    """
    missing = {(entry.key["pk"], entry.key["sk"]): entry.key for entry in entries if entry.is_partial}
    items = {
        (item["pk"], item["sk"]): fact_store.from_members(item)
        for item in CUSTOMERS.batch_get(list(missing.values()), consistent=True)
    }
    facts = [items.get((entry.key["pk"], entry.key["sk"])) if entry.is_partial else entry.fact for entry in entries]
    kept = [fact for fact in facts if fact is not None]
    return kept, len(facts) - len(kept)


def _logged(text: str) -> Logged:
    members = json.loads(text)
    sequence, is_partial = int(members.pop(_SEQUENCE)), bool(members.pop(_PARTIAL, False))
    return Logged(fact=fact_store.from_members(members), sequence=sequence, is_partial=is_partial)


@cache
def _client() -> "S3Client":
    config = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=2, read_timeout=5)
    return aws.client("s3", config=config)
