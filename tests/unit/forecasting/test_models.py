"""The models one by one: against brute force, against simulated customers, and on histories that fit none of them."""

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.forecasting import gamma_gamma, logistic, mbg_nbd, naive, optimise, pareto_nbd
from shared.forecasting.arrays import Floats
from shared.forecasting.bands import CHURN_BANDS, VALUE_BANDS, ValueCuts, churn_band, value_band, value_cuts
from shared.forecasting.gamma_gamma import GammaGamma
from shared.forecasting.mbg_nbd import MbgNbd
from shared.forecasting.measures import auc, calibrate, rank, score_chances, score_counts
from shared.forecasting.optimise import minimise
from shared.forecasting.pareto_nbd import ParetoNbd
from shared.forecasting.special import PowerIntegral, beta_nodes, digamma, log_gamma
from tests.examples import examples

MBG = MbgNbd(r=0.525, alpha=6.18, a=0.891, b=1.614, log_likelihood=0.0, at_edge=False)
PARETO = ParetoNbd(r=0.553, alpha=10.58, s=0.606, beta=11.67, log_likelihood=0.0, at_edge=False)

parameter = st.floats(-3, 3).map(math.exp)
history = st.tuples(st.integers(0, 60), st.floats(0, 1), st.floats(0.1, 150)).map(
    # x purchase days need x days, here weeks of seven.
    lambda drawn: (min(drawn[0], int(7 * drawn[2])), drawn[1] * drawn[2] if drawn[0] else 0.0, drawn[2])
)


def floats(*values: float) -> Floats:
    return np.array(values, np.float64)


def trapezoid(function: Callable[[Floats], Floats], low: float, high: float) -> float:
    """∫ of a function, dense towards `low`, where those of this file change fastest."""
    share = np.linspace(0, 1, 40_001) ** 5
    at = low + (high - low) * share
    values = function(at)
    return float(np.sum((values[1:] + values[:-1]) / 2 * np.diff(at)))


def test_log_gamma_and_digamma_agree_with_the_standard_library_and_with_differences() -> None:
    z = np.concatenate([np.logspace(-6, 6, 400), np.arange(1, 50, dtype=np.float64)])
    expected = np.array([math.lgamma(value) for value in z])
    assert np.all(np.abs(log_gamma(z) - expected) <= 1e-12 * (1 + np.abs(expected)))
    # ψ(z+1) = ψ(z) + 1/z, ψ(1) = −γ, and ψ is the slope of ln Γ.
    assert np.allclose(digamma(z + 1) - digamma(z), 1 / z, rtol=1e-11, atol=1e-11)
    assert digamma(floats(1.0))[0] == pytest.approx(-0.5772156649015329, abs=1e-13)
    step = 1e-5 * z
    assert np.allclose((log_gamma(z + step) - log_gamma(z - step)) / (2 * step), digamma(z), rtol=1e-6, atol=1e-5)


@settings(max_examples=examples(40))
@given(parameter, st.floats(0, 80), parameter, st.floats(0.05, 20), st.floats(0, 100), st.floats(0.01, 200))
def test_integrals_of_two_powers_agree_with_brute_force(
    alpha: float, k: float, beta: float, m: float, low: float, width: float
) -> None:
    def integrand(u: Floats) -> Floats:
        result: Floats = np.exp(
            -k * (np.log(alpha + u) - np.log(alpha + low)) - m * (np.log(beta + u) - np.log(beta + low))
        )
        return result

    expected = math.log(trapezoid(integrand, low, low + width)) - k * math.log(alpha + low) - m * math.log(beta + low)
    integral = PowerIntegral(alpha, floats(k), beta, m, floats(low), floats(low + width)).log_value[0]
    assert integral == pytest.approx(expected, abs=1e-6)


def test_an_integral_over_nothing_is_zero() -> None:
    nothing = PowerIntegral(1.0, floats(3.0), 2.0, 1.0, floats(5.0), floats(5.0), means=True)
    assert nothing.log_value[0] == -np.inf
    assert np.isfinite(nothing.log_alpha[0])


@pytest.mark.parametrize("a", [0.01, 0.5, 1.0, 2.0, 40.0])
def test_nodes_of_a_beta_distribution_give_its_moments(a: float) -> None:
    b = floats(0.1, 1.0, 3.5, 200.0)
    nodes, weights = beta_nodes(a, b, 24)
    moment = np.ones_like(b)
    for power in range(8):
        assert np.allclose(np.sum(weights * nodes**power, axis=1), moment, rtol=1e-10)
        moment = moment * (a + power) / (a + b + power)


