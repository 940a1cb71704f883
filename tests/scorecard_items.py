"""Scorecards put into a table as they are, many at a time: what a purchase would take a transaction for each."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from shared.core import old_table as table
from shared.scorecards.scorecard import Scorecard
from shared.scorecards.store import cards as scorecards

_BATCH = 25


def item(card: Scorecard) -> dict[str, Any]:
    """The item of a card with orders and without a score, as `scorecards.count` would have made it."""
    assert card.first_order_on
    assert card.last_order_on
    return table.pack(
        {
            "customer_id": card.customer_id,
            "orders": card.orders,
            "spent": card.spent,
            "first_order_on": card.first_order_on.isoformat(),
            "last_order_on": card.last_order_on.isoformat(),
            "order_days": card.order_days,
            "months": scorecards.months_to_item(card),
            "version": card.version,
        }
    )


def put(items: Iterable[dict[str, Any]]) -> None:
    """Put items into the table of scorecards."""
    _write({"PutRequest": {"Item": one}} for one in items)


def delete(customer_ids: Iterable[str]) -> None:
    """Remove the scorecards of these customers."""
    _write({"DeleteRequest": {"Key": {"customer_id": {"S": one}}}} for one in customer_ids)


def _write(requests: Iterable[Any]) -> None:
    waiting = iter(requests)
    while batch := list(islice(waiting, _BATCH)):
        asked: Any = {table.scorecards_table(): batch}
        while asked:
            asked = table.dynamodb().batch_write_item(RequestItems=asked)["UnprocessedItems"]
