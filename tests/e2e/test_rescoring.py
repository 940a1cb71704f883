"""A rescoring over the deployed state machine: every customer's score is the one that `regulars score` finds."""

import csv
import os
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from cli.main import app
from shared.scorecards.scorecard import MAX_ORDER_DAYS, Scorecard, with_order
from shared.scorecards.store import cards
from tests import scorecard_items
from tests.e2e.conftest import Crm, eventually, kill, workers

# A hundred thousand take some ten minutes on two cores; a few thousand show the same in one.
CUSTOMERS: Final = int(os.environ.get("RESCORED_CUSTOMERS", "3000"))
# Before anything that other tests buy: whoever is not of this test is a prospect on this day.
AS_OF: Final = date(1990, 12, 31)
FIRST_DAY: Final = AS_OF - timedelta(days=500)
SECONDS: Final = 120 + CUSTOMERS // 50

Order = tuple[str, str, date, int]


@pytest.fixture
def shop(store: None, tmp_path: Path) -> Iterator[Path]:
    """Customers on whom models of repeat buying fit, as scorecards in the table and as a file of their orders."""
    orders = _orders()
    scorecards: dict[str, Scorecard] = {}
    for customer_id, _, ordered_on, total in orders:
        card = scorecards.get(customer_id, Scorecard(customer_id=customer_id))
        scorecards[customer_id] = with_order(card, ordered_on, total)
    scorecard_items.put(scorecard_items.item(card) for card in scorecards.values())
    file = tmp_path / "orders.csv"
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened)
        rows.writerow(["customer_id", "order_id", "ordered_at", "total"])
        rows.writerows(
            [customer, order, day, f"{total // 100}.{total % 100:02d}"] for customer, order, day, total in orders
        )
    yield file
    # Others' runs would look at each of them.
    scorecard_items.delete(scorecards)


def test_a_disturbed_rescoring_gives_the_offline_scores_and_writes_changes_only(
    crm: Crm, shop: Path, aws: Callable[[str], Any]
) -> None:
    offline = _score_offline(shop)
    first = _start(crm)
    eventually(lambda: _view(crm, first)["segments_scanned"], seconds=SECONDS)
    for number in range(8):
        _buy(crm, f"P{number * 7:06d}", number)
    killed = eventually(lambda: _kill_a_worker(crm, "write_scores"), seconds=SECONDS)
    finished = _wait(crm, first)

    assert killed
    assert (finished["status"], finished["given_way"]) == ("SUCCEEDED", 0)
    assert finished["segments_written"] == finished["segments"]
    scores = _stored()
    assert finished["scanned"] == finished["customers"] == len(scores)
    assert set(offline) == {customer for customer, score in scores.items() if score["r"] is not None}
    different = {
        customer: (scores[customer], score) for customer, score in offline.items() if scores[customer] != score
    }
    assert not different, f"{len(different)}: {list(different.items())[:3]}"
    # Whoever is not of this test has bought nothing yet on that day.
    assert {score["segment"] for customer, score in scores.items() if customer not in offline} <= {"Prospects"}

    moved = sum(move["customers"] for move in finished["moves"])
    assert finished["changed"] == moved == len(scores)
    # The worker that died had paid for what it wrote, and its successor wrote the rest; a fact may be published twice.
    assert finished["write_units"]["scorecards"] == finished["changed"]
    assert finished["write_units"]["facts"] >= finished["changed"]
    facts = [fact for fact in crm.facts("P000000") if fact["type"] == "SegmentChanged"]
    assert [(fact["id"], fact["to"]) for fact in facts] == [(first, offline["P000000"]["segment"])]

    second = _wait(crm, _start(crm))
    assert (second["changed"], second["moves"]) == (0, [])
    assert second["write_units"] == {"scorecards": 0, "facts": 0}
    _check_reports(crm, second["rescoring_id"], offline)


def test_two_rescorings_at_once_run_one_after_the_other(crm: Crm, shop: Path) -> None:
    first, second = _start(crm), _start(crm, AS_OF - timedelta(days=90))
    this, other = _wait(crm, first), _wait(crm, second)
    assert this["status"] == other["status"] == "SUCCEEDED"
    earlier, later = sorted((this, other), key=lambda run: str(run["finished_at"]))
    # The later one of them ran last: all scores are of its day.
    assert {score["scored_on"] for customer, score in _stored().items() if customer.startswith("P")} >= {later["as_of"]}
    again = _wait(crm, _start(crm, date.fromisoformat(later["as_of"])))
    assert again["changed"] == 0
    assert earlier["rescoring_id"] != later["rescoring_id"]


def test_an_unknown_rescoring_is_404_and_a_missing_key_is_401(crm: Crm) -> None:
    assert crm.call("GET", "/rescorings/nothing").status_code == 404
    assert crm.call("GET", "/rescorings/nothing", key=None).status_code == 401
    assert crm.call("GET", "/reports/segments", key=None).status_code == 401


