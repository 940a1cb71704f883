"""DynamoDB as the stores use it: one client, plain values in and out, transactions that say what refused them."""

import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import ClientError

from shared.core import aws
from shared.core.errors import Busy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Item = dict[str, Any]
Write = dict[str, Any]

MAX_TRIES: Final = 8
MAX_CONNECTIONS: Final = 64
MAX_KEYS: Final = 100


@cache
def dynamodb() -> "DynamoDBClient":
    """The process's client. A lost answer is asked for again with the same token, so it does nothing twice."""
    return new_client()


def new_client() -> "DynamoDBClient":
    """A client of one's own, for what changes how it works."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=2,
        read_timeout=5,
        # One for each thread of an import; unused ones are never opened.
        max_pool_connections=MAX_CONNECTIONS,
    )
    return aws.client("dynamodb", config=config)


def customers_table() -> str:
    """The name of the table of profiles, facts, accounts and guards."""
    return os.environ["CUSTOMERS_TABLE"]


def scorecards_table() -> str:
    """The name of the table of scorecards."""
    return os.environ["SCORECARDS_TABLE"]


class Cancelled(Exception):
    """A transaction that did nothing. `found[i]` is the item that refused write i, {} if there was none to show."""

    def __init__(self, codes: Sequence[str], found: Sequence[Item]) -> None:
        super().__init__(f"cancelled: {', '.join(codes)}")
        self.codes = codes
        self.found = found

    def refused(self, index: int) -> bool:
        """Whether the condition of write `index` was not met."""
        return self.codes[index] == "ConditionalCheckFailed"


def pack(values: Mapping[str, Any]) -> Item:
    """Python values as a DynamoDB item; None is left out. A frozenset of integers becomes a number set."""
    return {name: pack_value(value) for name, value in values.items() if value is not None}


def unpack(item: Mapping[str, Any]) -> Item:
    """A DynamoDB item as Python values; numbers are integers, for nothing else is stored."""
    return {name: _unpack(value) for name, value in item.items()}


def get(table: str, key: Mapping[str, str]) -> Item | None:
    """One item, strongly consistent (1 read unit per 4 KB)."""
    answer = dynamodb().get_item(TableName=table, Key=pack(key), ConsistentRead=True)
    return unpack(answer["Item"]) if "Item" in answer else None


def batch_get(table: str, keys: Sequence[Mapping[str, str]]) -> list[Item]:
    """Those of the items that there are, up to 100 in one call, eventually consistent (½ read unit per 4 KB each).

    Raises Busy where the table keeps leaving some out.
    """
    found: list[Item] = []
    for start in range(0, len(keys), MAX_KEYS):
        asked: Any = {table: {"Keys": [pack(key) for key in keys[start : start + MAX_KEYS]]}}
        for _ in tries():
            answer = dynamodb().batch_get_item(RequestItems=asked)
            found.extend(unpack(item) for item in answer["Responses"].get(table, ()))
            asked = answer["UnprocessedKeys"]
            if not asked:
                break
    return found


def put(table: str, item: Mapping[str, Any], condition: str = "", values: Mapping[str, Any] | None = None) -> Write:
    """A write that puts an item if the condition holds."""
    return {"Put": {"TableName": table, "Item": pack(item), **_conditioned(condition, values or {})}}


def put_new(table: str, item: Mapping[str, Any]) -> Write:
    """A write that puts an item if none has its key."""
    key = "sk" if "sk" in item else "customer_id"
    return put(table, item, f"attribute_not_exists({key})")


def put_version(table: str, item: Mapping[str, Any]) -> Write:
    """A write that replaces version n − 1 of an item by version n, or puts version 1 where there is none."""
    if item["version"] == 1:
        return put_new(table, item)
    return put(table, item, "version = :before", {":before": item["version"] - 1})


def update(
    table: str,
    key: Mapping[str, str],
    change: str,
    condition: str,
    values: Mapping[str, Any],
    names: Mapping[str, str] | None = None,
) -> Write:
    """A write that changes an item if the condition holds; `names` stand in for words that DynamoDB reserves."""
    statement = {
        "TableName": table,
        "Key": pack(key),
        "UpdateExpression": change,
        **_conditioned(condition, values),
    }
    return {"Update": {**statement, "ExpressionAttributeNames": names} if names else statement}


def check(table: str, key: Mapping[str, str], condition: str, values: Mapping[str, Any]) -> Write:
    """No write, but a condition on an item that others may be writing."""
    return {"ConditionCheck": {"TableName": table, "Key": pack(key), **_conditioned(condition, values)}}


def delete(table: str, key: Mapping[str, str], condition: str = "", values: Mapping[str, Any] | None = None) -> Write:
    """A write that removes an item, if it is there and the condition holds."""
    return {"Delete": {"TableName": table, "Key": pack(key), **_conditioned(condition, values or {})}}


def transact(writes: Sequence[Write]) -> None:
    """Do all writes or none (2 write units per KB and item). Raises Cancelled where a condition does not hold."""
    typed: Sequence[TransactWriteItemTypeDef] = writes  # type: ignore[assignment]
    try:
        dynamodb().transact_write_items(TransactItems=typed)
    except dynamodb().exceptions.TransactionCanceledException as error:
        reasons: list[Mapping[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
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
    client = dynamodb()
    call: Any = {"Put": client.put_item, "Update": client.update_item, "Delete": client.delete_item}[kind]
    try:
        call(**statement)
    except dynamodb().exceptions.ConditionalCheckFailedException as error:
        found: Mapping[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
        raise Cancelled(["ConditionalCheckFailed"], [unpack(found)]) from error
    except dynamodb().exceptions.TransactionConflictException as error:
        raise Cancelled(["TransactionConflict"], [{}]) from error


def tries() -> Iterator[int]:
    """Up to MAX_TRIES attempts at read, decide, write, with a growing random wait between; then raises Busy."""
    for attempt in range(MAX_TRIES):
        if attempt:
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 (spreads writers, guards nothing)
        yield attempt
    raise Busy("the record is being changed by others; try again")


def query(
    table: str,
    partition: str,
    prefix: str = "",
    *,
    limit: int | None = None,
    newest_first: bool = False,
    after: str | None = None,
) -> list[Item]:
    """The items of a partition whose sort key starts with the prefix, up to `limit`, from behind sort key `after`."""
    items: list[Item] = []
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
        "ExpressionAttributeValues": pack({":pk": partition, ":prefix": prefix or None}),
        "ScanIndexForward": not newest_first,
        "ConsistentRead": True,
    }
    if after is not None:
        request["ExclusiveStartKey"] = pack({"pk": partition, "sk": after})
    while limit is None or len(items) < limit:
        if limit is not None:
            request["Limit"] = limit - len(items)
        answer = dynamodb().query(**request)
        items.extend(unpack(item) for item in answer["Items"])
        if "LastEvaluatedKey" not in answer:
            break
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    return items


def _conditioned(condition: str, values: Mapping[str, Any]) -> Item:
    part: Item = {}
    if condition:
        part["ConditionExpression"] = condition
        part["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if values:
        part["ExpressionAttributeValues"] = pack(values)
    return part


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
