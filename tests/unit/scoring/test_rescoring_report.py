"""The reports of a rescoring."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import pytest

from shared.forecasting import bands, forecast
from shared.forecasting.forecast import Forecaster
from shared.forecasting.histories import Histories, concatenate
from shared.scorecards.rfm import PROSPECTS
from shared.scoring import report
from shared.scoring.demand import Band, Demand
from shared.scoring.lifecycle import STAGES, Cohorts, Stage
from shared.scoring.rescoring import Sums, Tally

AS_OF = date(2026, 11, 21)
EPOCH = date(1970, 1, 1)


@cache
def fitted(customers: int = 300, days: int = 500) -> Forecaster:
    """Customers who buy every month or so, half of whom stop at some time."""
    dice, today = np.random.default_rng(3), (AS_OF - EPOCH).days
    known = []
    for number in range(customers):
        first = today - int(dice.integers(days // 3, days))
        gone = int(dice.integers(first, today + 1)) if number % 2 else today
        known.append(np.unique([first, *(first + np.cumsum(dice.integers(5, 60, 20)))]))
        known[-1] = known[-1][known[-1] <= gone]
    sizes = np.array([len(known_days) for known_days in known], dtype=np.int64)
    drawn = Histories(
        first=np.array([known_days[0] for known_days in known], dtype=np.int64),
        offsets=np.cumsum([0, *sizes], dtype=np.int64),
        days=np.concatenate(known).astype(np.int64),
        unseen=np.zeros(customers, dtype=np.int64),
        orders=sizes,
        spent=sizes * dice.integers(1_000, 9_000, customers),
    )
    return forecast.fit(drawn, today)


def expected(**changes: object) -> Demand:
    churn = {name: Band(10 + at, 1_000.4, 4_000.6) for at, name in enumerate(bands.CHURN_BANDS)}
    value = {name: Band(10 + at, 1_000.4, 4_000.6) for at, name in enumerate(bands.VALUE_BANDS)}
    whole = Demand(
        purchases=123.456, revenue=4_001.6, variance=10_000.0, clv=16_002.4, newcomers=7, newcomer_revenue=700,
        churn=churn, value=value,
    )  # fmt: skip
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_every_report_says_whose_it_is_and_of_when() -> None:
    head = report.head(
        "run-1", AS_OF, datetime(2026, 11, 21, 1, tzinfo=UTC), datetime(2026, 11, 21, 2, tzinfo=UTC), "EUR"
    )
    assert head == {
        "rescoring_id": "run-1",
        "as_of": "2026-11-21",
        "started_at": "2026-11-21T01:00:00.000Z",
        "finished_at": "2026-11-21T02:00:00.000Z",
        "currency": "EUR",
    }


def test_segments_come_with_their_share_their_revenue_and_averages() -> None:
    sums = {"Lost": Sums(40, 8_000, 40, 4_000, 40, 40, 60), "Champions": Sums(20, 50, 90, 6_000, 100, 99, 100)}
    moves = {("Lost", "Champions"): 2, (None, "Lost"): 3, (None, PROSPECTS): 2}
    answer = report.segments(Tally({**sums, PROSPECTS: Sums(20)}, moves, 9), ["why"])
    assert {name: answer[name] for name in ("customers", "buyers", "changed", "caveats")} == {
        "customers": 80, "buyers": 60, "changed": 9, "caveats": ["why"]
    }  # fmt: skip
    champions, lost, prospects = answer["segments"]
    assert champions == {
        "segment": "Champions", "customers": 20, "share": 0.25, "revenue": 6_000,
        "average": {"recency_days": 2.5, "frequency": 4.5, "monetary": 300.0, "r": 5.0, "f": 4.95, "m": 5.0},
    }  # fmt: skip
    assert (lost["share"], lost["average"]["m"]) == (0.5, 1.5)
    assert prospects == {"segment": PROSPECTS, "customers": 20, "share": 0.25, "revenue": 0}
    assert [(move["from"], move["to"], move["customers"]) for move in answer["moves"]] == [
        (None, "Lost", 3), ("Lost", "Champions", 2), (None, PROSPECTS, 2)
    ]  # fmt: skip


@pytest.mark.parametrize(("buyers", "shown"), [(49, False), (50, True)])
def test_below_fifty_buyers_no_averages_of_scores_are_shown(buyers: int, shown: bool) -> None:
    tally = Tally({"Lost": Sums(buyers, 1, 1, 1, buyers, buyers, buyers), PROSPECTS: Sums(100)}, {}, 0)
    assert ("r" in report.segments(tally, [])["segments"][0]["average"]) == shown


def test_a_shop_without_customers_has_reports_too() -> None:
    assert report.segments(Tally(), [])["segments"] == []
    stages = report.lifecycle_stages(dict.fromkeys(STAGES, Stage()))
    assert {row["share"] for row in stages["stages"]} | {row["revenue_share"] for row in stages["stages"]} == {0.0}
    assert report.cohorts(Cohorts(), AS_OF) == {"from": "2024-12", "to": "2026-11", "cohorts": []}
    nobody = concatenate([])
    none = Demand(churn=dict.fromkeys(bands.CHURN_BANDS, Band()), value=dict.fromkeys(bands.VALUE_BANDS, Band()))
    answer = report.forecast(forecast.fit(nobody, 20_000), none)
    assert answer["test"] is None
    assert answer["total"] == {"revenue": 0, "low": None, "high": None}
    json.dumps(answer, allow_nan=False)


def test_a_forecast_adds_newcomers_to_those_who_have_bought() -> None:
    answer = report.forecast(fitted(), expected())
    existing, newcomers, total = answer["existing"], answer["newcomers"], answer["total"]
    assert (existing["purchases"], existing["revenue"]) == (123.5, 4_002)
    assert newcomers == {"customers": 7, "revenue": 700}
    assert total["revenue"] == 4_702
    for part in (existing, total):
        assert 0 <= part["low"] < part["revenue"] < part["high"]
    assert answer["clv_12m"] == 16_002
    json.dumps(answer, allow_nan=False)


def test_a_forecast_has_every_band_with_the_chance_it_begins_at() -> None:
    answer = report.forecast(fitted(), expected())
    assert [(row["band"], row["least_chance"]) for row in answer["churn_bands"]] == [
        ("LOW", 0.5), ("MEDIUM", 0.2), ("HIGH", 0.05), ("LOST", 0.0)
    ]  # fmt: skip
    assert [row["band"] for row in answer["value_bands"]] == list(bands.VALUE_BANDS)
    for row in (*answer["churn_bands"], *answer["value_bands"]):
        assert (row["revenue"], row["clv_12m"]) == (1_000, 4_001)


def test_a_forecast_says_which_model_made_it_and_how_all_of_them_did_in_the_test() -> None:
    forecaster = fitted()
    answer = report.forecast(forecaster, expected())
    assert answer["model"]["purchases_by"] == forecaster.count_model
    assert answer["model"]["fitted_as_of_day"] == AS_OF.isoformat()
    assert answer["model"]["fitted_on"] == 300
    assert set(answer["model"]["parameters"]) == {forecaster.count_model, forecaster.chance_model, "GAMMA_GAMMA"}
    holdout, test = forecaster.holdout, answer["test"]
    assert holdout is not None
    assert (test["days"], test["customers"]) == (holdout.days, holdout.customers)
    # The first day that was held out, and the last is the day of the fit.
    assert (AS_OF - date.fromisoformat(test["from"])).days + 1 == holdout.days
    assert forecaster.count_model in {row["model"] for row in test["purchases"]}
    assert forecaster.chance_model in {row["model"] for row in test["chance"]}
    assert sum(row["customers"] for row in test["calibration"]["chance"]) == holdout.customers
    for scores, score in ((test["purchases"], "deviance"), (test["chance"], "log_loss")):
        losses = [row[score] for row in scores]
        assert losses == sorted(losses)


def test_the_interval_and_the_calibration_are_of_what_would_have_been_served() -> None:
    forecaster = fitted()
    holdout = forecaster.holdout
    assert holdout is not None
    answer = report.forecast(forecaster, expected())
    served, bins = answer["test"]["served"], answer["test"]["calibration"]["purchases"]
    assert served["model"] == forecaster.count_model
    for side in ("predicted", "actual"):
        assert sum(row["customers"] * row[side] for row in bins) == pytest.approx(served[side], rel=1e-3)
    # Twice as many came as were served: the interval widens, whatever the bare model had forecast.
    missed = replace(holdout, served=replace(holdout.served, predicted=holdout.served.actual / 2))
    wider = report.forecast(replace(forecaster, holdout=missed), expected())
    bare = [replace(row, predicted=row.actual / 2) for row in holdout.counts]
    same = report.forecast(replace(forecaster, holdout=replace(holdout, counts=tuple(bare))), expected())
    assert wider["total"]["high"] > answer["total"]["high"]
    assert same["total"] == answer["total"]


def test_without_a_test_the_forecast_has_no_interval_and_says_why() -> None:
    answer = report.forecast(fitted(30, 30), expected())
    assert answer["test"] is None
    assert answer["reasons"]
    assert (answer["existing"]["low"], answer["total"]["high"]) == (None, None)


def test_a_stored_forecaster_forecasts_the_same() -> None:
    kept = Forecaster.from_data(json.loads(json.dumps(fitted().to_data())))
    assert report.forecast(kept, expected()) == report.forecast(fitted(), expected())


def test_stages_come_with_their_shares() -> None:
    stages = dict.fromkeys(STAGES, Stage()) | {"ACQUISITION": Stage(3, 100), "RETENTION": Stage(1, 300)}
    answer = report.lifecycle_stages(stages)
    assert (answer["customers"], answer["revenue"], answer["lapsed_after_days"]) == (4, 400, 365)
    assert [row["stage"] for row in answer["stages"]] == list(STAGES)
    assert answer["stages"][1] == {
        "stage": "ACQUISITION", "customers": 3, "share": 0.75, "revenue": 100, "revenue_share": 0.25
    }  # fmt: skip


def test_the_cohorts_are_those_of_24_months() -> None:
    newcomers = {"2024-11": 1, "2024-12": 2, "2026-11": 3, "2026-12": 4}
    answer = report.cohorts(Cohorts(newcomers, {"2024-12": {"2024-12": 2}, "2026-11": {"2026-11": 3}}), AS_OF)
    assert (answer["from"], answer["to"]) == ("2024-12", "2026-11")
    assert [(row["cohort"], row["customers"], len(row["months"])) for row in answer["cohorts"]] == [
        ("2024-12", 2, 24), ("2026-11", 3, 1)
    ]  # fmt: skip
