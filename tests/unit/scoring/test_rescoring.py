"""A rescoring, whose result does not depend on how the customers are divided."""

from collections import Counter
from dataclasses import fields
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.forecasting import bands
from shared.scorecards.rfm import PROSPECTS, SEGMENTS, segment
from shared.scorecards.score import Score
from shared.scoring import ranks, rescoring
from shared.scoring.ranks import Bytes, Ints, Thresholds
from shared.scoring.rescoring import NONE, Classification, Counts, Part, Sums, Tally

AS_OF = date(1998, 7, 1)
StoredCodes = tuple[int, int, int, int, int, int]
Row = tuple[tuple[int, int, int] | None, StoredCodes, tuple[int, int]]

NOTHING_STORED: StoredCodes = (NONE, 0, 0, 0, NONE, NONE)
codes = st.integers(0, len(SEGMENTS) - 1)
points = st.integers(1, 5)
stored_codes = st.one_of(
    st.just(NOTHING_STORED), st.tuples(codes, points, points, points, st.integers(0, 3), st.integers(0, 3))
)
money = st.one_of(st.integers(-500, 50_000), st.integers(10_000_000, 10_000_050), st.integers(0, 1 << 45))
numbers = st.tuples(st.integers(0, 400), st.integers(0, 20), money)
# Of each customer: days, orders and money, none for a prospect; what was stored of them; their bands.
rows = st.lists(
    st.tuples(st.none() | numbers, stored_codes, st.tuples(st.integers(0, 3), st.integers(0, 3))), max_size=60
)


def part_of(given_rows: list[Row]) -> Part:
    zero = np.zeros(len(given_rows), dtype=np.int64)
    numbers = np.array([known or (-1, 0, 0) for known, _, _ in given_rows], dtype=np.int64).reshape(-1, 3)
    days, orders, money = numbers.T
    before = np.array([stored for _, stored, _ in given_rows], dtype=np.uint8).reshape(-1, 6).T
    ids = [str(number) for number in range(len(given_rows))]
    return Part(
        ids, days, orders, money, zero, zero, zero, zero, zero, zero, Classification(*before), zero, ("",)
    )  # fmt: skip


def bands_of(given_rows: list[Row]) -> tuple[Bytes, Bytes]:
    churn, value = np.array([codes for _, _, codes in given_rows], dtype=np.uint8).reshape(-1, 2).T
    return churn, value


def cuts_of(counts: Counts, parts: list[list[Row]]) -> tuple[int, ...]:
    """The cuts of the money, from buckets and the few values that have to be looked at."""
    paid = np.array([row[0][2] for part in parts for row in part if row[0]], dtype=np.int64)

    def values_of(name: int) -> Ints:
        inside: Ints = paid[ranks.bucket(paid) == name]
        return inside

    return ranks.cuts_of_buckets(counts.buckets, values_of)


def rescored(parts: list[list[Row]]) -> tuple[Thresholds, list[str], list[Classification]]:
    """As the steps do it: counts of parts, thresholds of all, classifications of parts."""
    counts = rescoring.merge_counts(rescoring.count(part_of(part)) for part in parts)
    monetary = cuts_of(counts, parts)
    least = rescoring.thresholds(counts, monetary)
    classified = [rescoring.classify(part_of(part), least, *bands_of(part)) for part in parts]
    return least, counts.caveats, classified


def as_rows(classified: Classification) -> list[tuple[int, ...]]:
    columns = [getattr(classified, each.name).tolist() for each in fields(classified)]
    return list(zip(*columns, strict=True))


@given(rows)
def test_thresholds_are_those_of_all_buyers_at_once(given_rows: list[Row]) -> None:
    least, _, _ = rescored([given_rows])
    paid = [row[0] for row in given_rows if row[0]]
    columns = [np.array([values[at] for values in paid], dtype=np.int64) for at in range(3)]
    assert least == ranks.thresholds(*columns)


@given(rows, st.integers(1, 7))
def test_however_the_customers_are_divided_the_result_is_the_same(given_rows: list[Row], parts: int) -> None:
    least, caveats, (whole,) = rescored([given_rows])
    divided = [given_rows[number::parts] for number in range(parts)]
    least_of_parts, caveats_of_parts, by_part = rescored(divided)
    assert (least_of_parts, caveats_of_parts) == (least, caveats)
    for number, classified in enumerate(by_part):
        assert as_rows(classified) == as_rows(whole)[number::parts]
    tallies = [rescoring.tally(part_of(part), now) for part, now in zip(divided, by_part, strict=True)]
    assert rescoring.merge_tallies(tallies) == rescoring.tally(part_of(given_rows), whole)


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_customers_changes_nobodys_verdict(given_rows: list[Row], random) -> None:  # type: ignore[no-untyped-def]
    order = random.sample(range(len(given_rows)), len(given_rows))
    _, _, (straight,) = rescored([given_rows])
    _, _, (shuffled,) = rescored([[given_rows[at] for at in order]])
    assert as_rows(shuffled) == [as_rows(straight)[at] for at in order]


@given(rows)
def test_a_prospect_has_a_segment_and_nothing_else(given_rows: list[Row]) -> None:
    _, _, (classified,) = rescored([given_rows])
    for at, (row, _, (churn, value)) in enumerate(given_rows):
        score = classified.score(at, AS_OF)
        if row is None:
            assert score == Score(PROSPECTS, None, None, None, AS_OF)
        else:
            assert score.r
            assert score.f
            assert score.m
            assert score.segment == segment(score.r, score.f, score.m)
            assert (score.churn_band, score.value_band) == (bands.CHURN_BANDS[churn], bands.VALUE_BANDS[value])


