"""Answers about rescorings, and the reports that they leave."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from shared.edge.answers import Answer, Count, Currency, Day, Month, Share, Timestamp, absent, example
from shared.scorecards.answers import Segment

PurchaseModel = Literal["NAIVE", "MBG_NBD", "PARETO_NBD"]
ChanceModel = Literal["NAIVE", "MBG_NBD", "PARETO_NBD", "LOGISTIC"]


class RescoringStarted(Answer):
    """A rescoring was put on record and starts."""

    model_config = example(rescoring_id="20261121T201400-2f1c9f0e", status="QUEUED")

    rescoring_id: str
    status: Literal["QUEUED"]


class SegmentMove(Answer):
    """How many customers moved from one segment to another."""

    model_config = ConfigDict(strict=True)

    from_: Segment | None = Field(alias="from", description="null for customers scored for the first time")
    to: Segment
    customers: Count


class WriteUnits(Answer):
    """Write units that a rescoring took."""

    scorecards: Annotated[float, Field(ge=0)]
    facts: Annotated[float, Field(ge=0)]


class RescoringForecast(Answer):
    """Which models a rescoring forecast with."""

    fitted: bool = Field(description="whether they were fitted anew")
    purchases_by: PurchaseModel
    chance_by: ChanceModel


class RescoringView(Answer):
    """A rescoring: how far it is, and once it has succeeded its result. What comes with the end is absent before."""

    model_config = example(
        rescoring_id="20261121T201400-2f1c9f0e",
        status="SUCCEEDED",
        as_of="2026-11-21",
        started_at="2026-11-21T20:14:05.000Z",
        finished_at="2026-11-21T20:15:00.000Z",
        segments=1,
        segments_scanned=1,
        segments_written=1,
        scanned=2357,
        changed=81,
        seconds=55.0,
        customers=2357,
        moves=[{"from": None, "to": "New Customers", "customers": 12}],
        given_way=0,
        read_units=120.5,
        write_units={"scorecards": 81, "facts": 24},
        forecast={"fitted": True, "purchases_by": "PARETO_NBD", "chance_by": "LOGISTIC"},
        caveats=[],
    )

    rescoring_id: str
    status: Literal["QUEUED", "RUNNING", "SUCCEEDED", "FAILED"]
    as_of: Day | None = Field(description="the day that is scored for; null until it is planned")
    started_at: Timestamp | None
    finished_at: Timestamp | None
    segments: Count | None = Field(description="parts of the table, scanned side by side")
    segments_scanned: Count
    segments_written: Count
    scanned: Count = Field(description="scorecards read")
    changed: Count = Field(description="scores that changed")
    seconds: Annotated[float, Field(ge=0)] = absent("from start to end")
    customers: Count = absent()
    moves: list[SegmentMove] = absent("between segments, most customers first")
    given_way: Count = absent("scores not written because the customer's had changed meanwhile")
    read_units: Annotated[float, Field(ge=0)] = absent()
    write_units: WriteUnits = absent()
    forecast: RescoringForecast = absent()
    caveats: list[str] = absent("why the scores say little, as sentences")


class _Report(Answer):
    rescoring_id: str = Field(description="the rescoring that made it")
    as_of: Day
    started_at: Timestamp
    finished_at: Timestamp
    currency: Currency


_HEAD = {
    "rescoring_id": "20261121T010000-2f1c9f0e",
    "as_of": "2026-11-21",
    "started_at": "2026-11-21T01:00:00.000Z",
    "finished_at": "2026-11-21T01:01:00.000Z",
    "currency": "EUR",
}


class SegmentAverage(Answer):
    """Means of a segment's customers; of the scores only where there are enough buyers."""

    recency_days: Annotated[float, Field(ge=0)]
    frequency: Annotated[float, Field(ge=0)] = Field(description="orders of the last 24 calendar months")
    monetary: float = Field(description="money of the last 24 calendar months, in minor units")
    r: Annotated[float, Field(ge=0, le=5)] = absent()
    f: Annotated[float, Field(ge=0, le=5)] = absent()
    m: Annotated[float, Field(ge=0, le=5)] = absent()


