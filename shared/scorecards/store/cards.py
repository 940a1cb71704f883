"""Scorecards: pk `customer_id`, one item per customer, a table of its own that rescoring scans."""

import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from shared.core.dynamodb import SCORECARDS, Item, Write, client, unpack
from shared.scorecards.scorecard import Month, Scorecard
from shared.scorecards.store import score_text as scores

# What one function goes through well within its fifteen minutes; 40 is how many an inline Map runs at once.
CUSTOMERS_PER_SEGMENT: Final = 25_000
MIN_SEGMENTS: Final = 4
MAX_SEGMENTS: Final = 40
_PARTS_OF_ESTIMATE: Final = 1000


def get(customer_id: str) -> Scorecard | None:
    """The customer's scorecard (1 read unit)."""
    item = SCORECARDS.get({"customer_id": customer_id})
    return from_item(item) if item else None


def customers() -> int:
    """How many scorecards there are. DynamoDB counts them every six hours: after a first import it says 0."""
    count: int = client().describe_table(TableName=SCORECARDS.name)["Table"].get("ItemCount", 0)
    return count


def estimate() -> int:
    """About how many scorecards there are, also right after a first import: then by looking at a thousandth of them."""
    if counted := customers():
        return counted
    part: int = sum(page["Count"] for page in SCORECARDS.scan(0, _PARTS_OF_ESTIMATE, Select="COUNT"))
    return _PARTS_OF_ESTIMATE * part


def plan_scan() -> int:
    """The number of segments into which a scan of all customers is split."""
    return min(max(math.ceil(customers() / CUSTOMERS_PER_SEGMENT), MIN_SEGMENTS), MAX_SEGMENTS)


def scan(segment: int, total_segments: int) -> Iterator[list[Item]]:
    """The items of one segment, page by page (½ read unit per 4 KB)."""
    for page in SCORECARDS.scan(segment, total_segments):
        yield [unpack(item) for item in page["Items"]]


def count(card: Scorecard) -> Write:
    """The write of changed counters over version n − 1; what rescoring found stays as it is (2 write units)."""
    values = {
        ":orders": card.orders,
        ":spent": card.spent,
        ":first": card.first_order_on.isoformat() if card.first_order_on else None,
        ":last": card.last_order_on.isoformat() if card.last_order_on else None,
        ":days": card.order_days or None,
        ":months": months_to_item(card),
        ":version": card.version,
        ":before": card.version - 1 or None,
    }
    change = (
        "SET orders = :orders, spent = :spent, first_order_on = :first, last_order_on = :last, "
        "order_days = :days, months = :months, version = :version"
    )
    unwritten = "(attribute_not_exists(version) OR version = :zero)"
    condition = "version = :before" if card.version > 1 else unwritten
    if card.version == 1:
        values[":zero"] = 0
    return SCORECARDS.update({"customer_id": card.customer_id}, change, condition, values)


def unchanged(card: Scorecard) -> Write:
    """The check that the counters are still these (2 write units)."""
    return SCORECARDS.check({"customer_id": card.customer_id}, "version = :version", {":version": card.version})


def ensure(customer_id: str) -> Write:
    """The write that gives a customer without orders a scorecard, and leaves any other as it is (2 write units)."""
    return SCORECARDS.update(
        {"customer_id": customer_id},
        "SET version = if_not_exists(version, :zero), orders = if_not_exists(orders, :zero)",
        "",
        {":zero": 0},
    )


def months_to_item(card: Scorecard) -> dict[str, str]:
    """The months as stored: orders and minor units as one text, `2|4990`; a million are read every night."""
    return {name: f"{month.orders}|{month.spent}" for name, month in card.months.items()}


def from_item(item: Mapping[str, Any]) -> Scorecard:
    """The scorecard of an unpacked item."""
    return Scorecard(
        customer_id=item["customer_id"],
        orders=item.get("orders", 0),
        spent=item.get("spent", 0),
        first_order_on=_date_from(item.get("first_order_on")),
        last_order_on=_date_from(item.get("last_order_on")),
        order_days=item.get("order_days", frozenset()),
        months={name: _month_from(text) for name, text in item.get("months", {}).items()},
        score=scores.from_text(item["score"]).score if "score" in item else None,
        version=item.get("version", 0),
    )


def _month_from(text: str) -> Month:
    orders, spent = text.split("|")
    return Month(orders=int(orders), spent=int(spent))


def _date_from(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