@given(rows)
def test_a_tally_adds_up_to_the_customers(given_rows: list[Row]) -> None:
    _, _, (classified,) = rescored([given_rows])
    tally = rescoring.tally(part_of(given_rows), classified)
    named = [SEGMENTS[row[0]] for row in as_rows(classified)]
    assert {name: sums.customers for name, sums in tally.segments.items()} == Counter(named)
    paid = [row[0] for row in given_rows if row[0]]
    for member, at in (("recency_days", 0), ("frequency", 1), ("monetary", 2)):
        assert sum(getattr(sums, member) for sums in tally.segments.values()) == sum(values[at] for values in paid)
    for member, at in (("r", 1), ("f", 2), ("m", 3)):
        assert sum(getattr(sums, member) for sums in tally.segments.values()) == sum(r[at] for r in as_rows(classified))
    before = [stored for _, stored, _ in given_rows]
    moves = [
        (None if was[0] == NONE else SEGMENTS[was[0]], SEGMENTS[now[0]])
        for was, now in zip(before, as_rows(classified), strict=True)
        if was[0] != now[0]
    ]
    assert tally.moves == Counter(moves)
    assert tally.changed == sum(was != now for was, now in zip(before, as_rows(classified), strict=True))


@given(rows)
def test_a_verdict_differs_where_any_of_it_does(given_rows: list[Row]) -> None:
    _, _, (classified,) = rescored([given_rows])
    part = part_of(given_rows)
    mask = [was != now for (_, was, _), now in zip(given_rows, as_rows(classified), strict=True)]
    assert classified.differ(part.before).tolist() == mask
    assert not classified.differ(classified).any()


def test_only_a_move_to_another_segment_is_a_move() -> None:
    champion, lost = SEGMENTS.index("Champions"), SEGMENTS.index("Lost")
    stored: list[StoredCodes] = [
        (champion, 5, 5, 5, 0, 0),
        (champion, 5, 5, 4, 0, 0),
        (lost, 1, 1, 1, 0, 0),
        NOTHING_STORED,
    ]
    part = part_of([((1, 9, 9), before, (0, 0)) for before in stored])
    now = Classification(*np.array([(champion, 5, 5, 5, 0, 0)] * 4, dtype=np.uint8).T)
    tally = rescoring.tally(part, now)
    assert tally.moves == {("Lost", "Champions"): 1, (None, "Champions"): 1}
    assert tally.changed == 3
    assert tally.segments == {"Champions": Sums(4, 4, 36, 36, 20, 20, 20)}


def test_a_shop_without_customers_is_rescored_too() -> None:
    least, caveats, (classified,) = rescored([[]])
    assert least == Thresholds((), (), ())
    assert rescoring.tally(part_of([]), classified) == Tally() == rescoring.merge_tallies([])
    assert caveats == ["0 customers have bought, too few for fifths: below 50 scores say little"]


def caveats_of(paid: list[tuple[int, int, int]]) -> list[str]:
    given_rows: list[Row] = [(values, NOTHING_STORED, (0, 0)) for values in paid]
    return rescored([given_rows])[1]


@pytest.mark.parametrize(
    ("paid", "names"),
    [
        ([(number, number, number) for number in range(50)], []),
        ([(3, number, number) for number in range(50)], ["recency"]),
        ([(number, 3, number) for number in range(50)], ["frequency"]),
        ([(number, number, 700) for number in range(50)], ["monetary value"]),
        # All in one bucket of several values, and all equal in a bucket of several values.
        ([(number, number, 10_000_000 + number) for number in range(50)], []),
        ([(number, number, 10_000_000) for number in range(50)], ["monetary value"]),
        # In one bucket, and all cuts the same, and still not all equal.
        ([(number, number, 10_000_000 + 3 * (number >= 45)) for number in range(50)], []),
        ([(1, 1, 1)] * 50, ["recency", "frequency", "monetary value"]),
    ],
)
def test_a_dimension_in_which_all_are_equal_is_reported(paid: list[tuple[int, int, int]], names: list[str]) -> None:
    assert caveats_of(paid) == [f"all buyers have the same {name}: its score tells nobody apart" for name in names]


def test_below_fifty_buyers_that_is_the_only_caveat() -> None:
    (said,) = caveats_of([(1, 1, 1)] * 49)
    assert said.startswith("49 customers have bought, too few for fifths")


@pytest.mark.parametrize("was", [None, "Lost"])
def test_the_fact_of_a_move_names_both_segments_and_repeats_the_same(was: str | None) -> None:
    started_at = datetime(2026, 11, 21, 1, tzinfo=UTC)
    score = Score("Champions", 5, 5, 4, AS_OF, "LOW", "TOP", "run-1", True, was)
    fact = rescoring.segment_fact("c", score, started_at)
    assert rescoring.facts_of_moves([("c", score.to_text())], {"run-1": started_at}) == [fact]
    expected = {"to": "Champions", "r": 5, "f": 5, "m": 4, "as_of": "1998-07-01"}
    assert fact.data == (expected | {"from": was} if was else expected)
    assert (fact.type, fact.id, fact.occurred_at) == ("SegmentChanged", "run-1", started_at)


def test_the_fact_of_a_prospect_has_no_scores() -> None:
    score = Score(PROSPECTS, None, None, None, AS_OF, rescoring_id="run-1", is_move=True)
    fact = rescoring.segment_fact("c", score, datetime(2026, 1, 1, tzinfo=UTC))
    assert fact.data == {"to": PROSPECTS, "as_of": "1998-07-01"}
