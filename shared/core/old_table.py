"""The functions by which stores reach their tables until each is moved to `dynamodb.Table`."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.core import dynamodb as new
from shared.core import environment
from shared.core.dynamodb import MAX_CONNECTIONS as MAX_CONNECTIONS
from shared.core.dynamodb import MAX_KEYS as MAX_KEYS
from shared.core.dynamodb import MAX_TRIES as MAX_TRIES
from shared.core.dynamodb import Cancelled as Cancelled
from shared.core.dynamodb import Item as Item
from shared.core.dynamodb import Write as Write
from shared.core.dynamodb import apply as apply
from shared.core.dynamodb import new_client as new_client
from shared.core.dynamodb import pack as pack
from shared.core.dynamodb import pack_value as pack_value
from shared.core.dynamodb import unpack as unpack
from shared.core.errors import Busy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Key = Mapping[str, str]


def dynamodb() -> "DynamoDBClient":
    return new.client()


def customers_table() -> str:
    return environment.variable("CUSTOMERS_TABLE")


def scorecards_table() -> str:
    return environment.variable("SCORECARDS_TABLE")


def _table(name: str) -> new.Table:
    return new.SCORECARDS if name == environment.variables().get("SCORECARDS_TABLE") else new.CUSTOMERS


def get(table: str, key: Key) -> Item | None:
    return _table(table).get(key)


def batch_get(table: str, keys: Sequence[Key]) -> list[Item]:
    return _table(table).batch_get(keys)


def put(table: str, item: Item, condition: str = "", values: Mapping[str, Any] | None = None) -> Write:
    return _table(table).put(item, condition, values)


def put_new(table: str, item: Item) -> Write:
    return _table(table).put_new(item)


def put_version(table: str, item: Item) -> Write:
    return _table(table).put_version(item)


def update(
    table: str,
    key: Key,
    change: str,
    condition: str,
    values: Mapping[str, Any],
    names: Mapping[str, str] | None = None,
) -> Write:
    return _table(table).update(key, change, condition, values, names)


def check(table: str, key: Key, condition: str, values: Mapping[str, Any]) -> Write:
    return _table(table).check(key, condition, values)


def delete(table: str, key: Key, condition: str = "", values: Mapping[str, Any] | None = None) -> Write:
    return _table(table).delete(key, condition, values)


def transact(writes: Sequence[Write]) -> None:
    new.transact(*writes)


def tries() -> Iterator[int]:
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
    return _table(table).query(partition, prefix, limit=limit, newest_first=newest_first, after=after)