def mbg_by_definition(model: MbgNbd, x: int, t_x: float, age: float, time: float) -> tuple[float, float]:
    """P(alive), and the purchases to expect, by sums over a fine grid of the chance of leaving."""
    log_alive = -(model.r + x) * math.log(model.alpha + age)
    log_left = -(model.r + x) * math.log(model.alpha + t_x)
    # With p = q^power the density of Beta(a, ·) has no pole at 0.
    q = (np.arange(1_000_000) + 0.5) / 1_000_000
    power = max(1 / model.a, 1)
    p = q**power
    density = q ** (power * model.a - 1)
    stays = density * (1 - p) ** (model.b + x)
    weight = stays / stays.sum()
    left_weight = (density * p * (1 - p) ** (model.b + x - 1)).sum() / stays.sum()
    alive = 1 / (1 + left_weight * math.exp(log_left - log_alive))
    tau = time / (model.alpha + age)
    return alive, alive * float(weight @ (-np.expm1(-(model.r + x) * np.log1p(p * tau)) / p))


@pytest.mark.parametrize(("a", "b"), [(0.891, 1.614), (1.0, 2.5), (0.3, 1.2), (6.0, 9.0)])
@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0.0, 2.0), (3, 20.0, 38.0), (25, 37.0, 39.0)])
def test_mbg_nbd_forecasts_agree_with_sums_over_a_grid(a: float, b: float, x: int, t_x: float, age: float) -> None:
    model = MbgNbd(r=0.5, alpha=6.0, a=a, b=b, log_likelihood=0.0, at_edge=False)
    alive, expected = mbg_by_definition(model, x, t_x, age, 52.0)
    row = floats(x), floats(t_x), floats(age)
    assert model.p_alive(*row)[0] == pytest.approx(alive, rel=1e-4)
    assert model.expected(*row, 52.0)[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("s", [0.3, 1.0, 1.0 + 1e-9, 4.0])
def test_pareto_nbd_expects_what_the_rates_of_purchase_until_then_add_up_to(s: float) -> None:
    model = ParetoNbd(r=0.6, alpha=10.0, s=s, beta=8.0, log_likelihood=0.0, at_edge=False)
    row = floats(2), floats(20), floats(30)
    lasting = trapezoid(lambda u: ((8.0 + 30) / (8.0 + 30 + u)) ** s, 0, 52)
    rate = model.p_alive(*row)[0] * (0.6 + 2) / (10.0 + 30)
    assert model.expected(*row, 52.0)[0] == pytest.approx(rate * lasting, rel=1e-6)


def simulated(model: MbgNbd | ParetoNbd, n: int, age: float, time: float) -> tuple[Floats, Floats, Floats]:
    """x and t_x of n customers at an age, and how often they buy in the time after it."""
    random = np.random.default_rng(7)
    rate = random.gamma(model.r, 1 / model.alpha, n)
    if isinstance(model, ParetoNbd):
        life = random.exponential(1 / random.gamma(model.s, 1 / model.beta, n))
        x = random.poisson(rate * np.minimum(life, age)).astype(np.float64)
        t_x = np.where(x > 0, np.minimum(life, age) * random.random(n) ** (1 / np.maximum(x, 1)), 0)
        return x, t_x, random.poisson(rate * np.clip(life - age, 0, time)).astype(np.float64)
    leaves = random.beta(model.a, model.b, n)
    x, t_x, later = np.zeros(n), np.zeros(n), np.zeros(n)
    at = np.zeros(n)
    here = np.flatnonzero(random.random(n) >= leaves)
    while here.size:
        at[here] += random.exponential(1 / rate[here])
        here = here[at[here] <= age + time]
        now = here[at[here] <= age]
        x[now] += 1
        t_x[now] = at[now]
        later[here] += at[here] > age
        here = here[random.random(here.size) >= leaves[here]]
    return x, t_x, later


@pytest.mark.parametrize("model", [MBG, PARETO])
def test_forecasts_come_true_for_customers_who_are_as_the_model_says(model: MbgNbd | ParetoNbd) -> None:
    n, age, time = 100_000, 30.0, 20.0
    x, t_x, later = simulated(model, n, age, time)
    ages = np.full(n, age)
    p_buy = model.p_buy(x, t_x, ages, time)
    expected = model.expected(x, t_x, ages, time)
    recent = t_x > 20
    for who in (x == 0, (x == 1) & recent, (x == 1) & ~recent, (x > 1) & recent, (x > 1) & ~recent):
        bought = later[who] > 0
        noise = 4 / math.sqrt(who.sum())
        assert p_buy[who].mean() == pytest.approx(bought.mean(), abs=noise * bought.std())
        assert expected[who].mean() == pytest.approx(later[who].mean(), abs=noise * later[who].std())


def test_a_fit_finds_the_parameters_that_customers_were_made_with() -> None:
    for model, fit in ((MBG, mbg_nbd.fit), (PARETO, pareto_nbd.fit)):
        x, t_x, _ = simulated(model, 10_000, 60.0, 1.0)
        fitted = fit(x, t_x, np.full(10_000, 60.0), np.ones(10_000))
        assert fitted is not None
        assert not fitted.at_edge
        for name in ("r", "alpha"):
            assert getattr(fitted, name) == pytest.approx(getattr(model, name), rel=0.2)


@settings(max_examples=examples(30))
@given(parameter, parameter, parameter, parameter, history, st.floats(0.1, 100))
def test_forecasts_are_finite_within_their_range_and_grow_with_time(
    first: float, second: float, third: float, fourth: float, row: tuple[int, float, float], time: float
) -> None:
    x, t_x, age = (floats(value) for value in row)
    for model in (
        MbgNbd(r=first, alpha=second, a=third, b=fourth, log_likelihood=0.0, at_edge=False),
        ParetoNbd(r=first, alpha=second, s=third, beta=fourth, log_likelihood=0.0, at_edge=False),
    ):
        alive = model.p_alive(x, t_x, age)[0]
        p_buy, expected = model.p_buy(x, t_x, age, time)[0], model.expected(x, t_x, age, time)[0]
        assert 0 <= p_buy <= alive * (1 + 1e-9) <= 1 + 1e-9
        assert p_buy <= expected * (1 + 1e-6)
        assert model.p_buy(x, t_x, age, 2 * time)[0] >= p_buy * (1 - 1e-9)
        assert model.expected(x, t_x, age, 2 * time)[0] >= expected * (1 - 1e-6)
        # The longer nothing is heard of them, the less they will buy.
        assert model.p_alive(x, t_x, age + 5)[0] <= alive * (1 + 1e-9)
        assert model.p_buy(x, t_x, age + 5, time)[0] <= p_buy * (1 + 1e-9)


@pytest.mark.parametrize("fit", [mbg_nbd.fit, pareto_nbd.fit])
@pytest.mark.parametrize(
    "table",
    [
        [(0, 0, 10)],
        [(0, 0, 0)],
        [(0, 0, 5), (0, 0, 50)],
        [(52, 52, 52)],
        [(5000, 5000, 5000), (0, 0, 5000)],
        [(1, 1e-9, 30)],
    ],
)
def test_fits_to_histories_without_a_best_model_end_and_forecast_something_finite(
    fit: Callable[[Floats, Floats, Floats, Floats], MbgNbd | ParetoNbd | None], table: list[tuple[float, float, float]]
) -> None:
    x, t_x, age = np.array(table, np.float64).T
    model = fit(x, t_x, age, np.full(x.size, 30.0))
    assert model is not None
    assert np.isfinite(model.log_likelihood)
    for made in (model.expected(x, t_x, age, 13.0), model.p_buy(x, t_x, age, 13.0)):
        assert np.all(np.isfinite(made))
        assert np.all(made >= 0)


@pytest.mark.parametrize("module", [mbg_nbd, pareto_nbd])
def test_a_search_that_begins_with_a_sample_ends_where_one_without_does(
    monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    x, t_x, _ = simulated(MBG if module is mbg_nbd else PARETO, 9000, 60.0, 1.0)
    rows = x, t_x, np.full(9000, 60.0), np.ones(9000)
    by_sample = module.fit(*rows)
    monkeypatch.setattr(optimise, "_SAMPLE", 9000)
    by_all = module.fit(*rows)
    assert not by_sample.at_edge
    assert list(asdict(by_sample).values()) == pytest.approx(list(asdict(by_all).values()), rel=1e-4)


@pytest.mark.parametrize("module", [mbg_nbd, pareto_nbd])
def test_where_nobody_leaves_the_fit_ends_at_the_bound_after_few_evaluations(
    monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    random = np.random.default_rng(1)
    age = random.uniform(10, 140, 8000)
    # All at the same rate, and more evenly than by chance.
    x = np.floor(0.1 * age + random.random(8000))
    t_x = np.where(x > 0, age * random.random(8000) ** (1 / np.maximum(x, 1)), 0)
    sizes: list[int] = []
    as_it_is = module._loss

    def counted(*rows: Floats) -> Callable[[Floats], tuple[float, Floats]]:
        loss = as_it_is(*rows)

        def counting(at: Floats) -> tuple[float, Floats]:
            sizes.append(rows[0].size)
            return loss(at)  # type: ignore[no-any-return]

        return counting

    monkeypatch.setattr(module, "_loss", counted)
    model = module.fit(x, t_x, age, np.ones(8000))
    assert model.at_edge
    assert sizes.count(8000) <= 50
    # What is known all the same: they buy 0.1 times a week, and nobody has left.
    assert model.r / model.alpha == pytest.approx(0.1, rel=0.02)
    assert model.p_alive(x, t_x, age).mean() > 0.98


@pytest.mark.parametrize("fit", [mbg_nbd.fit, pareto_nbd.fit])
def test_nobody_has_no_likelihood(
    fit: Callable[[Floats, Floats, Floats, Floats], MbgNbd | ParetoNbd | None],
) -> None:
    none = np.zeros(0)
    assert fit(none, none, none, none) is None


def test_the_minimiser_finds_the_bottom_of_a_bent_valley() -> None:
    def rosenbrock(at: Floats) -> tuple[float, Floats]:
        u, v = at
        return (1 - u) ** 2 + 100 * (v - u * u) ** 2, floats(-2 * (1 - u) - 400 * u * (v - u * u), 200 * (v - u * u))

    minimum = minimise(rosenbrock, [floats(-1.2, 1.0)], floats(-5, -5), floats(5, 5))
    assert minimum.point == pytest.approx([1, 1], abs=1e-5)
    assert minimum.converged
    assert not minimum.at_edge


def test_the_minimiser_stops_at_the_box_and_says_so() -> None:
    minimum = minimise(
        lambda at: (float(-at[0] + at[1] ** 2), floats(-1.0, 2 * at[1])), [floats(0, 1)], floats(-2, -2), floats(3, 2)
    )
    assert minimum.point == pytest.approx([3, 0], abs=1e-5)
    assert minimum.at_edge


def test_the_minimiser_gets_by_without_a_true_gradient_and_tries_another_start() -> None:
    def misled(at: Floats) -> tuple[float, Floats]:
        return float(np.sum((at - 1) ** 2)), floats(1.0, 1.0)

    assert minimise(misled, [floats(0, 0.5)], floats(-5, -5), floats(5, 5)).value < 1e-6

    def partly(at: Floats) -> tuple[float, Floats]:
        return (math.nan if at[0] < 0 else float(at @ at)), 2 * at

    minimum = minimise(partly, [floats(-1, 0), floats(2, 2)], floats(-5, -5), floats(5, 5))
    assert minimum.value < 1e-9


def test_gamma_gamma_shrinks_means_less_the_more_orders_there_are() -> None:
    model = GammaGamma(p=6.25, q=3.74, v=15.44, mean=35.0, log_likelihood=0.0, customers=946)
    mean = 6.25 * 15.44 / 2.74
    few, many = model.expected_value(floats(1, 50), floats(100, 5000))
    assert mean < few < many < 100
    assert model.expected_value(floats(0), floats(0))[0] == pytest.approx(mean)


def test_gifts_and_returns_lower_the_forecast_and_never_make_it_negative() -> None:
    for model in (
        GammaGamma(p=6.25, q=3.74, v=15.44, mean=35.0, log_likelihood=0.0, customers=946),
        GammaGamma(p=None, q=None, v=None, mean=35.0, log_likelihood=None, customers=3),
    ):
        once, often, returned, nothing_kept = model.expected_value(floats(1, 9, 9, 0), floats(0, 0, -500, -10))
        assert 0 < often == returned < once < nothing_kept


def test_free_orders_are_left_out_of_the_fit_of_their_values() -> None:
    random = np.random.default_rng(3)
    orders = random.integers(1, 9, 3000).astype(np.float64)
    spent = random.gamma(6.0 * orders, 1 / random.gamma(4.0, 1 / 1500.0, 3000))
    without = gamma_gamma.fit(orders, spent)
    with_free = gamma_gamma.fit(np.append(orders, [3.0, 2.0, 0.0]), np.append(spent, [0.0, -40.0, 0.0]))
    assert without.fitted
    assert (with_free.p, with_free.q, with_free.v) == (without.p, without.q, without.v)
    assert without.p == pytest.approx(6, rel=0.15)
    assert without.q == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize(
    ("orders", "spent"),
    [
        ([], []),
        ([1.0], [500.0]),
        ([0.0] * 50, [0.0] * 50),
        ([1.0] * 50, [-5.0] * 50),
        ([1.0] * 500, [1999.0] * 500),
        # Of values like these there is no mean: each is ten times the one before.
        ([1.0] * 40, [10.0 ** (k / 2) for k in range(40)]),
    ],
)
def test_where_values_fit_no_model_plain_means_take_its_place(orders: list[float], spent: list[float]) -> None:
    model = gamma_gamma.fit(floats(*orders), floats(*spent))
    made = model.expected_value(floats(0, 1, 5), floats(0, 1999, 1999 * 5))
    assert np.all(np.isfinite(made))
    assert np.all(made >= 0)
    assert not model.fitted
    if model.mean == 1999:
        assert made == pytest.approx([1999, 1999, 1999])


def test_a_logistic_model_learns_chances_and_survives_features_that_tell_all() -> None:
    random = np.random.default_rng(5)
    x = random.integers(0, 10, 4000).astype(np.float64)
    age = random.integers(100, 400, 4000).astype(np.float64)
    t_x = np.floor(age * random.random(4000))
    bought = (random.random(4000) < 1 / (1 + np.exp(2 - 0.4 * x))).astype(np.float64)
    model = logistic.fit(x, t_x, age, bought, np.ones(4000), 90)
    assert model is not None
    chance = model.p_buy(x, t_x, age)
    for often in range(0, 10, 3):
        assert chance[x == often].mean() == pytest.approx(1 / (1 + math.exp(2 - 0.4 * often)), abs=0.06)

    separable = logistic.fit(x, t_x, age, (x > 4).astype(np.float64), np.ones(4000), 90)
    assert separable is not None
    assert np.all(np.isfinite(separable.weights))
    assert auc(separable.p_buy(x, t_x, age), (x > 4).astype(np.float64), np.ones(4000)) == pytest.approx(1, abs=1e-6)

    alike = logistic.fit(np.zeros(2), np.zeros(2), np.full(2, 30.0), floats(0, 1), floats(30, 10), 90)
    assert alike is not None
    assert alike.weights == (0.0,) * len(alike.weights)
    assert alike.p_buy(floats(0, 500), floats(0, 10), floats(30, 1e6)) == pytest.approx([0.25, 0.25])


def test_a_logistic_model_has_nothing_to_learn_where_everyone_or_no_one_bought() -> None:
    rows = floats(0, 1), floats(0, 5), floats(10, 10)
    assert logistic.fit(*rows, floats(1, 1), np.ones(2), 90) is None
    assert logistic.fit(*rows, floats(0, 0), np.ones(2), 90) is None


def test_naive_rates_are_those_of_customers_alike_and_of_all_where_there_are_few() -> None:
    # 1,000 who bought often and lately buy three times in 90 days, 1,000 who bought once and long ago never.
    rows = floats(10, 0), floats(290, 0), floats(300, 300)
    model = naive.fit(*rows, floats(3, 0), floats(1000, 1000), 90)
    assert model.expected(*rows, 90.0) == pytest.approx([3, 0], abs=0.1)
    assert model.p_buy(*rows, 90.0) == pytest.approx([1, 0], abs=0.05)
    unknown = model.expected(floats(3), floats(100), floats(300), 90.0)[0]
    assert unknown == pytest.approx(1.5, abs=0.1)


def test_naive_rates_need_no_customer() -> None:
    none = np.zeros(0)
    for model in (naive.fit(none, none, none, none, none, 30), naive.fit_lifetimes(none, none, none)):
        assert (
            0
            < model.p_buy(floats(0), floats(0), floats(0), 90.0)[0]
            <= model.expected(floats(0), floats(0), floats(0), 90.0)[0]
            < 1
        )


def test_ranking_is_the_chance_that_a_buyer_stands_above_another() -> None:
    assert auc(floats(0.1, 0.4, 0.4, 0.9), floats(0, 0, 1, 1), np.ones(4)) == pytest.approx(3.5 / 4)
    assert auc(floats(0.1, 0.4), floats(0, 1), floats(3, 2)) == 1
    assert auc(floats(0.1, 0.4), floats(1, 1), np.ones(2)) is None


def test_scores_say_how_far_off_forecasts_were() -> None:
    counts = score_counts("A", floats(1, 2), floats(0, 4), floats(1, 3))
    assert (counts.predicted, counts.actual) == (7, 12)
    assert counts.mae == pytest.approx(7 / 4)
    assert counts.bias == pytest.approx(-5 / 4)
    assert counts.deviance == pytest.approx((2 + 3 * 2 * (4 * math.log(2) - 2)) / 4)
    chances = score_chances("A", floats(0.5, 0.0), floats(1, 1), np.ones(2))
    assert chances.log_loss == pytest.approx((math.log(2) - math.log(1e-6)) / 2)


def test_of_equally_good_models_the_best_ranking_model_is_taken() -> None:
    random = np.random.default_rng(2)
    chance = random.random(2000)
    bought = (random.random(2000) < chance).astype(np.float64)
    good = score_chances("GOOD", chance, bought, np.ones(2000))
    blurred = score_chances("BLURRED", np.clip(np.round(chance, 1), 0.05, 0.95), bought, np.ones(2000))
    blind = score_chances("BLIND", np.full(2000, 0.5), bought, np.ones(2000))
    assert rank([blind, blurred, good]) == ["GOOD", "BLURRED", "BLIND"]
    assert rank([blind, blurred, good], {"GOOD"})[0] == "BLURRED"
    assert rank([blind, good], {"GOOD"})[0] == "GOOD"


def test_calibration_compares_tenths_of_the_customers() -> None:
    bins = calibrate(np.arange(100) / 100, np.ones(100), np.ones(100))
    assert [tenth.customers for tenth in bins] == [10] * 10
    assert [tenth.predicted for tenth in bins] == pytest.approx([0.045 + k / 10 for k in range(10)])
    assert {tenth.actual for tenth in bins} == {1.0}
    assert [tenth.customers for tenth in calibrate(floats(0.1, 0.2), floats(0, 1), floats(95, 5))] == [95, 5]


def test_the_risk_of_leaving_has_four_bands_with_fixed_cuts() -> None:
    codes = churn_band(floats(1, 0.5, 0.49, 0.2, 0.19, 0.05, 0.04, 0))
    assert codes.dtype == np.uint8
    assert [CHURN_BANDS[code] for code in codes] == "LOW LOW MEDIUM MEDIUM HIGH HIGH LOST LOST".split()


def test_value_bands_hold_a_tenth_two_tenths_three_tenths_and_the_rest() -> None:
    clv = np.random.default_rng(1).permutation(1000).astype(np.float64)
    counts = np.bincount(value_band(clv, value_cuts(clv)))
    assert dict(zip(VALUE_BANDS, counts.tolist(), strict=True)) == {"TOP": 100, "HIGH": 200, "MEDIUM": 300, "LOW": 400}


@pytest.mark.parametrize("clv", [[7.0], [0.0] * 9, [123.456] * 1000])
def test_where_all_are_worth_the_same_nobody_is_above_or_below(clv: list[float]) -> None:
    assert {VALUE_BANDS[code] for code in value_band(floats(*clv), value_cuts(floats(*clv)))} == {"MEDIUM"}


def test_equals_share_a_band_and_rounding_moves_nobody() -> None:
    clv = floats(*[0.0] * 50, *[100.0] * 45, *[5000.0] * 5)
    cuts = value_cuts(clv)
    assert np.bincount(value_band(clv, cuts), minlength=4).tolist() == [5, 45, 0, 50]
    assert value_band(clv * (1 - 1e-13), cuts).tolist() == value_band(clv, cuts).tolist()


def test_without_customers_there_are_no_cuts() -> None:
    assert value_cuts(np.zeros(0)) == ValueCuts(top=None, high=None, medium=None)
    assert value_band(floats(5.0), value_cuts(np.zeros(0))).tolist() == [3]
