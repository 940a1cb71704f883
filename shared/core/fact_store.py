"""Facts: pk `CUST#<customer_id>`, sk `FACT#<occurred_at>#<type>#<id>`; never changed once written."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from shared.core.dynamodb import CUSTOMERS, Item, Write, pack
from shared.core.facts import Fact, from_timestamp, to_timestamp

PREFIX: Final = "FACT#"
_ENVELOPE: Final = ("pk", "sk", "type", "id", "customer_id", "occurred_at", "recorded_at", "version")


def partition(customer_id: str) -> str:
    """The partition key of everything about a customer in the customers table."""
    return f"CUST#{customer_id}"


def sort_key(fact: Fact) -> str:
    """The sort key: in time order, unique by type and natural id."""
    return f"{PREFIX}{to_timestamp(fact.occurred_at)}#{fact.type}#{fact.id}"


def record(fact: Fact) -> Write:
    """The write of a fact that is not there yet."""
    return CUSTOMERS.put_new(to_item(fact))


def to_item(fact: Fact) -> Item:
    """A fact as its item."""
    return {"pk": partition(fact.customer_id), "sk": sort_key(fact), **to_members(fact)}


def get(customer_id: str, occurred_at: datetime, name: str, fact_id: str) -> Fact | None:
    """A fact whose time, type and id are known (1 read unit)."""
    sk = f"{PREFIX}{to_timestamp(occurred_at)}#{name}#{fact_id}"
    item = CUSTOMERS.get({"pk": partition(customer_id), "sk": sk})
    return from_members(item) if item else None


def to_members(fact: Fact) -> dict[str, Any]:
    """A fact as the members of an item, an event's detail or an answer; version 1 is written as no member."""
    return {
        "type": fact.type,
        "id": fact.id,
        "customer_id": fact.customer_id,
        "occurred_at": to_timestamp(fact.occurred_at),
        "recorded_at": to_timestamp(fact.recorded_at),
        **({"version": fact.version} if fact.version > 1 else {}),
        **fact.data,
    }


def from_members(members: Mapping[str, Any]) -> Fact:
    """The fact of an item or of an event's detail."""
    return Fact(
        type=members["type"],
        id=members["id"],
        customer_id=members["customer_id"],
        occurred_at=from_timestamp(members["occurred_at"]),
        recorded_at=from_timestamp(members["recorded_at"]),
        data={name: value for name, value in members.items() if name not in _ENVELOPE},
        version=members.get("version", 1),
    )


def is_new_fact(record: Mapping[str, Any]) -> bool:
    """Whether a record of the table's stream says that a fact was written."""
    is_fact: bool = record["dynamodb"]["Keys"]["sk"]["S"].startswith(PREFIX)
    return is_fact and record["eventName"] == "INSERT"


def page(customer_id: str, limit: int, after: str | None = None) -> tuple[list[Fact], str | None]:
    """A customer's newest facts from behind sort key `after`, and the key to go on from, None at the end."""
    items = CUSTOMERS.query(partition(customer_id), PREFIX, limit=limit + 1, newest_first=True, after=after)
    more = items[limit - 1]["sk"] if len(items) > limit else None
    return [from_members(item) for item in items[:limit]], more


def around(customer_id: str, day: date) -> list[Fact]:
    """The facts of a day in any time zone: of its date by UTC and of those beside it (3 read units and more)."""
    days = [day + timedelta(days=offset) for offset in (-1, 0, 1)]
    return [from_members(item) for day in days for item in CUSTOMERS.query(partition(customer_id), f"{PREFIX}{day}")]


def customers() -> Iterator[str]:
    """The ids of all customers of whom the table has anything; reads the whole table (½ read unit per 4 KB)."""
    mark, last = partition(""), ""
    pages = CUSTOMERS.scan(
        0,
        1,
        ProjectionExpression="pk",
        FilterExpression="begins_with(pk, :mark)",
        ExpressionAttributeValues=pack({":mark": mark}),
    )
    for page in pages:
        for item in page["Items"]:
            # The items of a partition come together.
            if item["pk"]["S"] != last:
                last = item["pk"]["S"]
                yield last.removeprefix(mark)


def every(customer_id: str) -> list[Fact]:
    """All of a customer's facts, oldest first."""
    return [from_members(item) for item in CUSTOMERS.query(partition(customer_id), PREFIX)]
