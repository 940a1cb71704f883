"""NPS: groups, score, margin and change, against arithmetic done by hand."""

from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.errors import Invalid
from shared.nps import margin
from shared.nps.margin import Group, Histogram, Nps

scores = st.integers(0, 10)
histograms = st.lists(st.integers(0, 10_000), min_size=11, max_size=11).map(tuple)


def answers(promoters: int = 0, passives: int = 0, detractors: int = 0) -> Histogram:
    """A histogram with these groups, each on two of its scores where there is more than one answer."""
    counts = dict.fromkeys(range(11), 0)
    for high, low, count in ((10, 9, promoters), (8, 7, passives), (6, 0, detractors)):
        counts[high], counts[low] = count - count // 2, count // 2
    return tuple(counts.values())


def histogram_of(answered: list[int]) -> Histogram:
    return tuple(answered.count(score) for score in range(11))


def measured(promoters: int = 0, passives: int = 0, detractors: int = 0) -> Nps:
    return margin.measure(answers(promoters, passives, detractors))


@pytest.mark.parametrize("score", range(11))
def test_each_score_has_the_group_that_the_method_names(score: int) -> None:
    named = {Group.DETRACTOR: range(7), Group.PASSIVE: (7, 8), Group.PROMOTER: (9, 10)}
    assert [group for group, of in named.items() if score in of] == [margin.group_of(score)]


@pytest.mark.parametrize("score", [-1, 11, 10**30, True, False, 9.0, 8.5, float("nan"), "9", None])
def test_whatever_is_not_an_integer_from_0_to_10_is_no_score(score: Any) -> None:
    with pytest.raises(Invalid):
        margin.group_of(score)


@pytest.mark.parametrize(
    ("promoters", "passives", "detractors", "nps", "half_width"),
    [
        # p = .6, d = .2: 100(.6 − .2) = 40; .8 − .4² = .64, √(.64/10) = .8/√10 = .252982; · 196 = 49.58
        (6, 2, 2, 40, 49.58),
        # p = .5, d = .3: 20; .8 − .04 = .76, √(.76/100) = .0871780; · 196 = 17.09
        (50, 20, 30, 20, 17.09),
        # p = .3, d = .45: −15; .75 − .0225 = .7275, √(.7275/400) = .0426468; · 196 = 8.36
        (120, 100, 180, -15, 8.36),
        # half and half: 1 − 0 = 1, so 1.96 · 100/√n; √10 = 3.162278 → 61.98, √100 = 10 → 19.6
        (5, 0, 5, 0, 61.98),
        (50, 0, 50, 0, 19.6),
        # d = 1/3: .333333 − .111111 = .222222, √(.222222/12) = .136083; · 196 = 26.67
        (0, 8, 4, -100 / 3, 26.67),
        # one group only: 1 − 1² = 0 for promoters and detractors, 0 − 0 = 0 for passives
        (10, 0, 0, 100, 0),
        (0, 0, 10, -100, 0),
        (0, 10, 0, 0, 0),
        (49, 0, 0, 100, 0),
    ],
)
def test_score_and_margin_are_those_computed_by_hand(
    promoters: int, passives: int, detractors: int, nps: float, half_width: float
) -> None:
    score = measured(promoters, passives, detractors)
    assert (score.n, score.promoters, score.passives, score.detractors) == (
        promoters + passives + detractors,
        promoters,
        passives,
        detractors,
    )
    assert score.nps == pytest.approx(nps)
    assert score.margin == pytest.approx(half_width, abs=0.005)


def test_answers_of_one_group_leave_a_margin_of_exactly_0() -> None:
    assert {measured(promoters=n).margin for n in range(10, 200)} == {0.0}
    assert {measured(detractors=n).margin for n in range(10, 200)} == {0.0}


def test_shares_are_those_of_all_answers() -> None:
    score = measured(6, 3, 1)
    assert (score.promoter_share, score.passive_share, score.detractor_share) == (0.6, 0.3, 0.1)


@pytest.mark.parametrize(("promoters", "passives", "detractors"), [(0, 0, 0), (1, 0, 0), (0, 0, 9), (4, 2, 3)])
def test_below_ten_answers_there_are_counts_only(promoters: int, passives: int, detractors: int) -> None:
    score = measured(promoters, passives, detractors)
    assert (score.promoters, score.passives, score.detractors) == (promoters, passives, detractors)
    assert (score.nps, score.margin) == (None, None)
    assert (score.promoter_share, score.passive_share, score.detractor_share) == (None, None, None)


def test_the_tenth_answer_makes_a_score() -> None:
    nine = answers(4, 2, 3)
    assert margin.measure(nine).nps is None
    assert margin.measure(answers(5, 2, 3)).nps == 20


@pytest.mark.parametrize("histogram", [(), (1,) * 10, (1,) * 12, (*(5,) * 10, -1)])
def test_what_is_not_eleven_counts_is_not_measured(histogram: Histogram) -> None:
    with pytest.raises(Invalid):
        margin.measure(histogram)


