"""Stream of the customers table → every new fact into the fact log, then on the event bus, unchanged, at least once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared.core import aws, bus, environment, fact_log, fact_store
from shared.core.dynamodb import unpack

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef
    from mypy_boto3_sqs import SQSClient

# Made from the types of facts as the function's zip is: what the log may hold of each.
_OPEN_MEMBERS: Final = Path(__file__).with_name("open_members.json")


@dataclass(frozen=True, slots=True)
class _Ready:
    """A fact of the stream: its number there, its line of the log, its entry of the bus."""

    sequence: str
    line: str
    entry: "PutEventsRequestEntryTypeDef"


@dataclass(frozen=True, slots=True)
class _Bad:
    """A record that is no fact that could be published, and why."""

    key: Mapping[str, str]
    sequence: str
    reason: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers with the first record that was not published: the stream continues from there.

    A record that can never be published holds up nothing: it is logged, and its key waits in the queue of those
    that failed. Where the log cannot be written, nothing is published.
    """
    records = [record for record in event["Records"] if fact_store.is_new_fact(record)]
    prepared = [_prepared(record["dynamodb"]) for record in records]
    ready = [change for change in prepared if isinstance(change, _Ready)]
    if ready:
        first = records[0]["dynamodb"]
        fact_log.write(_written_at(first), first["SequenceNumber"], [change.line for change in ready])
    outcome = bus.publish([change.entry for change in ready])
    rejected = {ready[place].sequence: code for place, code in outcome.rejected.items()}
    stopped_at = None if outcome.stopped_at is None else ready[outcome.stopped_at].sequence
    # Only of those before it: the others come again.
    for bad in _bad(records, prepared, rejected, stopped_at):
        _give_up(bad)
    return {"batchItemFailures": [] if stopped_at is None else [{"itemIdentifier": stopped_at}]}


def _prepared(change: Mapping[str, Any]) -> _Ready | _Bad:
    sequence = change["SequenceNumber"]
    try:
        fact = fact_store.from_members(unpack(change["NewImage"]))
        line = fact_log.line(fact, sequence, _open_members().get(fact.type, ()))
        return _Ready(sequence, line, bus.entry(fact))
    # Whatever is wrong with it: it would be wrong with it at the next attempt, too.
    except Exception as error:
        return _Bad(unpack(change["Keys"]), sequence, type(error).__name__)


def _bad(
    records: Sequence[Mapping[str, Any]],
    prepared: Sequence[_Ready | _Bad],
    rejected: Mapping[str, str],
    stopped_at: str | None,
) -> Iterator[_Bad]:
    """The records before `stopped_at` that can never be published."""
    for record, change in zip(records, prepared, strict=True):
        if change.sequence == stopped_at:
            return
        if isinstance(change, _Bad):
            yield change
        elif change.sequence in rejected:
            yield _Bad(unpack(record["dynamodb"]["Keys"]), change.sequence, rejected[change.sequence])


def _give_up(bad: _Bad) -> None:
    # Hardly ever needed, and its import would take longer than that of all else here.
    from aws_lambda_powertools import Logger

    members = {**bad.key, "sequence": bad.sequence, "reason": bad.reason}
    Logger().error("fact cannot be published", extra=members)
    _sqs().send_message(QueueUrl=environment.variable("FAILED_QUEUE_URL"), MessageBody=json.dumps(members))


def _written_at(change: Mapping[str, Any]) -> datetime:
    """When the table took the change, to the second."""
    return datetime.fromtimestamp(int(change["ApproximateCreationDateTime"]), UTC)


@cache
def _open_members() -> Mapping[str, Sequence[str]]:
    members: dict[str, list[str]] = json.loads(_OPEN_MEMBERS.read_text("utf-8"))
    return members


@cache
def _sqs() -> "SQSClient":
    return aws.client("sqs")