def test_the_contract_is_served_to_everybody(crm: Crm) -> None:
    contract = crm.call("GET", "/openapi.json", key=None).json()
    assert set(contract["paths"]["/customers/{customer_id}"]) == {"get"}


def _orders() -> list[Order]:
    """Customers join over the first 300 days, buy at rates of their own and leave at some time.

    None buys more often than a scorecard keeps days: of who does, the day of an older order is a guess there, and no
    guess in a file.
    """
    dice = random.Random(23)
    orders: list[Order] = []
    for number in range(CUSTOMERS):
        day, rate, leaves = dice.uniform(0, 300), dice.gammavariate(0.8, 0.02), dice.expovariate(1 / 250)
        value, end = dice.lognormvariate(8.3, 0.6), min(day + leaves, 500.0)
        for _ in range(MAX_ORDER_DAYS - 1):
            if day > end:
                break
            orders.append(
                (
                    f"P{number:06d}",
                    f"o{len(orders)}",
                    FIRST_DAY + timedelta(days=int(day)),
                    max(int(value * dice.uniform(0.6, 1.4)), 1),
                )
            )
            day += dice.expovariate(rate) + 0.01
    return orders


def _score_offline(file: Path) -> dict[str, dict[str, Any]]:
    out = file.with_name("scores.csv")
    ran = CliRunner().invoke(app, ["score", str(file), "--as-of", AS_OF.isoformat(), "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    with out.open(newline="", encoding="utf-8") as opened:
        return {
            row["customer_id"]: {
                **{name: int(row[name]) for name in ("r", "f", "m")},
                "segment": row["segment"],
                "churn_band": row["churn_band"],
                "scored_on": AS_OF.isoformat(),
            }
            for row in csv.DictReader(opened)
        }


def _stored() -> dict[str, dict[str, Any]]:
    """The stored scores of all customers."""
    scores: dict[str, dict[str, Any]] = {}
    for page in cards.scan(0, 1):
        for card in map(cards.CARDS.entity, page.items):
            score = card.score
            assert score is not None, card.customer_id
            assert score.scored_on is not None
            scores[card.customer_id] = {
                "r": score.r,
                "f": score.f,
                "m": score.m,
                "segment": score.segment,
                "churn_band": score.churn_band,
                "scored_on": score.scored_on.isoformat(),
            }
    return scores


def _start(crm: Crm, as_of: date = AS_OF) -> str:
    started = crm.call("POST", "/rescorings", json={"as_of": as_of.isoformat()})
    assert (started.status_code, started.json()["status"]) == (202, "QUEUED")
    return str(started.json()["rescoring_id"])


def _view(crm: Crm, rescoring_id: str) -> dict[str, Any]:
    view: dict[str, Any] = crm.call("GET", f"/rescorings/{rescoring_id}").raise_for_status().json()
    return view


def _wait(crm: Crm, rescoring_id: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        answer = crm.call("GET", f"/rescorings/{rescoring_id}")
        if answer.status_code >= 500:
            # A gateway whose two cores are all in use, as after a hundred thousand moves: a client asks again.
            return None
        view: dict[str, Any] = answer.raise_for_status().json()
        return view if view["status"] not in ("QUEUED", "RUNNING") else None

    return eventually(ended, seconds=SECONDS)


def _buy(crm: Crm, customer_id: str, number: int) -> None:
    """A purchase of today: it changes the counters, and no score of that day long ago."""
    body = {
        "order_id": f"meanwhile-{number}",
        "customer": {"customer_id": customer_id},
        "ordered_at": "1991-02-03",
        "currency": "EUR",
        "total": 4_900,
    }
    crm.call("POST", "/purchases", json=body).raise_for_status()


def _kill_a_worker(crm: Crm, function: str) -> int | None:
    """End one process that runs a function; its id."""
    worker = next((worker for worker, name in workers(crm.stack).items() if name == function), None)
    if worker:
        kill(worker)
    return worker


def _check_reports(crm: Crm, rescoring_id: str, offline: Mapping[str, Any]) -> None:
    reports = {
        name: crm.call("GET", f"/reports/{name}").raise_for_status().json()
        for name in ("segments", "forecast", "lifecycle", "cohorts")
    }
    assert {report["rescoring_id"] for report in reports.values()} == {rescoring_id}
    assert reports["segments"]["buyers"] == len(offline)
    assert sum(row["customers"] for row in reports["forecast"]["churn_bands"]) == len(offline)
    assert reports["forecast"]["test"]["calibration"]["chance"]
    stages = {row["stage"]: row["customers"] for row in reports["lifecycle"]["stages"]}
    assert sum(stages.values()) - stages["PROSPECT"] == len(offline)
    assert sum(row["customers"] for row in reports["cohorts"]["cohorts"]) == len(offline)
