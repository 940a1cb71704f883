"""Stages of the lifecycle, and cohorts of newcomers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scoring import lifecycle
from shared.scoring.lifecycle import LAPSED_AFTER_DAYS, STAGES, Cohorts, Stage
from shared.scoring.rescoring import Classification, Part

# Recency in days, money of 24 months, of the last 12 of them, orders.
Row = tuple[int, int, int, int]
rows = st.lists(
    st.one_of(
        st.just((-1, 0, 0, 0)),
        st.tuples(st.integers(0, 800), st.integers(-10, 100), st.integers(-10, 100), st.integers(1, 4)),
    ),
    max_size=40,
)
months = st.sampled_from([f"{year}-{month:02d}" for year in (1997, 1998) for month in range(1, 13)])
cohorts = st.builds(
    Cohorts,
    st.dictionaries(months, st.integers(1, 9)),
    st.dictionaries(months, st.dictionaries(months, st.integers(1, 9))),
)


def part_of(given_rows: list[Row]) -> Part:
    days, money, recent, orders = np.array(given_rows, dtype=np.int64).reshape(-1, 4).T
    zero = np.zeros(len(given_rows), dtype=np.int64)
    codes = zero.astype(np.uint8)
    ids = [str(number) for number in range(len(given_rows))]
    return Part(
        ids, days, zero, money, recent, orders, zero, zero, zero, zero, Classification(*[codes] * 6), zero, ("",)
    )  # fmt: skip


def stage_of(*row: int) -> str:
    (code,) = lifecycle.stages(part_of([row])).tolist()  # type: ignore[list-item]
    return STAGES[code]


@pytest.mark.parametrize(
    ("row", "stage"),
    [
        ((-1, 0, 0, 0), "PROSPECT"),
        ((0, 50, 50, 1), "ACQUISITION"),
        ((LAPSED_AFTER_DAYS, 50, 0, 1), "ACQUISITION"),
        ((LAPSED_AFTER_DAYS + 1, 50, 0, 1), "LAPSED"),
        ((LAPSED_AFTER_DAYS + 1, 50, 40, 5), "LAPSED"),
        ((3, 100, 51, 2), "EXPANSION"),
        ((3, 100, 50, 2), "RETENTION"),
        ((3, 100, 20, 2), "RETENTION"),
        # Nothing in the 12 months before: there is nothing to grow from.
        ((3, 100, 100, 2), "RETENTION"),
        # All of the earlier went back.
        ((3, 90, 100, 2), "RETENTION"),
        ((3, 100, 60, 1), "ACQUISITION"),
    ],
)
def test_each_customer_is_at_the_stage_that_their_orders_say(row: Row, stage: str) -> None:
    assert stage_of(*row) == stage


@given(rows)
def test_every_customer_is_at_one_stage_and_all_revenue_too(given_rows: list[Row]) -> None:
    tally = lifecycle.tally(part_of(given_rows))
    assert list(tally) == list(STAGES)
    for name in STAGES:
        inside = [row for row in given_rows if stage_of(*row) == name]
        assert tally[name] == Stage(len(inside), sum(row[1] for row in inside))
    assert sum(stage.customers for stage in tally.values()) == len(given_rows)


@given(rows, st.integers(1, 6))
def test_stages_of_parts_add_up_to_those_of_the_whole(given_rows: list[Row], parts: int) -> None:
    merged = lifecycle.merge(lifecycle.tally(part_of(given_rows[number::parts])) for number in range(parts))
    assert merged == lifecycle.tally(part_of(given_rows))
    assert list(merged) == list(STAGES)


def test_without_parts_every_stage_is_empty() -> None:
    assert lifecycle.merge([]) == dict.fromkeys(STAGES, Stage())


@given(st.lists(cohorts, max_size=4))
def test_cohorts_of_parts_add_up(parts: list[Cohorts]) -> None:
    merged = lifecycle.merge_cohorts(parts)
    assert set(merged.newcomers) == {month for part in parts for month in part.newcomers}
    for month, customers in merged.newcomers.items():
        assert customers == sum(part.newcomers.get(month, 0) for part in parts)
    for month, row in merged.active.items():
        for later, customers in row.items():
            assert customers == sum(part.active.get(month, {}).get(later, 0) for part in parts)
    assert lifecycle.merge_cohorts([lifecycle.merge_cohorts(parts[:2]), *parts[2:]]) == merged


def test_the_cohort_table_has_a_row_for_each_month_of_newcomers() -> None:
    drawn_up = Cohorts(
        {"1997-10": 9, "1997-12": 4, "1998-02": 3, "1998-03": 7},
        {
            "1997-10": {"1997-11": 9},
            "1997-12": {"1997-12": 4, "1998-02": 1},
            # All of their first orders went back.
            "1998-02": {},
            "1998-03": {"1998-03": 7},
        },
    )
    assert lifecycle.retention(drawn_up, "1997-12", "1998-02") == [
        {"cohort": "1997-12", "customers": 4, "months": [4, 0, 1], "share": [1.0, 0.0, 0.25]},
        {"cohort": "1998-02", "customers": 3, "months": [0], "share": [0.0]},
    ]


def test_without_newcomers_the_table_is_empty() -> None:
    assert lifecycle.retention(Cohorts(), "1997-12", "1998-02") == []
