"""Writes of scores: the member `score` of a scorecard, in batches of conditional updates, and the facts of moves.

A score names the rescoring that wrote it, and of a move the segment before: so a move can be told again from the card
itself where the rescoring died between the card and its fact. Purchases change other members.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from shared.core import fact_store as facts
from shared.core import old_table as table
from shared.core.errors import Busy
from shared.core.facts import Fact
from shared.core.pace import Pace

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
class Change:
    """A score (`scores.to_text`) to be written where `seen` ("" for none) still stands; `fact` tells of its move."""

    customer_id: str
    score: str
    seen: str
    fact: Fact | None


@dataclass(frozen=True, slots=True)
class Written:
    """How many scores were written, by this try or an earlier one, how many gave way to another writer's, and what was
    paid: write units of scorecards, one for each that an earlier try wrote, and of the facts of this try.
    """

    written: int = 0
    given_way: int = 0
    score_units: float = 0
    fact_units: float = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.written + other.written,
            self.given_way + other.given_way,
            self.score_units + other.score_units,
            self.fact_units + other.fact_units,
        )


def write(changes: Iterable[Change], done: frozenset[str], go_on: Callable[[], None]) -> Written:
    """Write scores (1 write unit each) and the facts of their moves (1 each), at the pace that the table takes.

    Of the customers `done` an earlier try has written the score: their facts are told, for it may have died in between.
    Repeating it writes nothing new. `go_on` is called every thousand writes or so and raises where the run shall end.
    Raises Busy where the table takes nothing for long.
    """
    pace = Pace()

    def do(batch: list[Change]) -> Written:
        return _write_batch(batch, done, pace)

    total = Written()
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = iter(_batches(changes))
        # A few batches ahead of the threads, for a million changes need not all be statements at once.
        while round_ := list(islice(waiting, 8 * _THREADS)):
            go_on()
            for one in pool.map(do, round_):
                total += one
    return total


def tell(told: Sequence[Fact]) -> float:
    """Write facts of rescorings (1 write unit each); one that is there already is replaced by itself."""
    pace = Pace()
    return sum(_tell(batch, pace) for batch in _batches(told))


def _write_batch(batch: list[Change], done: frozenset[str], pace: Pace) -> Written:
    written = [change for change in batch if change.customer_id in done]
    left = [change for change in batch if change.customer_id not in done]
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
                if _held(change.customer_id, error) == change.score:
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
    told = [change.fact for change in written if change.fact]
    return Written(len(written), len(batch) - len(written), units, _tell(told, pace) if told else 0)


def _held(customer_id: str, error: Mapping[str, Any]) -> str | None:
    """The score that refused a statement; DynamoDB has not always told what it found."""
    if "Item" in error:
        text: str | None = error["Item"].get("score", {}).get("S")
        return text
    found = table.get(table.scorecards_table(), {"customer_id": customer_id})
    return found.get("score") if found else None


def _statement(change: Change) -> Statement:
    condition = '"score" = ?' if change.seen else '"score" IS MISSING'
    values = [change.score, change.customer_id, *([change.seen] if change.seen else [])]
    return {
        # The table's name comes from the environment, everything else goes as a parameter.
        "Statement": f'UPDATE "{table.scorecards_table()}" SET "score" = ? WHERE "customer_id" = ? AND {condition}',  # noqa: S608
        "Parameters": [table.pack_value(value) for value in values],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _execute(statements: list[Statement]) -> tuple[list[dict[str, Any]], float]:
    """The answer to each statement, and the write units paid; where the batch is refused as a whole, each is."""
    try:
        answer = table.dynamodb().batch_execute_statement(
            Statements=statements,  # type: ignore[arg-type]
            ReturnConsumedCapacity="TOTAL",
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _THROTTLED:
            raise
        return [{"Error": {"Code": code}}] * len(statements), 0
    answers: Any = answer["Responses"]
    return answers, sum(one["CapacityUnits"] for one in answer.get("ConsumedCapacity", []))


def _tell(told: Sequence[Fact], pace: Pace) -> float:
    name = table.customers_table()
    asked: Any = {name: [{"PutRequest": {"Item": table.pack(facts.to_item(fact))}} for fact in told]}
    units, refusals = 0.0, 0
    while asked:
        pace.wait(len(asked[name]))
        try:
            answer = table.dynamodb().batch_write_item(RequestItems=asked, ReturnConsumedCapacity="TOTAL")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _THROTTLED:
                raise
            left: Any = asked
        else:
            units += sum(one["CapacityUnits"] for one in answer.get("ConsumedCapacity", []))
            left = answer["UnprocessedItems"]
        if left:
            pace.refused()
            refusals = refusals + 1 if len(left[name]) == len(asked[name]) else 0
            if refusals > _MAX_REFUSALS:
                raise Busy("the table of customers takes no more writes")
        else:
            pace.taken()
        asked = left
    return units


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(things)
    while batch := list(islice(waiting, BATCH)):
        yield batch
