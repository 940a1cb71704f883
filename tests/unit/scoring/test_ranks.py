"""Scores of many customers at once."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.scorecards.rfm import PROSPECTS, SEGMENTS, segment
from shared.scoring import ranks
from shared.scoring.ranks import Ints

EXACT = 1 << 16
HUGE = 1 << 52
# Around the bounds at which buckets begin to hold several values or double, and everywhere else.
edges = st.builds(
    lambda power, off, sign: sign * ((1 << power) + off),
    st.integers(12, 51),
    st.integers(-2, 2),
    st.sampled_from((-1, 1)),
)
amounts = st.one_of(st.integers(-3, 3), st.integers(-HUGE, HUGE), st.integers(0, 300_000), edges)
# Several in one coarse bucket.
neighbours = st.lists(st.integers(0, 40), min_size=1, max_size=40).map(lambda offs: [10_000_000 + off for off in offs])
all_equal = st.builds(lambda value, count: [value] * count, amounts, st.integers(1, 30))
values_of_buyers = st.one_of(st.lists(amounts, min_size=1, max_size=60), neighbours, all_equal)


def column(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def by_definition(values: list[int]) -> list[int]:
    return [1 + 5 * sum(other < value for other in values) // len(values) for value in values]


@given(values_of_buyers)
def test_a_score_is_one_plus_five_times_the_share_of_those_strictly_worse(values: list[int]) -> None:
    array = column(values)
    assert ranks.scores(array, ranks.cuts(array)).tolist() == by_definition(values)


@given(values_of_buyers, st.randoms(use_true_random=False))
def test_cuts_are_the_same_for_any_order_of_values(values: list[int], random) -> None:  # type: ignore[no-untyped-def]
    assert ranks.cuts(column(random.sample(values, len(values)))) == ranks.cuts(column(values))


@given(values_of_buyers)
def test_cuts_of_values_of_counts_and_of_buckets_are_the_same(values: list[int]) -> None:
    array = column(values)
    expected = ranks.cuts(array)
    assert len(expected) == 4
    assert ranks.cuts_of_counts(Counter(values)) == expected

    def values_of(name: int) -> Ints:
        inside: Ints = array[ranks.bucket(array) == name][::-1]
        return inside

    assert ranks.cuts_of_buckets(Counter(ranks.bucket(array).tolist()), values_of) == expected


@given(st.lists(st.integers(-EXACT + 1, EXACT - 1), min_size=1, max_size=30))
def test_small_values_are_buckets_of_their_own_of_which_nothing_is_asked(values: list[int]) -> None:
    def values_of(name: int) -> Ints:
        raise AssertionError(name)

    array = column(values)
    assert ranks.bucket(array).tolist() == values
    assert ranks.cuts_of_buckets(Counter(values), values_of) == ranks.cuts(array)


@given(amounts, amounts)
@example(EXACT - 1, EXACT)
@example(-EXACT, 1 - EXACT)
def test_buckets_are_in_the_order_of_their_values(a: int, b: int) -> None:
    low, other = ranks.bucket(column([min(a, b), max(a, b)])).tolist()
    assert low <= other
    if abs(a - b) > max(abs(a), abs(b)) >> 12 or max(abs(a), abs(b)) < EXACT:
        assert (low == other) == (a == b)


def test_every_value_around_every_power_of_two_is_in_order() -> None:
    values = sorted({sign * ((1 << power) + off) for power in range(53) for off in range(-9, 10) for sign in (-1, 1)})
    assert np.all(np.diff(ranks.bucket(column(values))) >= 0)


def test_a_doubling_has_4096_buckets() -> None:
    for power in (17, 20, 30, 40):
        values = column(np.linspace(1 << power, (1 << (power + 1)) - 1, 50_000).astype(np.int64).tolist())
        assert len(np.unique(ranks.bucket(values))) == 4_096


def test_without_buyers_there_are_no_cuts() -> None:
    none = column([])
    assert ranks.cuts(none) == ranks.cuts_of_counts({}) == ranks.cuts_of_buckets({}, lambda _: none) == ()
    least = ranks.thresholds(none, none, none)
    assert least == ranks.Thresholds((), (), ())
    assert len(ranks.score(none, none, none, least).segments) == 0


def test_where_all_are_equal_everybody_scores_1() -> None:
    array = column([3] * 100)
    assert set(ranks.scores(array, ranks.cuts(array)).tolist()) == {1}


@given(
    st.lists(
        st.tuples(st.integers(0, 800) | st.integers(0, 9_000_000), st.integers(0, 20), amounts), min_size=1, max_size=60
    ),
    st.integers(0, 5),
)
def test_customers_are_scored_in_each_dimension_and_prospects_in_none(
    buyers: list[tuple[int, int, int]], prospects: int
) -> None:
    days, orders, money = (column([row[at] for row in buyers]) for at in range(3))
    least = ranks.thresholds(days, orders, money)
    rows = [*buyers, *[(-1, 0, 0)] * prospects]
    all_days, all_orders, all_money = (column([row[at] for row in rows]) for at in range(3))
    scored = ranks.score(all_days, all_orders, all_money, least)
    of_each = [by_definition(column.tolist()) for column in (-days, orders, money)]
    expected = list(zip(*of_each, strict=True))
    triples = list(zip(scored.r.tolist(), scored.f.tolist(), scored.m.tolist(), strict=True))
    assert triples == expected + [(0, 0, 0)] * prospects
    named = [SEGMENTS[code] for code in scored.segments.tolist()]
    assert named == [segment(*triple) for triple in expected] + [PROSPECTS] * prospects


@pytest.mark.parametrize(
    ("buyers", "equal", "said"),
    [
        (49, (True, True), ["49 customers have bought, too few for fifths: below 50 scores say little"]),
        (1, (True, True), ["1 customer has bought, too few for fifths: below 50 scores say little"]),
        (50, (False, False), []),
        (50, (False, True), ["all buyers have the same b: its score tells nobody apart"]),
    ],
)
def test_scores_that_say_little_come_with_the_reason(buyers: int, equal: tuple[bool, bool], said: list[str]) -> None:
    assert ranks.caveats(buyers, zip("ab", equal, strict=True)) == said
