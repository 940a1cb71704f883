"""What all customers together are expected to spend."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.forecasting import bands
from shared.scoring import demand
from shared.scoring.demand import Band, Demand
from shared.scoring.rescoring import NONE, Classification, Part

HORIZON = 90
# Days since the first order, spent, expected purchases, value of an order, value of a year, bands; None for a prospect.
Row = tuple[int, int, float, float, float, int, int] | None
expected = st.floats(0, 50, allow_subnormal=False)
rows = st.lists(
    st.none()
    | st.tuples(
        st.integers(0, 200), st.integers(0, 9_999), expected, st.floats(0, 9_999), expected,
        st.integers(0, 3), st.integers(0, 3),
    ),
    max_size=30,
)  # fmt: skip


def demand_of(given_rows: list[Row]) -> Demand:
    # What a model says of a prospect counts for nothing.
    filled = [row or (0, 0, 3.0, 700.0, 900.0, NONE, NONE) for row in given_rows]
    age, spent, purchases, value, clv, churn, worth = np.array(filled, dtype=np.float64).reshape(-1, 7).T
    zero = np.zeros(len(given_rows), dtype=np.int64)
    codes = zero.astype(np.uint8)
    days = np.array([-1 if row is None else 0 for row in given_rows], dtype=np.int64)
    ids = [str(number) for number in range(len(given_rows))]
    part = Part(
        ids, days, zero, zero, zero, zero, spent.astype(np.int64), zero, zero, age.astype(np.int64),
        Classification(*[codes] * 6), zero, ("",),
    )  # fmt: skip
    classification = Classification(codes, codes, codes, codes, churn.astype(np.uint8), worth.astype(np.uint8))
    return demand.demand(part, classification, purchases, value, clv, HORIZON)


def is_close(a: Any, b: Any) -> bool:
    """Sums of floats in another order, in every member."""
    if isinstance(a, Demand | Band):
        return all(is_close(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    if isinstance(a, dict):
        return list(a) == list(b) and all(is_close(a[name], b[name]) for name in a)
    return bool(a == pytest.approx(b, rel=1e-9, abs=1e-6))


@given(rows)
def test_the_sums_are_of_those_who_have_bought(given_rows: list[Row]) -> None:
    result = demand_of(given_rows)
    buyers = [row for row in given_rows if row]
    assert result.purchases == pytest.approx(sum(row[2] for row in buyers))
    assert result.revenue == pytest.approx(sum(row[2] * row[3] for row in buyers))
    assert result.clv == pytest.approx(sum(row[4] for row in buyers))
    # A Poisson number of orders of a mean that varies as an exponential does.
    assert result.variance == pytest.approx(sum(2 * row[2] * row[3] ** 2 for row in buyers))
    new = [row for row in buyers if row[0] < HORIZON]
    assert (result.newcomers, result.newcomer_revenue) == (len(new), sum(row[1] for row in new))


@given(rows)
def test_the_bands_are_a_partition_of_those_who_have_bought(given_rows: list[Row]) -> None:
    result = demand_of(given_rows)
    buyers = [row for row in given_rows if row]
    for by_band, names, at in ((result.churn, bands.CHURN_BANDS, 5), (result.value, bands.VALUE_BANDS, 6)):
        assert tuple(by_band) == names
        assert [by_band[name].customers for name in names] == [
            sum(row[at] == code for row in buyers) for code in range(len(names))
        ]
        assert sum(band.revenue for band in by_band.values()) == pytest.approx(result.revenue)
        assert sum(band.clv for band in by_band.values()) == pytest.approx(result.clv)


@given(rows, st.integers(1, 5))
def test_sums_of_parts_add_up_to_those_of_the_whole(given_rows: list[Row], parts: int) -> None:
    merged = demand.merge(demand_of(given_rows[number::parts]) for number in range(parts))
    assert is_close(merged, demand_of(given_rows))


def test_without_parts_nothing_is_expected() -> None:
    assert demand.merge([]) == Demand()


def test_without_a_test_nobody_knows_how_far_off_it_is() -> None:
    assert demand.interval(1_000, 100, None) is None


@pytest.mark.parametrize(
    ("expected", "variance", "miss", "low", "high"),
    [
        (10_000, 0, 0.1, 8_355, 11_645),
        (10_000, 600.0**2, 0.08, 8_355, 11_645),
        # One test that happened to fit does not make it certain.
        (10_000, 0, 0.0, 9_178, 10_822),
        # Revenue is not negative.
        (10_000, 0, 0.9, 0, 24_805),
        (0, 0, 0.2, 0, 0),
    ],
)
def test_the_interval_has_the_chance_of_the_sum_and_the_miss_of_the_test(
    expected: float, variance: float, miss: float, low: int, high: int
) -> None:
    assert demand.interval(expected, variance, miss) == (low, high)


@given(st.floats(0, 1e9), st.floats(0, 1e15), st.floats(0, 5), st.floats(0, 5))
def test_the_interval_holds_what_is_expected_and_grows_with_the_miss(
    expected: float, variance: float, miss: float, more: float
) -> None:
    narrow, wider = demand.interval(expected, variance, miss), demand.interval(expected, variance, miss + more)
    assert narrow is not None
    assert wider is not None
    assert 0 <= wider[0] <= narrow[0] <= round(expected) <= narrow[1] <= wider[1]


def test_the_interval_of_chance_holds_nine_sums_in_ten() -> None:
    dice = np.random.default_rng(5)
    rate, value, customers, tries = 0.7, 2_000.0, 400, 400
    orders = dice.poisson(rate, (tries, customers)).sum(axis=1)
    sums = np.array([dice.exponential(value, count).sum() for count in orders])
    spread = 1.645 * np.sqrt(demand_of([(0, 0, rate, value, 0.0, 0, 0)] * customers).variance)
    inside = np.abs(sums - customers * rate * value) <= spread
    assert 0.85 <= inside.mean() <= 0.95
