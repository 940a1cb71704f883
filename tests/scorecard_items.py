"""Scorecards put into a table as they are, many at a time: what a purchase would take a transaction for each."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from shared.core.dynamodb import SCORECARDS, client, pack
from shared.scorecards.scorecard import Scorecard
from shared.scorecards.store import cards

_BATCH = 25


def item(card: Scorecard) -> dict[str, Any]:
    """The item of a card, as purchases and a rescoring would have written it."""
    return pack(cards.CARDS.item(card))


def put(items: Iterable[dict[str, Any]]) -> None:
    """Put items into the table of scorecards."""
    _write({"PutRequest": {"Item": item}} for item in items)


def delete(customer_ids: Iterable[str]) -> None:
    """Remove the scorecards of these customers."""
    _write({"DeleteRequest": {"Key": {"customer_id": {"S": customer_id}}}} for customer_id in customer_ids)


def _write(requests: Iterable[Any]) -> None:
    waiting = iter(requests)
    while batch := list(islice(waiting, _BATCH)):
        left: Any = {SCORECARDS.name: batch}
        while left:
            left = client().batch_write_item(RequestItems=left)["UnprocessedItems"]
