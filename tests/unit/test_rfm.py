"""RFM scores and segments."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import rescoring, rfm
from shared.domain.rescoring import Row
from shared.domain.scorecard import Rfm

AS_OF = date(1998, 7, 1)
found = st.builds(Rfm, st.integers(0, 400), st.integers(0, 20), st.integers(0, 50_000))
rows = st.lists(st.one_of(st.none(), found), max_size=60).map(
    lambda values: [Row(str(number), value, None) for number, value in enumerate(values)]
)


def scores_of(parts: list[list[Row]]) -> dict[str, rfm.Score]:
    thresholds = rescoring.thresholds(rescoring.merge_counts(map(rescoring.count, parts)))
    return {row.customer_id: rescoring.score(row.rfm, thresholds, AS_OF) for part in parts for row in part}


def by_definition(value: int, values: list[int]) -> int:
    return 1 + 5 * sum(other < value for other in values) // len(values)


def test_the_segments_are_an_exact_partition_of_the_125_codes() -> None:
    named = [rfm.segment(r, f, m) for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)]
    assert len(named) == 125
    assert set(named) == set(rfm.SEGMENTS) - {rfm.PROSPECTS}
    assert len(rfm._SEGMENT_OF) == sum(len(codes.split()) for codes in rfm._CODES.values()) == 125


@pytest.mark.parametrize(
    ("code", "segment"),
    [
        ("555", "Champions"),
        ("111", "Lost"),
        ("511", "New Customers"),
        ("155", "Can't Lose Them"),
        ("543", "Loyal Customers"),
    ],
)
def test_well_known_codes_have_their_segment(code: str, segment: str) -> None:
    assert rfm.segment(*map(int, code)) == segment


@given(rows)
def test_a_score_is_one_plus_five_times_the_share_of_those_strictly_worse(part: list[Row]) -> None:
    buyers = [row.rfm for row in part if row.rfm]
    scores = scores_of([part])
    for row in part:
        score = scores[row.customer_id]
        if row.rfm is None:
            assert (score.segment, score.r) == (rfm.PROSPECTS, None)
            continue
        assert score.r == by_definition(-row.rfm.recency_days, [-one.recency_days for one in buyers])
        assert score.f == by_definition(row.rfm.frequency, [one.frequency for one in buyers])
        assert score.m == by_definition(row.rfm.monetary, [one.monetary for one in buyers])


@given(rows, st.randoms(use_true_random=False), st.integers(1, 7))
def test_neither_the_order_of_rows_nor_the_number_of_parts_changes_a_score(part: list[Row], random, parts: int) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(part, len(part))
    assert scores_of([shuffled[n::parts] for n in range(parts)]) == scores_of([part])


def test_where_all_are_equal_all_score_one() -> None:
    assert rfm.cuts({3: 100}) == (None, None, None, None)
    assert rfm.score(3, rfm.cuts({3: 100})) == 1


@given(rows, st.integers(1, 5))
def test_tallies_of_parts_add_up_to_the_tally_of_the_whole(part: list[Row], parts: int) -> None:
    scores = scores_of([part])
    scored = [(row, scores[row.customer_id]) for row in part]
    merged = rescoring.merge_tallies(rescoring.tally(scored[n::parts]) for n in range(parts))
    whole = rescoring.tally(scored)
    assert merged == whole
    assert sum(sums.customers for sums in whole.segments.values()) == len(part)
    assert sum(whole.moves.values()) == whole.changed == len(part)


def test_only_a_move_to_another_segment_is_a_move() -> None:
    now = rfm.Score("Champions", 5, 5, 5, AS_OF)
    same = Row("a", Rfm(1, 9, 9), rfm.Score("Champions", 5, 5, 5, None))
    within = Row("b", Rfm(1, 9, 9), rfm.Score("Champions", 5, 5, 4, None))
    moved = Row("c", Rfm(1, 9, 9), rfm.Score("Lost", 1, 1, 1, None))
    tally = rescoring.tally([(same, now), (within, now), (moved, now)])
    assert tally.moves == {("Lost", "Champions"): 1}
    assert tally.changed == 2
