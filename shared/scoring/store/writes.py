"""Writes of scores: the member `score` of a scorecard, in batches of conditional updates, and the facts of moves.

A score names the rescoring that wrote it, and of a move the segment before: so the fact of a move can be written from
the card itself where the rescoring died between the card and its fact. Purchases change other members.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from shared.core import fact_store
from shared.core.dynamodb import CUSTOMERS, SCORECARDS, client, pack, pack_value
from shared.core.errors import Busy
from shared.core.facts import Fact
from shared.core.pace import Pace
from shared.scorecards.store import cards
from shared.scoring.rescoring import Change

# As many as BatchExecuteStatement and BatchWriteItem take.
BATCH: Final = 25
_THREADS: Final = 8
# Tries in a row of which the table takes nothing, each after a slower pace.
_MAX_REFUSALS: Final = 300
_THROTTLED: Final = frozenset(
    {
        "ThrottlingError", "ThrottlingException", "ProvisionedThroughputExceeded", "RequestLimitExceeded",
        "ProvisionedThroughputExceededException", "TransactionConflict", "InternalServerError",
    }
)  # fmt: skip

Statement = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """How many scores were `written`, by this try or an earlier one, how many were `refused` for another writer's, and
    the write units of scorecards, one for each that an earlier try wrote, and of the facts of this try.
    """

    written: int = 0
    refused: int = 0
    score_units: float = 0
    fact_units: float = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.written + other.written,
            self.refused + other.refused,
            self.score_units + other.score_units,
            self.fact_units + other.fact_units,
        )


def write(changes: Iterable[Change], written_before: frozenset[str], check: Callable[[], None]) -> Written:
    """Write scores (1 write unit each) and the facts of their moves (1 each), at the pace that the table takes.

    Of the customers `written_before` an earlier try has written the score: their facts are written, for it may have
    died in between. Repeating it writes nothing new. `check` is called every thousand writes or so and raises where
    the run shall end. Raises Busy where the table takes nothing for long.
    """
    pace = Pace()

    def write_batch(batch: list[Change]) -> Written:
        return _write_batch(batch, written_before, pace)

    total = Written()
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = iter(_batches(changes))
        # A few batches ahead of the threads, for a million changes need not all be statements at once.
        while round_ := list(islice(waiting, 8 * _THREADS)):
            check()
            for written in pool.map(write_batch, round_):
                total += written
    return total


def record(facts: Iterable[Fact]) -> float:
    """Write facts of rescorings (1 write unit each), and answer the units; the same fact again replaces itself."""
    pace = Pace()
    return sum(_record(batch, pace) for batch in _batches(facts))


def _write_batch(batch: list[Change], written_before: frozenset[str], pace: Pace) -> Written:
    written = [change for change in batch if change.customer_id in written_before]
    left = [change for change in batch if change.customer_id not in written_before]
    units, refusals = float(len(written)), 0
    while left:
        pace.wait(len(left))
        answers, paid = _execute([_statement(change) for change in left])
        units += paid
        again: list[Change] = []
        for change, answer in zip(left, answers, strict=True):
            error = answer.get("Error", {})
            code = error.get("Code")
            if code in _THROTTLED:
                again.append(change)
            elif code == "ConditionalCheckFailed":
                if _stored_score(change.customer_id, error) == change.score:
                    written.append(change)
            elif code:
                raise RuntimeError(f"a score was not written: {code}: {error.get('Message')}")
            else:
                written.append(change)
        if again:
            pace.refused()
            refusals = refusals + 1 if len(again) == len(left) else 0
            if refusals > _MAX_REFUSALS:
                raise Busy("the table of scorecards takes no more writes")
        else:
            pace.taken()
        left = again
    facts = [change.fact for change in written if change.fact]
    return Written(len(written), len(batch) - len(written), units, _record(facts, pace) if facts else 0)


def _stored_score(customer_id: str, error: Mapping[str, Any]) -> str | None:
    """The score that refused a statement; DynamoDB does not always answer the item that did."""
    if "Item" in error:
        text: str | None = error["Item"].get("score", {}).get("S")
        return text
    item = SCORECARDS.get(cards.CARDS.key(customer_id=customer_id))
    return item.get("score") if item else None


def _statement(change: Change) -> Statement:
    condition = '"score" = ?' if change.stored else '"score" IS MISSING'
    values = [change.score, change.customer_id, *([change.stored] if change.stored else [])]
    return {
        # The table's name comes from the environment, everything else goes as a parameter.
        "Statement": f'UPDATE "{SCORECARDS.name}" SET "score" = ? WHERE "customer_id" = ? AND {condition}',  # noqa: S608
        "Parameters": [pack_value(value) for value in values],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _execute(statements: list[Statement]) -> tuple[list[dict[str, Any]], float]:
    """The answer to each statement, and the write units paid; where the batch is refused as a whole, each is."""
    try:
        answer = client().batch_execute_statement(
            Statements=statements,  # type: ignore[arg-type]
            ReturnConsumedCapacity="TOTAL",
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _THROTTLED:
            raise
        return [{"Error": {"Code": code}}] * len(statements), 0
    answers: Any = answer["Responses"]
    return answers, sum(each["CapacityUnits"] for each in answer.get("ConsumedCapacity", []))


def _record(facts: Sequence[Fact], pace: Pace) -> float:
    name = CUSTOMERS.name
    requests: Any = {name: [{"PutRequest": {"Item": pack(fact_store.to_item(fact))}} for fact in facts]}
    units, refusals = 0.0, 0
    while requests:
        pace.wait(len(requests[name]))
        try:
            answer = client().batch_write_item(RequestItems=requests, ReturnConsumedCapacity="TOTAL")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _THROTTLED:
                raise
            left: Any = requests
        else:
            units += sum(each["CapacityUnits"] for each in answer.get("ConsumedCapacity", []))
            left = answer["UnprocessedItems"]
        if left:
            pace.refused()
            refusals = refusals + 1 if len(left[name]) == len(requests[name]) else 0
            if refusals > _MAX_REFUSALS:
                raise Busy("the table of customers takes no more writes")
        else:
            pace.taken()
        requests = left
    return units


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(values)
    while batch := list(islice(waiting, BATCH)):
        yield batch
