"""The scan of a rescoring against boto3's Table resource: client CPU per million scorecards, over the same pages."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import boto3

from shared.core.dynamodb import SCORECARDS
from shared.scorecards.score import Score
from shared.scorecards.scorecard import Scorecard, with_order
from shared.scoring.store import scan
from tests import scorecard_items
from tests.benchmarks.local_tables import create_pair, use_pair

CUSTOMERS: Final = 20_000
AS_OF: Final = date(2026, 11, 22)


def figures() -> Iterator[dict[str, Any]]:
    """CPU of this process alone: the local AWS is another one. The Table resource only makes dictionaries of the items,
    the scan makes R, F, M and all else that a rescoring needs of them.
    """
    create_pair("decoding")
    use_pair("decoding")
    _fill()
    ours = _cpu_seconds(_scan)
    rival = _cpu_seconds(_scan_by_resource)
    million = 1_000_000 / CUSTOMERS
    yield {
        "figure": "decoding a scan",
        "customers": CUSTOMERS,
        "cpu_seconds_per_million": round(ours * million, 2),
        "rival": "boto3 Table resource",
        "rival_cpu_seconds_per_million": round(rival * million, 2),
        "ratio": round(ours / rival, 3),
        "aim": 0.1,
    }


def _cpu_seconds(measured: Callable[[], int]) -> float:
    """The least of three, after one to warm up."""
    taken = []
    for _ in range(4):
        began = time.process_time()
        customers = measured()
        taken.append(time.process_time() - began)
        assert customers == CUSTOMERS
    return min(taken[1:])


def _scan() -> int:
    return len(scan.scan(0, 1, AS_OF, 0, frozenset()).part.customer_ids)


def _scan_by_resource() -> int:
    resource = boto3.resource("dynamodb").Table(SCORECARDS.name)
    customers = 0
    more: Any = {}
    while True:
        page = resource.scan(**more)
        customers += len(page["Items"])
        if "LastEvaluatedKey" not in page:
            return customers
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _fill() -> None:
    """Customers as CDNOW's: most buy once, some often."""
    dice = random.Random(1)
    scorecard_items.put(_item(number, dice) for number in range(CUSTOMERS))


def _item(number: int, dice: random.Random) -> dict[str, Any]:
    card = Scorecard(customer_id=f"customer-{number:07d}")
    for _ in range(min(int(dice.expovariate(0.5)) + 1, 20)):
        card = with_order(card, AS_OF - timedelta(days=dice.randint(0, 540)), dice.randint(500, 20_000))
    score = Score(
        "Champions", 5, 5, dice.randint(1, 5), AS_OF, "LOW", "TOP", "20261122T040000-5e1e1a15", True, "Loyal Customers"
    )
    return scorecard_items.item(replace(card, score=score))