class SegmentRow(Answer):
    """A segment."""

    segment: Segment
    customers: Count
    share: Share = Field(description="of all customers")
    revenue: int = Field(description="of the last 24 calendar months, in minor units")
    average: SegmentAverage = absent("absent for prospects")


class SegmentReport(_Report):
    """Customers, revenue and averages by segment, and the moves since the rescoring before."""

    model_config = example(
        **_HEAD,
        customers=2357,
        buyers=2300,
        changed=81,
        caveats=[],
        segments=[
            {
                "segment": "Champions",
                "customers": 200,
                "share": 0.0849,
                "revenue": 4120000,
                "average": {"recency_days": 9.5, "frequency": 7.2, "monetary": 20600.0, "r": 5.0, "f": 4.9, "m": 4.8},
            },
            {"segment": "Prospects", "customers": 57, "share": 0.0242, "revenue": 0},
        ],
        moves=[{"from": "Promising", "to": "Champions", "customers": 4}],
    )

    customers: Count
    buyers: Count
    changed: Count = Field(description="customers whose score changed")
    caveats: list[str] = Field(description="why the scores say little, as sentences")
    segments: list[SegmentRow] = Field(description="those that have customers")
    moves: list[SegmentMove] = Field(description="most customers first")


class RevenueRange(Answer):
    """Expected revenue with its interval, in minor units."""

    revenue: int = Field(description="in minor units")
    low: int | None = Field(
        description="in minor units; the truth lies between low and high nine times in ten; null without a test"
    )
    high: int | None = Field(description="in minor units; null without a test")


class ExistingDemand(RevenueRange):
    """What customers who have bought are expected to spend."""

    purchases: Annotated[float, Field(ge=0)] = Field(description="expected days with a purchase")


class NewcomerDemand(Answer):
    """What newcomers spent in the last horizon, and so may spend in the next."""

    customers: Count
    revenue: int = Field(description="in minor units")


class ValueBand(Answer):
    """The customers of a band of value."""

    band: Literal["TOP", "HIGH", "MEDIUM", "LOW"]
    customers: Count
    revenue: int = Field(description="expected in the horizon, in minor units")
    clv_12m: int = Field(description="expected in 12 months, in minor units")


class ChurnBand(Answer):
    """The customers of a band of the risk of not coming back."""

    band: Literal["LOW", "MEDIUM", "HIGH", "LOST"]
    least_chance: Share = Field(description="the least chance of buying in the horizon")
    customers: Count
    revenue: int = Field(description="expected in the horizon, in minor units")
    clv_12m: int = Field(description="expected in 12 months, in minor units")


class ForecastModel(Answer):
    """The models in use."""

    purchases_by: PurchaseModel
    chance_by: ChanceModel
    fitted_as_of_day: Day
    fitted_on: Count = Field(description="customers that gave the parameters")
    parameters: dict[str, dict[str, float | list[float] | bool | None]] = Field(
        description="by model, in weeks and minor units"
    )


class PurchaseScore(Answer):
    """How forecasts of purchase days did."""

    model: PurchaseModel
    deviance: float = Field(description="mean Poisson deviance; less is better")
    standard_error: float = Field(description="of the deviance")
    predicted: float = Field(description="purchase days in all")
    actual: float = Field(description="purchase days in all")
    mae: float = Field(description="mean absolute error per customer")
    bias: float = Field(description="mean of predicted − actual per customer")
    auc: Share | None = Field(description="chance that a buyer was ranked above one who did not buy; null without both")


class ChanceScore(Answer):
    """How forecasts of who buys did."""

    model: ChanceModel
    log_loss: float = Field(description="mean; less is better")
    standard_error: float = Field(description="of the log loss")
    predicted: float = Field(description="buyers in all")
    actual: float = Field(description="buyers in all")
    auc: Share | None = Field(description="chance that a buyer was ranked above one who did not buy; null without both")


class CalibrationBin(Answer):
    """About a tenth of the customers, of neighbouring forecasts."""

    customers: Count
    predicted: float = Field(description="mean of the forecasts")
    actual: float = Field(description="mean of what came")


class Calibration(Answer):
    """Forecasts against what came, least forecast first."""

    purchases: list[CalibrationBin]
    chance: list[CalibrationBin]


