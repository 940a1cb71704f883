"""DynamoDB as the stores use it: two tables, plain values in and out, transactions that say what refused them."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

from botocore.config import Config
from botocore.exceptions import ClientError

from shared.core import aws, environment
from shared.core.errors import Busy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
Key = Mapping[str, str]
Write = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")

MAX_TRIES: Final = 8
MAX_CONNECTIONS: Final = 64
MAX_KEYS: Final = 100
# Calls that had no effect and may be repeated a little later.
_THROTTLED: Final = frozenset({"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"})


@cache
def client() -> "DynamoDBClient":
    """The process's client. A call whose answer is lost is repeated with the same token, so it takes effect once."""
    return new_client()


def new_client() -> "DynamoDBClient":
    """A separate client, for callers that change its configuration."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=2,
        read_timeout=5,
        # A connection for each thread of an import; unused connections are never opened.
        max_pool_connections=MAX_CONNECTIONS,
    )
    return aws.client("dynamodb", config=config)


class Cancelled(Exception):
    """A write or transaction that had no effect: a condition failed, or others were writing the same items.

    `items[i]` is the item that refused write i as plain values, {} if there was none to show.
    """

    def __init__(self, codes: Sequence[str], items: Sequence[Item]) -> None:
        super().__init__(f"cancelled: {', '.join(codes)}")
        self.codes = codes
        self.items = items

    def refused(self, index: int) -> bool:
        """Whether the condition of write `index` was not met."""
        return self.codes[index] == "ConditionalCheckFailed"


def optimistic(action: Callable[P, R]) -> Callable[P, R]:
    """An action that reads, decides and writes: it is run again where its write is Cancelled, up to MAX_TRIES times.

    Between the runs it waits at random, longer each time. After the last run it raises Busy.
    """

    @wraps(action)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in _attempts():
            try:
                return action(*args, **kwargs)
            except Cancelled as cancelled:
                last = cancelled
        raise Busy("the record is being changed by others; try again") from last

    return run


def _attempts() -> Iterator[None]:
    for attempt in range(MAX_TRIES):
        if attempt:
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 (spreads writers, guards nothing)
        yield


class Table:
    """One table. Its name comes from the environment when it is first used."""

    def __init__(self, variable: str, *, sort_key: bool) -> None:
        self._variable = variable
        self._last_key = "sk" if sort_key else "customer_id"

    @property
    def name(self) -> str:
        """The table's name on AWS."""
        return environment.variable(self._variable)

    def get(self, key: Key) -> Item | None:
        """One item, strongly consistent (1 read unit per 4 KB)."""
        answer = _call(client().get_item, TableName=self.name, Key=pack(key), ConsistentRead=True)
        return unpack(answer["Item"]) if "Item" in answer else None

    def batch_get(self, keys: Sequence[Key], *, consistent: bool = False) -> list[Item]:
        """The existing items with these keys, up to 100 in one call, in any order (½ read unit per 4 KB each).

        They may be a moment old, unless `consistent` (1 read unit). Raises Busy where the table keeps leaving some out.
        """
        items: list[Item] = []
        options = {"ConsistentRead": True} if consistent else {}
        for start in range(0, len(keys), MAX_KEYS):
            request: Any = {self.name: {"Keys": [pack(key) for key in keys[start : start + MAX_KEYS]], **options}}
            for _ in _attempts():
                answer = _call(client().batch_get_item, RequestItems=request)
                items.extend(unpack(item) for item in answer["Responses"].get(self.name, ()))
                request = answer["UnprocessedKeys"]
                if not request:
                    break
            else:
                raise Busy("the database is busy; try again")
        return items

    def get_together(self, *keys: Key) -> list[Item | None]:
        """The items with these keys, all different, in their order and strongly consistent; None where there is none.

        One call for up to 100 (1 read unit per 4 KB each). Raises Busy where the table keeps leaving some out.
        """
        items = {self._place(item): item for item in self.batch_get(keys, consistent=True)}
        return [items.get(self._place(key)) for key in keys]

    def query(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        newest_first: bool = False,
        after: str | None = None,
        until: str | None = None,
    ) -> list[Item]:
        """The items of a partition whose sort key starts with the prefix, up to `limit`, from behind sort key `after`.

        `until`, in place of a prefix: only items whose sort key is less than this. Costs 1 read unit per 4 KB of all of
        them together.
        """
        items: list[Item] = []
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk"
            + (" AND begins_with(sk, :prefix)" if prefix else " AND sk < :until" if until else ""),
            "ExpressionAttributeValues": pack({":pk": partition, ":prefix": prefix or None, ":until": until}),
            "ScanIndexForward": not newest_first,
            "ConsistentRead": True,
        }
        if after is not None:
            request["ExclusiveStartKey"] = pack({"pk": partition, "sk": after})
        while limit is None or len(items) < limit:
            if limit is not None:
                request["Limit"] = limit - len(items)
            answer = _call(client().query, **request)
            items.extend(unpack(item) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return items

    def scan(self, segment: int, total_segments: int, **options: Any) -> Iterator[Mapping[str, Any]]:
        """DynamoDB's answers of one segment of the table, page by page (½ read unit per 4 KB)."""
        request = {"TableName": self.name, "Segment": segment, "TotalSegments": total_segments, **options}
        while True:
            answer = _call(client().scan, **request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(self, item: Item, condition: str = "", values: Mapping[str, Any] | None = None) -> Write:
        """A write that puts an item if the condition holds."""
        return {"Put": {"TableName": self.name, "Item": pack(item), **_conditioned(condition, values or {})}}

    def put_new(self, item: Item) -> Write:
        """A write that puts an item if none has its key."""
        return self.put(item, f"attribute_not_exists({self._last_key})")

    def put_version(self, item: Item) -> Write:
        """A write that replaces version n − 1 of an item by version n, or puts version 1 where there is none."""
        if item["version"] == 1:
            return self.put_new(item)
        return self.put(item, "version = :before", {":before": item["version"] - 1})

    def update(
        self,
        key: Key,
        change: str,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Write:
        """A write that changes an item if the condition holds; `names` stand in for words that DynamoDB reserves."""
        statement = {
            "TableName": self.name,
            "Key": pack(key),
            "UpdateExpression": change,
            **_conditioned(condition, values or {}),
        }
        return {"Update": {**statement, "ExpressionAttributeNames": names} if names else statement}

    def check(self, key: Key, condition: str, values: Mapping[str, Any]) -> Write:
        """No write, but a condition on an item that others may be writing (2 write units)."""
        return {"ConditionCheck": {"TableName": self.name, "Key": pack(key), **_conditioned(condition, values)}}

    def delete(self, key: Key, condition: str = "", values: Mapping[str, Any] | None = None) -> Write:
        """A write that removes an item, if it is there and the condition holds."""
        return {"Delete": {"TableName": self.name, "Key": pack(key), **_conditioned(condition, values or {})}}

    def _place(self, item: Mapping[str, Any]) -> tuple[str, ...]:
        return (item["pk"], item["sk"]) if self._last_key == "sk" else (item["customer_id"],)


CUSTOMERS: Final = Table("CUSTOMERS_TABLE", sort_key=True)
SCORECARDS: Final = Table("SCORECARDS_TABLE", sort_key=False)


def transact(*writes: Write) -> None:
    """Do all writes or none (2 write units per KB and item). Raises Cancelled where a condition does not hold."""
    try:
        _call(client().transact_write_items, TransactItems=writes)
    except client().exceptions.TransactionCanceledException as error:
        reasons = cast(list[Mapping[str, Any]], error.response.get("CancellationReasons", []))
        raise Cancelled(
            [reason.get("Code", "None") for reason in reasons],
            [unpack(reason.get("Item", {})) for reason in reasons],
        ) from error
    except ClientError as error:
        if error.response["Error"]["Code"] == "TransactionInProgressException":
            raise Cancelled(["TransactionInProgress"] * len(writes), [{}] * len(writes)) from error
        raise


def apply(write: Write) -> None:
    """Do one write by itself (1 write unit per KB). Raises Cancelled where its condition does not hold."""
    ((kind, statement),) = write.items()
    calls: Any = {"Put": client().put_item, "Update": client().update_item, "Delete": client().delete_item}
    try:
        _call(calls[kind], **statement)
    except client().exceptions.ConditionalCheckFailedException as error:
        item: Mapping[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
        raise Cancelled(["ConditionalCheckFailed"], [unpack(item)]) from error
    except client().exceptions.TransactionConflictException as error:
        raise Cancelled(["TransactionConflict"], [{}]) from error


def pack(values: Mapping[str, Any]) -> Item:
    """Python values as a DynamoDB item; None is left out. A frozenset of integers becomes a number set."""
    return {name: pack_value(value) for name, value in values.items() if value is not None}


def unpack(item: Mapping[str, Any]) -> Item:
    """A DynamoDB item as Python values; numbers are integers, for nothing else is stored."""
    return {name: _unpack(value) for name, value in item.items()}


def pack_value(value: Any) -> Item:
    """One value of an item."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": pack(value)}
        case frozenset():
            return {"NS": [str(number) for number in sorted(value)]}
        case list() | tuple():
            return {"L": [pack_value(element) for element in value]}
    raise TypeError(f"{type(value).__name__} has no place in an item")


def _call(operation: Callable[..., Any], **request: Any) -> Any:
    """Ask DynamoDB. Raises Busy where it is throttled even after the client's own retries."""
    try:
        return operation(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] in _THROTTLED:
            raise Busy("the database is busy; try again") from error
        raise


def _conditioned(condition: str, values: Mapping[str, Any]) -> Item:
    part: Item = {}
    if condition:
        part["ConditionExpression"] = condition
        part["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if values:
        part["ExpressionAttributeValues"] = pack(values)
    return part


def _unpack(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content)
        case "M":
            return unpack(content)
        case "L":
            return [_unpack(element) for element in content]
        case "NS":
            return frozenset(int(number) for number in content)
    return content
