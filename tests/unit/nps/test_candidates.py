"""Candidates: of which run, and by what an answer will be counted."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.facts import Fact
from shared.core.shop_time import ShopTime
from shared.nps.candidates import Candidacy, about, candidacy
from shared.nps.survey import Survey, Trigger
from shared.scorecards.score import Score
from shared.scorecards.scorecard import Scorecard

TODAY = date(2026, 11, 21)
TIME = ShopTime(datetime(2026, 11, 21, 7, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
AFTER_PURCHASE = Survey(survey_id="after-purchase", trigger=Trigger.PURCHASE)
NIGHTLY = Survey(survey_id="nightly", trigger=Trigger.NIGHTLY)


def card(*days_ago: int) -> Scorecard:
    days = frozenset((TODAY - timedelta(days=days) - date(1970, 1, 1)).days for days in days_ago)
    return Scorecard(customer_id="K-1", order_days=days)


def test_the_latest_purchase_that_is_due_makes_a_candidate() -> None:
    due = Candidacy("2026-11-14", date(2026, 11, 14))
    assert candidacy(card(9, 7, 2), AFTER_PURCHASE, TODAY) == due
    assert candidacy(card(30, 2), AFTER_PURCHASE, TODAY) is None


def test_every_customer_is_a_candidate_for_a_nightly_survey() -> None:
    assert candidacy(card(30, 2, -1), NIGHTLY, TODAY) == Candidacy("2026-11-21", date(2026, 11, 19))
    assert candidacy(card(), NIGHTLY, TODAY) == Candidacy("2026-11-21", None)


def bought(hour: int, **data: Any) -> Fact:
    at = datetime(2026, 11, 14, hour, tzinfo=UTC)
    products = [
        {"category": "Tea", "price": 500, "quantity": 2},
        {"category": "Cups #1", "price": 2_000, "quantity": 1},
        {"price": 9_000, "quantity": 1},
    ]
    members = {"order_id": f"A-{hour}", "products": products, **data}
    return Fact(type="PurchaseRecorded", id="a", customer_id="K-1", occurred_at=at, recorded_at=at, data=members)


def test_an_answer_is_counted_by_the_first_order_of_the_shops_day() -> None:
    day = date(2026, 11, 14)
    orders = [bought(12, channel="web"), bought(13, channel="store")]
    assert about(card(7), day, orders, TIME) == {"order_id": "A-12", "channel": "web", "category": "Cups  1"}
    # Midnight in Berlin, of the next day.
    assert about(card(7), day, [bought(23)], TIME) == {}
    scored = replace(card(7), score=Score("Champions", 5, 5, 5))
    assert about(scored, None, [], TIME) == {"segment": "Champions"}