@given(histograms)
def test_score_and_margin_are_a_mean_of_ones_and_its_standard_error(
    histogram: Histogram,
) -> None:
    score = margin.measure(histogram)
    if score.nps is None or score.margin is None:
        assert sum(histogram) < 10
        return
    worth = {Group.PROMOTER: 1, Group.PASSIVE: 0, Group.DETRACTOR: -1}
    mean = sum(count * worth[margin.group_of(given_score)] for given_score, count in enumerate(histogram)) / score.n
    variance = sum(
        count * (worth[margin.group_of(given_score)] - mean) ** 2 for given_score, count in enumerate(histogram)
    ) / sum(histogram)
    assert score.nps == pytest.approx(100 * mean)
    assert score.margin == pytest.approx(1.96 * 100 * sqrt(variance / score.n))


@given(st.lists(scores, max_size=60), st.integers(1, 5))
def test_histograms_of_parts_add_up_to_that_of_all_answers(given_scores: list[int], parts: int) -> None:
    merged = margin.EMPTY
    for part in range(parts):
        merged = margin.add(merged, histogram_of(given_scores[part::parts]))
    assert merged == histogram_of(given_scores)


def test_the_response_rate_is_answers_by_invitations() -> None:
    assert margin.response_rate(30, 120) == 0.25
    assert margin.response_rate(0, 120) == 0
    assert margin.response_rate(0, 0) is None
    assert margin.response_rate(3, 0) is None


@pytest.mark.parametrize(("answered", "invited"), [(-1, 5), (1, -5)])
def test_a_response_rate_is_of_counts(answered: int, invited: int) -> None:
    with pytest.raises(Invalid):
        margin.response_rate(answered, invited)


@pytest.mark.parametrize(
    ("now", "before", "difference", "half_width", "significant"),
    [
        # 100 answers each, 20 ± 17.09 and 50 ± 13.15 (√(.7 − .25)/10 · 196); √(17.09² + 13.15²) = 21.56
        ((60, 30, 10), (50, 20, 30), 30, 21.56, True),
        ((50, 20, 30), (60, 30, 10), -30, 21.56, True),
        # the same shares with ten answers: margins √10 times as wide, 68.18
        ((6, 3, 1), (5, 2, 3), 30, 68.18, False),
        # 20 ± 17.09 and 40 ± 15.68 (√(.8 − .16) = .8): √(17.09² + 15.68²) = 23.19, more than 20
        ((60, 20, 20), (50, 20, 30), 20, 23.19, False),
        # the same shares with 400 answers: half the margins, 11.60
        ((240, 80, 80), (200, 80, 120), 20, 11.60, True),
        ((50, 20, 30), (50, 20, 30), 0, 24.17, False),
    ],
)
def test_a_difference_is_a_change_only_beyond_both_margins(
    now: tuple[int, int, int], before: tuple[int, int, int], difference: float, half_width: float, significant: bool
) -> None:
    change = margin.change(measured(*now), measured(*before))
    assert change is not None
    assert change.difference == pytest.approx(difference)
    assert change.margin == pytest.approx(half_width, abs=0.01)
    assert change.significant is significant


@pytest.mark.parametrize(("now", "before"), [((9, 0, 0), (90, 5, 5)), ((90, 5, 5), (0, 0, 9)), ((0, 0, 0), (0, 0, 0))])
def test_there_is_no_change_from_or_to_too_few_answers(now: tuple[int, int, int], before: tuple[int, int, int]) -> None:
    assert margin.change(measured(*now), measured(*before)) is None


def test_ten_equal_answers_are_not_certain_enough_for_a_change() -> None:
    # 70 ± √(.7 − .49)/√10 · 196 = 28.40, so the difference of 30 would exceed the margins 0 and 28.40. With
    # p = 10.75/13 = .826923, d = .75/13 = .057692: .884615 − .769231² = .292899, √(.292899/13) · 196 = 29.42;
    # √(28.40² + 29.42²) = 40.89.
    change = margin.change(measured(promoters=10), measured(promoters=7, passives=3))
    assert change is not None
    assert change.difference == pytest.approx(30)
    assert change.margin == pytest.approx(40.89, abs=0.01)
    assert not change.significant


@pytest.mark.parametrize("count", [10, 500])
def test_from_all_detractors_to_all_promoters_is_a_change_and_to_the_same_none(count: int) -> None:
    turned = margin.change(measured(promoters=count), measured(detractors=count))
    assert turned is not None
    assert (turned.difference, turned.significant) == (200, True)
    stayed = margin.change(measured(promoters=count), measured(promoters=count))
    assert stayed is not None
    assert (stayed.difference, stayed.significant) == (0, False)


@given(histograms, histograms)
def test_a_change_is_the_same_in_both_directions(first: Histogram, second: Histogram) -> None:
    there = margin.change(margin.measure(first), margin.measure(second))
    back = margin.change(margin.measure(second), margin.measure(first))
    assert (there is None) == (back is None) == (min(sum(first), sum(second)) < 10)
    if there and back:
        assert (there.difference, there.significant) == (-back.difference, back.significant)
        assert there.significant == (abs(there.difference) > there.margin > 0)
