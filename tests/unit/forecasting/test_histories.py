"""Histories as arrays: what is known on any day, parts put together, and equal rows taken together."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.errors import Invalid
from shared.forecasting.arrays import group, thin
from shared.forecasting.histories import Histories, concatenate, purchases_between, sufficient
from tests.examples import examples

lives = st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True).map(sorted), max_size=8)


def ints(values: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, np.int64)


def histories(lives: list[list[int]], unseen: list[int] | None = None) -> Histories:
    return Histories(
        first=ints([days[0] for days in lives]),
        offsets=ints([0, *np.cumsum([len(days) for days in lives], dtype=np.int64).tolist()]),
        days=ints([day for days in lives for day in days]),
        unseen=ints(unseen or [0] * len(lives)),
        orders=ints([len(days) for days in lives]),
        spent=ints([100 * len(days) for days in lives]),
    )


@settings(max_examples=examples(50))
@given(lives, st.integers(-1, 61))
def test_what_is_known_on_a_day_is_what_counting_one_by_one_finds(lives: list[list[int]], day: int) -> None:
    known = sufficient(histories(lives), day)
    expected = []
    for place, days in enumerate(lives):
        past = [past_day for past_day in days if past_day <= day]
        if past:
            expected.append((place, len(past) - 1, past[-1] - past[0], day - past[0]))
    assert list(zip(*(part.tolist() for part in (known.customers, known.x, known.t_x, known.age)), strict=True)) == (
        expected
    )


@settings(max_examples=examples(50))
@given(lives, st.integers(-1, 61), st.integers(0, 30))
def test_purchases_between_two_days_leave_out_the_first_of_them(lives: list[list[int]], after: int, more: int) -> None:
    counts = purchases_between(histories(lives), after, after + more)
    assert counts.tolist() == [sum(after < day <= after + more for day in days) for days in lives]


@settings(max_examples=examples(30))
@given(lives, lives)
def test_parts_put_together_are_known_as_they_are_apart(some: list[list[int]], others: list[list[int]]) -> None:
    together = concatenate([histories(some), histories([]), histories(others)])
    assert len(together) == len(some) + len(others)
    expected = histories(some + others)
    for name in Histories.__slots__:
        assert getattr(together, name).tolist() == getattr(expected, name).tolist()


def test_no_parts_have_no_customers() -> None:
    assert len(concatenate([])) == 0
    assert sufficient(concatenate([]), 5).x.tolist() == []


def test_unseen_purchases_lie_evenly_between_the_first_two_known_purchases() -> None:
    # 3 unseen between the days 10 and 50: on 20, 30 and 40.
    history = histories([[10, 50, 53]], [3])
    by_day = [sufficient(history, day) for day in (10, 19, 20, 39, 40, 49, 50, 60)]
    assert [known.x.tolist()[0] for known in by_day] == [0, 0, 1, 2, 3, 3, 4, 5]
    assert [known.t_x.tolist()[0] for known in by_day] == [0, 0, 10, 20, 30, 30, 40, 43]
    assert purchases_between(history, 20, 50).tolist() == [3]


@settings(max_examples=examples(50))
@given(lives, st.integers(0, 100), st.integers(0, 61))
def test_no_more_purchases_are_unseen_than_there_are_days_for_them(
    lives: list[list[int]], unseen: int, day: int
) -> None:
    known = sufficient(histories(lives, [unseen] * len(lives)), day)
    assert np.all((known.x >= 0) & (known.x <= known.t_x) & (known.t_x <= known.age))


def test_lengths_that_do_not_fit_together_are_refused() -> None:
    good = histories([[1, 2], [3]])
    fields = {name: getattr(good, name) for name in Histories.__slots__}
    with pytest.raises(Invalid):
        Histories(**{**fields, "spent": ints([1])})
    with pytest.raises(Invalid):
        Histories(**{**fields, "offsets": ints([0, 2, 2])})


@settings(max_examples=examples(50))
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.5, 1e200]))), st.randoms(use_true_random=False))
def test_equal_rows_are_taken_together_in_the_same_order_however_they_come(
    rows: list[tuple[int, float]], random: object
) -> None:
    table = np.array(rows, np.float64).reshape(-1, 2)
    grouped = group(table[:, 0], table[:, 1])
    assert list(zip(*(column.tolist() for column in grouped.columns), strict=True)) == sorted(set(rows))
    assert grouped.weight.tolist() == [rows.count(row) for row in sorted(set(rows))]
    assert [column[grouped.inverse].tolist() for column in grouped.columns] == [
        table[:, 0].tolist(),
        table[:, 1].tolist(),
    ]


def test_every_kth_customer_of_many_is_left() -> None:
    weight = np.array([5.0, 1.0, 0.0, 14.0, 20.0])
    assert thin(weight, 40).tolist() == weight.tolist()
    assert thin(weight, 10).tolist() == [1, 0, 0, 4, 5]