class ForecastTest(Answer):
    """How the candidates did on the days held out, best first, and what the chosen ones would have forecast."""

    from_: Day = Field(alias="from", description="the first day held out")
    days: Count
    customers: Count
    purchases: list[PurchaseScore]
    chance: list[ChanceScore]
    served: PurchaseScore
    calibration: Calibration


_SCORE = {
    "model": "PARETO_NBD",
    "deviance": 0.9123,
    "standard_error": 0.0211,
    "predicted": 890.2,
    "actual": 871.0,
    "mae": 0.4411,
    "bias": 0.0082,
    "auc": 0.8123,
}


class ForecastReport(_Report):
    """What all customers are expected to spend in the horizon, and how far such forecasts were right."""

    model_config = example(
        **_HEAD,
        horizon_days=90,
        existing={"purchases": 812.4, "revenue": 3120000, "low": 2810000, "high": 3430000},
        newcomers={"customers": 120, "revenue": 410000},
        total={"revenue": 3530000, "low": 3180000, "high": 3880000},
        clv_12m=9900000,
        churn_bands=[{"band": "LOW", "least_chance": 0.5, "customers": 300, "revenue": 2000000, "clv_12m": 6000000}],
        value_bands=[{"band": "TOP", "customers": 230, "revenue": 1900000, "clv_12m": 5500000}],
        model={
            "purchases_by": "PARETO_NBD",
            "chance_by": "LOGISTIC",
            "fitted_as_of_day": "2026-11-21",
            "fitted_on": 2300,
            "parameters": {"PARETO_NBD": {"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7, "at_edge": False}},
        },
        test={
            "from": "2026-08-23",
            "days": 90,
            "customers": 2100,
            "purchases": [_SCORE],
            "chance": [
                {
                    "model": "LOGISTIC",
                    "log_loss": 0.4312,
                    "standard_error": 0.0101,
                    "predicted": 512.3,
                    "actual": 501.0,
                    "auc": 0.8123,
                }
            ],
            "served": _SCORE,
            "calibration": {
                "purchases": [{"customers": 210, "predicted": 0.0312, "actual": 0.0286}],
                "chance": [{"customers": 210, "predicted": 0.0298, "actual": 0.0286}],
            },
        },
        reasons=[],
    )

    horizon_days: Count
    existing: ExistingDemand
    newcomers: NewcomerDemand
    total: RevenueRange
    clv_12m: int = Field(description="what those who have bought are expected to spend in 12 months, in minor units")
    churn_bands: list[ChurnBand]
    value_bands: list[ValueBand]
    model: ForecastModel
    test: ForecastTest | None = Field(description="null where the shop's days are too few for one")
    reasons: list[str] = Field(description="why these models and no others, as sentences")


class StageRow(Answer):
    """A stage of the lifecycle."""

    stage: Literal["PROSPECT", "ACQUISITION", "RETENTION", "EXPANSION", "LAPSED"]
    customers: Count
    share: Share = Field(description="of all customers")
    revenue: int = Field(description="of the last 24 calendar months, in minor units")
    revenue_share: float = Field(description="of all revenue")


class LifecycleReport(_Report):
    """Customers and revenue by stage."""

    model_config = example(
        **_HEAD,
        customers=2357,
        revenue=9120000,
        lapsed_after_days=365,
        stages=[{"stage": "RETENTION", "customers": 900, "share": 0.3818, "revenue": 5100000, "revenue_share": 0.5592}],
    )

    customers: Count
    revenue: int = Field(description="of the last 24 calendar months, in minor units")
    lapsed_after_days: Count
    stages: list[StageRow]


class CohortRow(Answer):
    """The newcomers of a month."""

    cohort: Month = Field(description="the month of their first order")
    customers: Count
    months: list[Count] = Field(description="how many of them ordered 0, 1, 2, … months later")
    share: list[Share] = Field(description="the same as a share of the newcomers")


class CohortReport(_Report):
    """The retention table of the last two years."""

    model_config = example(
        **_HEAD,
        **{"from": "2024-12"},
        to="2026-11",
        cohorts=[{"cohort": "2026-10", "customers": 80, "months": [80, 21], "share": [1.0, 0.2625]}],
    )

    from_: Month = Field(alias="from")
    to: Month
    cohorts: list[CohortRow]
