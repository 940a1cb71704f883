"""The single view of a customer: profile and scorecard."""

from typing import Annotated

from pydantic import Field

from shared.customers.answers import CustomerProfile
from shared.edge.answers import Answer, Count, Currency, Day, example
from shared.scorecards.rfm import SCORES, SEGMENTS

Segment = Annotated[str, Field(json_schema_extra={"enum": list(SEGMENTS)})]
"""An RFM segment."""
ScorePoints = Annotated[int, Field(ge=1, le=SCORES)]


class ScorecardView(Answer):
    """Purchases and scores. Recency, frequency and monetary value are of the last 24 calendar months, as of today."""

    orders: Count = Field(description="orders of the whole life, refunded ones left out")
    spent: int = Field(description="money of the whole life less refunds, in minor units")
    currency: Currency
    first_order_on: Day | None
    last_order_on: Day | None
    recency_days: Count | None = Field(description="days since the last order; null without one")
    frequency: Count | None = Field(description="orders")
    monetary: int | None = Field(description="money less refunds, in minor units")
    segment: Segment | None = Field(description="of the last rescoring; null before the first")
    r: ScorePoints | None = Field(description="score of recency, 5 is best; null for prospects")
    f: ScorePoints | None = Field(description="score of frequency, 5 is best; null for prospects")
    m: ScorePoints | None = Field(description="score of monetary value, 5 is best; null for prospects")
    churn_band: Annotated[str, Field(json_schema_extra={"enum": ["LOW", "MEDIUM", "HIGH", "LOST"]})] | None = Field(
        description="risk of not coming back within 90 days"
    )
    value_band: Annotated[str, Field(json_schema_extra={"enum": ["TOP", "HIGH", "MEDIUM", "LOW"]})] | None = Field(
        description="value of the next 12 months"
    )
    scored_on: Day | None = Field(description="the day that was scored for")


class CustomerView(CustomerProfile):
    """A customer: profile, consents, purchases and scores."""

    model_config = example(
        customer_id="cus_7Q2M9X4TKB",
        email="ada@example.com",
        name="Ada",
        phone=None,
        birthday="1990-12-10",
        locale="de-DE",
        time_zone="Europe/Berlin",
        referral_code=None,
        created_at="2026-11-21T20:14:00.000Z",
        paused_until=None,
        signup_requested_at=None,
        consents={"EMAIL": {"NEWS": {"status": "SUBSCRIBED", "since": "2026-11-21T20:16:00.000Z", "reason": None}}},
        scorecard={
            "orders": 1,
            "spent": 3470,
            "currency": "EUR",
            "first_order_on": "2026-11-20",
            "last_order_on": "2026-11-20",
            "recency_days": 1,
            "frequency": 1,
            "monetary": 3470,
            "segment": "New Customers",
            "r": 5,
            "f": 1,
            "m": 2,
            "churn_band": "MEDIUM",
            "value_band": "HIGH",
            "scored_on": "2026-11-21",
        },
    )

    scorecard: ScorecardView | None = Field(description="null for customers who have neither bought nor confirmed")
