"""Scorecards: pk `customer_id`, one item per customer, a table of its own that rescoring scans."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Final, NamedTuple

from shared.core.dynamodb import SCORECARDS, Item, Write, client, pack, unpack
from shared.core.kind import Kind
from shared.scorecards.scorecard import Scorecard

CARDS: Final = Kind(Scorecard, SCORECARDS, "{customer_id}")

# What purchases write; a score is written by rescoring alone.
_COUNTERS: Final = ("orders", "spent", "first_order_on", "last_order_on", "order_days", "months", "version")
_PARTS_OF_ESTIMATE: Final = 1000
_PAGES_OF_SAMPLE: Final = 8


class Page(NamedTuple):
    """Some of the items of a scan, and the read units that they cost."""

    items: list[Item]
    read_units: float


def get(customer_id: str) -> Scorecard | None:
    """The customer's scorecard (1 read unit)."""
    return CARDS.get(customer_id=customer_id)


def estimate() -> int:
    """About how many scorecards there are, also right after an import: by a look at a thousandth of them.

    DynamoDB counts them every six hours, so its count may say 0, or ten, of a million that were just imported. A look
    at a thousandth may see none of a few: the greater of the two counts. Costs ½ read unit per 4 MB of scorecards.
    """
    counted: int = client().describe_table(TableName=SCORECARDS.name)["Table"].get("ItemCount", 0)
    part: int = sum(page["Count"] for page in SCORECARDS.scan(0, _PARTS_OF_ESTIMATE, Select="COUNT"))
    return max(counted, _PARTS_OF_ESTIMATE * part)


def has_orders_until(day: date) -> bool:
    """Whether anybody's first order was on this day or before, among the first MB of scorecards, up to eight of them.

    In a shop of more customers that is a sample, for items lie in the order of a hash. Costs 128 read units per MB.
    """
    pages = SCORECARDS.scan(
        0,
        1,
        FilterExpression="first_order_on <= :day",
        ExpressionAttributeValues=pack({":day": day.isoformat()}),
        Select="COUNT",
    )
    return any(page["Count"] for page in islice(pages, _PAGES_OF_SAMPLE))


def scan(segment: int, total_segments: int) -> Iterator[Page]:
    """The items of one segment, page by page (½ read unit per 4 KB)."""
    for page in SCORECARDS.scan(segment, total_segments, ReturnConsumedCapacity="TOTAL"):
        yield Page([unpack(item) for item in page["Items"]], page["ConsumedCapacity"]["CapacityUnits"])


def count(card: Scorecard) -> Write:
    """The write of changed counters over version n − 1; the score stays as it is (2 write units)."""
    return _recount(card, _COUNTERS)


def recount(card: Scorecard) -> Write:
    """As `count`, but counters may have become empty."""
    item = CARDS.item(card)
    return _recount(card, [name for name in _COUNTERS if item.get(name) is not None])


def _recount(card: Scorecard, counters: Sequence[str]) -> Write:
    item = CARDS.item(card)
    values = {f":{name}": item[name] for name in counters}
    if card.version > 1:
        condition = "version = :before"
        values[":before"] = card.version - 1
    else:
        condition = "(attribute_not_exists(version) OR version = :zero)"
        values[":zero"] = 0
    change = "SET " + ", ".join(f"{name} = :{name}" for name in counters)
    if empty := [name for name in _COUNTERS if name not in counters]:
        change += " REMOVE " + ", ".join(empty)
    return SCORECARDS.update(CARDS.key(customer_id=card.customer_id), change, condition, values)


def unchanged(card: Scorecard) -> Write:
    """The check that the counters are still these (2 write units)."""
    return SCORECARDS.check(CARDS.key(customer_id=card.customer_id), "version = :version", {":version": card.version})


def ensure(customer_id: str) -> Write:
    """The write that gives a customer without orders a scorecard, and leaves any other as it is (2 write units)."""
    return SCORECARDS.update(
        CARDS.key(customer_id=customer_id),
        "SET version = if_not_exists(version, :zero), orders = if_not_exists(orders, :zero)",
        "",
        {":zero": 0},
    )
