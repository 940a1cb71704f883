"""CDNOW's purchases: the parameters that the literature gives, and forecasts as good as the best known ones.

Figures by Fader and Hardie and by Hoppe and Wagner for every tenth customer, with 39 weeks to learn from; the data
lie in the package `lifetimes`, of which nothing else is used.
"""

from collections import defaultdict
from datetime import date
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from shared.forecasting import forecast, gamma_gamma, mbg_nbd, pareto_nbd
from shared.forecasting.arrays import Floats, group
from shared.forecasting.forecast import PARETO_NBD, Forecaster
from shared.forecasting.histories import Histories, purchases_between, sufficient
from shared.forecasting.measures import auc

LEARNT = date(1997, 9, 30).toordinal()
LAST = date(1998, 6, 30).toordinal()

Purchases = dict[str, dict[int, int]]
"""Cents by day, by customer."""


def load(name: str, day_column: int) -> Purchases:
    try:
        files = metadata.files("lifetimes") or []
    except metadata.PackageNotFoundError:
        files = []
    paths = [Path(str(file.locate())) for file in files if file.name == name]
    if not paths or not paths[0].is_file():
        pytest.skip("the package that ships the CDNOW data is not installed")
    purchases: Purchases = defaultdict(lambda: defaultdict(int))
    for line in paths[0].read_text(encoding="ascii").splitlines():
        fields = line.split()
        if fields and fields[0].isdigit():
            day = date.fromisoformat(fields[day_column]).toordinal()
            purchases[fields[0]][day] += round(float(fields[-1]) * 100)
    return purchases


def histories(purchases: Purchases) -> Histories:
    days = [sorted(of_customer) for of_customer in purchases.values()]
    return Histories(
        first=np.array([of_customer[0] for of_customer in days], np.int64),
        offsets=np.cumsum([0, *map(len, days)], dtype=np.int64),
        days=np.array([day for of_customer in days for day in of_customer], np.int64),
        unseen=np.zeros(len(days), np.int64),
        orders=np.array([len(of_customer) for of_customer in days], np.int64),
        spent=np.array([sum(of_customer.values()) for of_customer in purchases.values()], np.int64),
    )


@pytest.fixture(scope="module")
def sample_purchases() -> Purchases:
    return load("CDNOW_sample.txt", 2)


@pytest.fixture(scope="module")
def sample(sample_purchases: Purchases) -> Histories:
    return histories(sample_purchases)


@pytest.fixture(scope="module")
def everyone() -> Histories:
    return histories(load("CDNOW_master.txt", 1))


def weeks(histories: Histories) -> tuple[Floats, Floats, Floats, Floats]:
    known = sufficient(histories, LEARNT)
    rows = group(*(column.astype(np.float64) for column in (known.x, known.t_x, known.age)))
    x, t_x, age = rows.columns
    return x, t_x / 7, age / 7, rows.weight


def holdout(histories: Histories) -> tuple[Forecaster, Floats, Floats]:
    """What is learnt from the first 39 weeks, what it expects of the next 39, and what came."""
    days = LAST - LEARNT
    made = forecast.fit(histories, LEARNT, horizon_days=days)
    known = sufficient(histories, LEARNT)
    predicted = forecast.predict(made, known.x, known.t_x, known.age, histories.orders, histories.spent)
    return made, predicted.expected_purchases, purchases_between(histories, LEARNT, LAST).astype(np.float64)


def test_mbg_nbd_has_the_parameters_of_the_literature(sample: Histories) -> None:
    model = mbg_nbd.fit(*weeks(sample))
    assert model is not None
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.52484, 6.18308, 0.89136, 1.61400), rel=1e-4)
    assert model.log_likelihood == pytest.approx(-9582.136, abs=1e-3)
    assert not model.at_edge


def test_pareto_nbd_has_the_parameters_of_the_literature(sample: Histories) -> None:
    model = pareto_nbd.fit(*weeks(sample))
    assert model is not None
    assert (model.r, model.alpha, model.s, model.beta) == pytest.approx((0.5533, 10.5775, 0.6062, 11.6687), rel=1e-4)
    assert model.log_likelihood == pytest.approx(-9594.976, abs=1e-3)
    assert not model.at_edge


def test_gamma_gamma_has_the_parameters_of_the_literature(sample_purchases: Purchases) -> None:
    repeats = [
        [cents / 100 for day, cents in sorted(days.items()) if day <= LEARNT][1:] for days in sample_purchases.values()
    ]
    orders = np.array([len(values) for values in repeats if values], np.float64)
    spent = np.array([sum(values) for values in repeats if values])
    model = gamma_gamma.fit(orders, spent)
    assert model.customers == 946
    assert (model.p, model.q, model.v) == pytest.approx((6.2496, 3.7442, 15.4435), rel=1e-4)


def test_forecasts_for_every_tenth_customer_rank_buyers_as_well_as_the_best_known(sample: Histories) -> None:
    made, expected, came = holdout(sample)
    assert made.count_model == PARETO_NBD
    assert came.sum() == 1882
    ranking = auc(expected, (came > 0).astype(np.float64), np.ones(came.size))
    assert ranking is not None
    assert ranking >= 0.778


def test_forecasts_for_all_23570_customers_are_as_good_as_the_best_known(everyone: Histories) -> None:
    made, expected, came = holdout(everyone)
    assert made.customers == made.fitted_on == 23_570
    assert made.count_model == PARETO_NBD
    assert came.sum() == 19_684
    assert 17_153 <= expected.sum() <= 19_684 + (19_684 - 17_153)
    assert np.abs(expected - came).mean() <= 0.7945
    ranking = auc(expected, (came > 0).astype(np.float64), np.ones(came.size))
    assert ranking is not None
    assert ranking >= 0.768
