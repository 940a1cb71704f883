"""A shop's forecaster: it never fails, does not mind the order of customers, and says what it did without."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.errors import Invalid
from shared.forecasting import forecast
from shared.forecasting.arrays import Ints
from shared.forecasting.bands import churn_band, value_band
from shared.forecasting.forecast import LOGISTIC, MBG_NBD, NAIVE, PARETO_NBD, Forecaster, Holdout, Model, Predictions
from shared.forecasting.histories import Histories, purchases_between, sufficient
from shared.forecasting.mbg_nbd import MbgNbd
from shared.forecasting.pareto_nbd import ParetoNbd
from tests.examples import examples

TODAY = 1000


def shop(
    lives: list[list[int]], spent: list[int] | None = None, orders: list[int] | None = None, unseen: int = 0
) -> Histories:
    return Histories(
        first=np.array([days[0] for days in lives], np.int64),
        offsets=np.cumsum([0, *(len(days) for days in lives)], dtype=np.int64),
        days=np.array([day for days in lives for day in days], np.int64),
        unseen=np.full(len(lives), unseen, np.int64),
        orders=np.array([len(days) for days in lives] if orders is None else orders, np.int64),
        spent=np.array([1500 * len(days) for days in lives] if spent is None else spent, np.int64),
    )


def predicted(made: Forecaster, histories: Histories, day: int) -> Predictions:
    known = sufficient(histories, day)
    who = known.customers
    return forecast.predict(made, known.x, known.t_x, known.age, histories.orders[who], histories.spent[who])


def check(made: Forecaster, histories: Histories, day: int) -> Predictions:
    """Forecasts that are finite and in their range, a forecaster that survives being stored, reasons in sentences."""
    forecasts = predicted(made, histories, day)
    for values in (forecasts.expected_purchases, forecasts.p_buy, forecasts.clv_12m):
        assert values.size == int((histories.first <= day).sum())
        assert np.all(np.isfinite(values))
        assert np.all(values >= 0)
    assert np.all(forecasts.p_buy <= 1)
    assert np.all(forecasts.p_buy <= forecasts.expected_purchases)
    assert set(churn_band(forecasts.p_buy)) | set(value_band(forecasts.clv_12m, made.value_cuts)) <= {0, 1, 2, 3}
    stored = json.dumps(made.to_data(), allow_nan=False)
    assert Forecaster.from_data(json.loads(stored)) == made
    assert all(reason.endswith(".") and reason[0].isupper() for reason in made.reasons)
    return forecasts


def mixed_shop(n: int = 400, seed: int = 4) -> list[list[int]]:
    """Customers who buy at random at rates of their own until they leave, over a thousand days."""
    random = np.random.default_rng(seed)
    lives = []
    for first in random.integers(0, 900, n).tolist():
        rate, stay = random.gamma(0.8, 1 / 60), random.exponential(1 / random.gamma(0.7, 1 / 100))
        gaps = np.cumsum(random.exponential(1 / rate, 60))
        days = first + np.ceil(gaps[gaps < min(stay, TODAY - first)]).astype(int)
        lives.append(sorted({first, *days.tolist()}))
    return lives


lives = st.lists(
    st.lists(st.integers(0, 1100), min_size=1, max_size=12, unique=True).map(sorted), min_size=0, max_size=12
)
money = st.sampled_from([0, 1, -700, 1999, 1999, 10**12, -(10**15), 2**63 - 1])


@settings(max_examples=examples(12))
@given(lives, st.data(), st.sampled_from([1, 9, 80]), st.sampled_from([0, 0, 3, 500]), st.sampled_from([7, 90, 365]))
def test_no_history_makes_a_fit_or_a_forecast_fail(
    lives: list[list[int]], data: Any, copies: int, unseen: int, horizon: int
) -> None:
    n = len(lives)
    spent = data.draw(st.lists(money, min_size=n, max_size=n))
    orders = data.draw(st.lists(st.integers(0, 20), min_size=n, max_size=n))
    # Copies make a shop of a few kinds of customers large enough for every model.
    histories = shop(lives * copies, spent * copies, orders * copies, unseen)
    check(forecast.fit(histories, TODAY, horizon_days=horizon), histories, TODAY)


def test_the_order_of_customers_changes_nothing() -> None:
    lives = mixed_shop()
    spent = np.random.default_rng(1).integers(-500, 20_000, len(lives)).tolist()
    made = forecast.fit(shop(lives, spent), TODAY)
    order = np.random.default_rng(2).permutation(len(lives)).tolist()
    shuffled = shop([lives[k] for k in order], [spent[k] for k in order])
    assert forecast.fit(shuffled, TODAY).to_data() == made.to_data()
    as_they_were = predicted(made, shop(lives, spent), TODAY).clv_12m
    assert predicted(made, shuffled, TODAY).clv_12m == pytest.approx(as_they_were[order], rel=1e-12)


def test_days_to_come_are_not_looked_at() -> None:
    lives = mixed_shop()
    spent = [100] * len(lives)
    now = forecast.fit(shop(lives, spent, spent), 800)
    known = [[day for day in days if day <= 800] for days in lives]
    kept = [days for days in known if days]
    then = forecast.fit(shop(kept, spent[: len(kept)], spent[: len(kept)]), 800)
    assert (now.holdout, now.pareto_nbd, now.mbg_nbd, now.logistic, now.naive) == (
        then.holdout, then.pareto_nbd, then.mbg_nbd, then.logistic, then.naive,
    )  # fmt: skip


def test_a_shop_that_fits_the_models_is_forecast_by_a_tested_model() -> None:
    histories = shop(mixed_shop(1500))
    made = forecast.fit(histories, 910)
    forecasts = check(made, histories, 910)
    assert made.count_model in (MBG_NBD, PARETO_NBD)
    assert made.reasons == ("The values of orders do not fit the Gamma-Gamma model; means of customers, drawn towards "
                            "that of the shop, are used.",)  # fmt: skip
    assert made.holdout is not None
    assert (made.holdout.calibrated_until, made.holdout.days) == (820, 90)
    assert {score.model for score in made.holdout.counts} == {NAIVE, MBG_NBD, PARETO_NBD}
    assert {score.model for score in made.holdout.chances} == {NAIVE, MBG_NBD, PARETO_NBD, LOGISTIC}
    assert sum(tenth.customers for tenth in made.holdout.count_bins) == made.holdout.customers
    came = purchases_between(histories, 910, 1000)[histories.first <= 910]
    assert forecasts.expected_purchases.sum() == pytest.approx(came.sum(), rel=0.15)
    assert forecasts.p_buy.sum() == pytest.approx((came > 0).sum(), rel=0.15)
    # Every order came to 15.00.
    assert forecasts.clv_12m.sum() == pytest.approx(1500 * 4 * came.sum(), rel=0.25)


def judged(made: Forecaster, histories: Histories) -> Holdout:
    """The holdout of a forecaster, of which what is said of the served is in keeping with the bins."""
    holdout = made.holdout
    assert holdout is not None
    assert holdout.served.model == made.count_model
    came = purchases_between(histories, holdout.calibrated_until, made.as_of_day)[
        histories.first <= holdout.calibrated_until
    ]
    assert holdout.served.actual == came.sum()
    for side in ("predicted", "actual"):
        of_bins = sum(tenth.customers * getattr(tenth, side) for tenth in holdout.count_bins)
        assert of_bins == pytest.approx(getattr(holdout.served, side))
    assert holdout.served.bias == pytest.approx((holdout.served.predicted - holdout.served.actual) / holdout.customers)
    chance = next(tenth for tenth in holdout.chances if tenth.model == made.chance_model)
    assert sum(tenth.customers * tenth.predicted for tenth in holdout.chance_bins) == pytest.approx(chance.predicted)
    return holdout


def test_what_is_tested_is_what_is_served() -> None:
    histories = shop(mixed_shop(1000, seed=5))
    made = forecast.fit(histories, 910)
    holdout = judged(made, histories)
    bare = next(scored for scored in holdout.counts if scored.model == made.count_model)
    # Two models that disagree here and there: nobody is served less than the chance to buy.
    assert made.chance_model == LOGISTIC
    assert holdout.served.predicted > bare.predicted


@pytest.mark.parametrize("at_edge", [False, True])
def test_a_model_that_cannot_be_fitted_yields_to_the_next_best(monkeypatch: pytest.MonkeyPatch, at_edge: bool) -> None:
    histories = shop(mixed_shop(1500))
    best = forecast.fit(histories, 910)
    calls: list[str] = []
    as_it_is = forecast._fit

    def failing(name: str, *of: Any) -> Model | None:
        calls.append(name)
        fitted = as_it_is(name, *of)
        if calls.count(name) == 1 or not isinstance(fitted, (MbgNbd, ParetoNbd)):
            return fitted
        return replace(fitted, at_edge=True) if at_edge else None

    monkeypatch.setattr(forecast, "_fit", failing)
    made = forecast.fit(histories, 910)
    assert best.count_model in (MBG_NBD, PARETO_NBD)
    assert made.count_model == NAIVE
    assert any("/NBD did best in the test, but " in reason for reason in made.reasons)
    # A model that fails is fitted and reported once, though two rankings begin with it.
    assert max(calls.count(name) for name in (MBG_NBD, PARETO_NBD)) == 2
    assert len(set(made.reasons)) == len(made.reasons)
    holdout = judged(made, histories)
    assert best.holdout is not None
    assert (holdout.counts, holdout.chances) == (best.holdout.counts, best.holdout.chances)
    assert holdout.count_bins != best.holdout.count_bins


def test_nobody_yet() -> None:
    made = forecast.fit(shop([]), TODAY)
    assert (made.customers, made.count_model, made.chance_model) == (0, NAIVE, NAIVE)
    assert made.reasons == ("Nobody has bought yet; forecasts for new customers are a guess.",)
    check(made, shop([]), TODAY)
    new = forecast.predict(made, [0], [0], [0], [1], [5000])
    assert 0 < new.p_buy[0] < 0.5
    assert new.clv_12m[0] == 0


@pytest.mark.parametrize("days", [[1000], [0], [0, 500, 990], list(range(0, 1001, 7))])
def test_a_single_customer_is_forecast_and_neither_above_nor_below_others(days: list[int]) -> None:
    histories = shop([days])
    made = forecast.fit(histories, TODAY)
    forecasts = check(made, histories, TODAY)
    assert made.count_model == NAIVE
    assert made.reasons
    assert value_band(forecasts.clv_12m, made.value_cuts).tolist() == [2]


def test_a_shop_of_a_few_days_is_not_tested_and_says_so() -> None:
    histories = shop([[960 + k % 40, 1000] for k in range(200)])
    made = forecast.fit(histories, TODAY)
    check(made, histories, TODAY)
    assert made.holdout is None
    assert made.reasons[0] == (
        "The purchases span 40 days, and a test on the last of them takes 42; average rates of purchase are used."
    )


def test_all_on_the_same_day() -> None:
    for day in (0, 1000):
        histories = shop([[day]] * 300, [1999] * 300)
        made = forecast.fit(histories, TODAY)
        forecasts = check(made, histories, TODAY)
        assert np.unique(value_band(forecasts.clv_12m, made.value_cuts)).tolist() == [2]


def test_a_shop_to_which_nobody_ever_came_back_expects_hardly_anyone() -> None:
    histories = shop([[k % 1000] for k in range(2000)])
    made = forecast.fit(histories, TODAY)
    forecasts = check(made, histories, TODAY)
    assert made.count_model == NAIVE
    assert (
        "Fewer than 20 customers had bought again before the last 90 days; models of repeat buying were not tried."
        in (made.reasons)
    )
    assert forecasts.p_buy.max() < 0.02


def test_where_everyone_buys_every_week_everyone_is_expected_to() -> None:
    histories = shop([list(range(k % 7 + 100 * (k % 5), 1001, 7)) for k in range(80)])
    made = forecast.fit(histories, TODAY)
    forecasts = check(made, histories, TODAY)
    assert forecasts.p_buy.min() > 0.95
    assert forecasts.expected_purchases == pytest.approx(np.full(80, 90 / 7), rel=0.15)


def test_a_shop_that_no_model_describes_is_forecast_by_its_past() -> None:
    # Half buy once in 200 days, on time and for ever; half every other day of a fortnight, once in 200 days.
    starts = [k * 37 % 800 for k in range(150)]
    lives = [list(range(first, 1301, 200)) for first in starts]
    lives += [[day for start in range(first, 1301, 200) for day in range(start, start + 14, 2)] for first in starts]
    histories = shop(lives)
    made = forecast.fit(histories, TODAY)
    forecasts = check(made, histories, TODAY)
    came = purchases_between(histories, TODAY, TODAY + 90)
    assert forecasts.expected_purchases.sum() == pytest.approx(came.sum(), rel=0.25)
    assert forecasts.p_buy.sum() == pytest.approx((came > 0).sum(), rel=0.25)
    assert made.count_model == NAIVE
    assert made.chance_model in (NAIVE, LOGISTIC)


def test_more_customers_than_a_fit_takes_are_represented_by_some(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = shop(mixed_shop(1500))
    whole = forecast.fit(histories, TODAY)
    monkeypatch.setattr(forecast, "MAX_FITTED", 500)
    part = forecast.fit(histories, TODAY)
    assert (whole.fitted_on, part.customers, part.fitted_on) == (1500, 1500, 500)
    total = predicted(whole, histories, TODAY).expected_purchases.sum()
    assert predicted(part, histories, TODAY).expected_purchases.sum() == pytest.approx(total, rel=0.2)


def test_money_is_orders_to_expect_times_what_an_order_comes_to() -> None:
    lives = mixed_shop()
    single = forecast.fit(shop(lives), TODAY)
    # Two orders on each purchase day, each of half the value, come to the same.
    two = forecast.fit(shop(lives, orders=[2 * len(days) for days in lives]), TODAY)
    assert two.orders_per_day == 2 * single.orders_per_day
    of_single = predicted(single, shop(lives), TODAY).clv_12m.sum()
    of_two = predicted(two, shop(lives, orders=[2 * len(days) for days in lives]), TODAY).clv_12m.sum()
    assert of_two == pytest.approx(of_single, rel=1e-6)


def test_numbers_of_any_type_are_forecast_alike() -> None:
    made = forecast.fit(shop(mixed_shop(100)), TODAY)
    whole: list[Ints] = [np.array(values, np.int64) for values in ([0, 3], [0, 90], [50, 100], [1, 4], [1500, 6000])]
    ints = forecast.predict(made, *whole)
    lists = forecast.predict(made, *(values.astype(np.float32).tolist() for values in whole))
    assert ints.clv_12m.tolist() == lists.clv_12m.tolist()


def test_data_of_another_version_are_refused() -> None:
    with pytest.raises(Invalid):
        Forecaster.from_data({"format": 0})


def test_a_horizon_of_no_days_is_refused() -> None:
    with pytest.raises(Invalid):
        forecast.fit(shop([]), TODAY, horizon_days=0)
