"""The columns of a scan, against the scorecards as the domain sees them."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.months import month_of, months_after
from shared.forecasting import bands
from shared.scorecards.rfm import PROSPECTS, SEGMENTS
from shared.scorecards.score import Score
from shared.scorecards.scorecard import MAX_ORDER_DAYS, Month, Scorecard, rfm, with_order, with_refund
from shared.scorecards.store import cards
from shared.scoring.plan import DRAWN_OF
from shared.scoring.rescoring import NONE
from shared.scoring.store import scan
from shared.scoring.store.scan import Scanned

EPOCH: Final = date(1970, 1, 1)
AS_OF: Final = date(2026, 11, 21)
WEEK: Final = timedelta(days=7)
SCORE: Final = Score("Champions", 5, 4, 5, AS_OF - WEEK, "MEDIUM", "TOP")

# An order: its day, its total, and how much of it comes back, all where it is None.
days = st.dates(AS_OF - timedelta(days=1_100), AS_OF) | st.dates(AS_OF - timedelta(days=40), AS_OF)
totals = st.integers(0, 9_999)
orders = st.tuples(days, totals, st.just(0) | totals | st.none())
histories = st.lists(orders, max_size=12)
shops = st.lists(histories, min_size=1, max_size=8)
# Today, in the past, at the ends of months, before all orders, and long after them.
moments = st.one_of(
    st.just(AS_OF),
    st.dates(AS_OF - timedelta(days=1_200), AS_OF + timedelta(days=1_000)),
    st.sampled_from([date(2026, 11, 1), date(2026, 10, 31), date(2025, 11, 30), date(2024, 12, 1), date(2000, 1, 1)]),
)

History = list[tuple[date, int, int | None]]


@pytest.fixture(autouse=True, scope="module")
def table_names() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCORECARDS_TABLE", "scorecards")
        yield


def card_of(customer_id: str, history: Sequence[tuple[date, int, int | None]]) -> Scorecard:
    card = Scorecard(customer_id=customer_id)
    for day, total, back in history:
        card = with_order(card, day, total)
        if back is None or back >= total > 0:
            card = with_refund(card, day, total, fully_refunded=True)
        elif back:
            card = with_refund(card, day, back, fully_refunded=False)
    return card


def item_of(card: Scorecard) -> dict[str, Any]:
    """As DynamoDB holds what the store wrote."""
    item: dict[str, Any] = {"customer_id": {"S": card.customer_id}}
    write = cards.count(card) if card.version else cards.ensure(card.customer_id)
    update, values = write["Update"], write["Update"]["ExpressionAttributeValues"]
    if not card.version:
        return item | {"version": values[":zero"], "orders": values[":zero"]}
    for assignment in update["UpdateExpression"].removeprefix("SET ").split(", "):
        name, value = assignment.split(" = ")
        item[name] = values[value]
    return item


def scanned(
    scorecards: list[Scorecard], as_of: date, sample: int = 0, pages: int = 1, texts: list[str] | None = None
) -> Scanned:
    columns = scan._Columns(as_of, sample, frozenset({"dead"}))
    scores = [{"score": {"S": text}} if text else {} for text in texts or [""] * len(scorecards)]
    answer = {
        "Items": [item_of(card) | score for card, score in zip(scorecards, scores, strict=True)],
        "ConsumedCapacity": {"TableName": "scorecards", "CapacityUnits": 1.5},
        "Count": len(scorecards),
    }
    items = scan.decode(json.dumps(answer).encode()).Items
    for number in range(pages):
        columns.add(items[number::pages])
    return columns.result(1.5)


def shop_of(shop: list[History]) -> list[Scorecard]:
    return [card_of(f"K{number}", history) for number, history in enumerate(shop)]


def known_until(card: Scorecard, as_of: date) -> list[date]:
    return sorted(day for number in card.order_days if (day := EPOCH + timedelta(days=number)) <= as_of)


@given(shops, moments)
def test_recency_frequency_and_money_are_what_the_domain_says(shop: list[History], as_of: date) -> None:
    scorecards = shop_of(shop)
    part = scanned(scorecards, as_of).part
    assert part.customer_ids == [card.customer_id for card in scorecards]
    for at, card in enumerate(scorecards):
        seen = (int(part.recency_days[at]), int(part.frequency[at]), int(part.monetary[at]))
        expected = rfm(card, as_of)
        if expected is None:
            assert seen == (-1, 0, 0)
        else:
            assert seen == (expected.recency_days, expected.frequency, expected.monetary)
    assert part.buyers.tolist() == [rfm(card, as_of) is not None for card in scorecards]


@given(shops, moments)
def test_money_of_the_last_year_is_that_of_its_months(shop: list[History], as_of: date) -> None:
    scorecards = shop_of(shop)
    part = scanned(scorecards, as_of).part
    first, last = months_after(month_of(as_of), -11), month_of(as_of)
    for at, card in enumerate(scorecards):
        spent = sum(month.spent for name, month in card.months.items() if first <= name <= last)
        assert part.recent[at] == (spent if part.buyers[at] else 0)
        assert (part.orders[at], part.spent[at]) == ((card.orders, card.spent) if part.buyers[at] else (0, 0))


@given(shops, moments)
def test_the_days_of_repeat_buying_are_what_the_order_days_say(shop: list[History], as_of: date) -> None:
    scorecards = shop_of(shop)
    part = scanned(scorecards, as_of).part
    for at, card in enumerate(scorecards):
        seen = (int(part.repeats[at]), int(part.active_days[at]), int(part.age_days[at]))
        if not part.buyers[at]:
            assert seen == (0, 0, 0)
            continue
        bought = known_until(card, as_of)
        assert seen == (len(bought) - 1, (bought[-1] - bought[0]).days, (as_of - bought[0]).days)
        assert 0 <= seen[0] <= seen[1] <= seen[2]


@given(shops, moments)
def test_cohorts_are_what_counting_one_by_one_gives(shop: list[History], as_of: date) -> None:
    scorecards = [card for card in shop_of(shop) if rfm(card, as_of)]
    cohorts = scanned(scorecards, as_of).cohorts
    first = [month_of(card.first_order_on) for card in scorecards if card.first_order_on]
    assert cohorts.newcomers == Counter(first)
    active: Counter[tuple[str, str]] = Counter(
        (cohort, name)
        for cohort, card in zip(first, scorecards, strict=True)
        for name, month in card.months.items()
        if month.orders > 0 and name <= month_of(as_of)
    )
    assert {(a, b): n for a, row in cohorts.active.items() for b, n in row.items()} == active


@given(shops, moments, st.integers(2, 4))
def test_pages_change_nothing_but_the_order(shop: list[History], as_of: date, pages: int) -> None:
    scorecards = shop_of(shop)
    whole, paged = scanned(scorecards, as_of), scanned(scorecards, as_of, pages=pages)
    assert sorted(paged.part.customer_ids) == whole.part.customer_ids
    where = [paged.part.customer_ids.index(customer_id) for customer_id in whole.part.customer_ids]
    for name in ("recency_days", "frequency", "monetary", "recent", "orders", "spent", "repeats", "age_days"):
        assert getattr(paged.part, name)[where].tolist() == getattr(whole.part, name).tolist()
    assert paged.cohorts == whole.cohorts


@given(shops, moments)
def test_those_drawn_have_their_days_in_order_the_first_included(shop: list[History], as_of: date) -> None:
    scorecards = [card for card in shop_of(shop) if rfm(card, as_of)]
    drawn = scanned(scorecards, as_of, DRAWN_OF).drawn
    assert len(drawn) == len(scorecards)
    for at, card in enumerate(scorecards):
        kept_days = drawn.days[drawn.offsets[at] : drawn.offsets[at + 1]].tolist()
        assert kept_days == [(day - EPOCH).days for day in known_until(card, as_of)]
        assert drawn.first[at] == kept_days[0]
        assert (drawn.unseen[at], drawn.orders[at], drawn.spent[at]) == (0, card.orders, card.spent)


def test_the_same_customers_are_drawn_in_however_many_segments() -> None:
    scorecards = [card_of(f"K{number}", [(AS_OF - timedelta(days=number), 100, 0)]) for number in range(500)]
    by_part = [scanned(scorecards[number::3], AS_OF, DRAWN_OF // 4).drawn for number in range(3)]
    whole = scanned(scorecards, AS_OF, DRAWN_OF // 4).drawn
    assert sorted(day for drawn in by_part for day in drawn.first.tolist()) == sorted(whole.first.tolist())
    # A quarter, by a hash.
    assert 90 <= len(whole) <= 160
    more = scanned(scorecards, AS_OF, DRAWN_OF // 2).drawn
    assert set(whole.first.tolist()) <= set(more.first.tolist())
    assert len(scanned(scorecards, AS_OF).drawn) == 0


def test_the_days_that_a_full_card_has_forgotten_count_as_its_orders_do() -> None:
    first = AS_OF - timedelta(days=400)
    card = card_of("daily", [(first + timedelta(days=number), 100, 0) for number in range(400)])
    result = scanned([card], AS_OF, DRAWN_OF)
    part = result.part
    assert (part.repeats[0], part.active_days[0], part.age_days[0]) == (399, 399, 400)
    # The first day is known, beside the last ones.
    assert result.drawn.unseen.tolist() == [400 - MAX_ORDER_DAYS - 1]
    # The first day, and those that are known.
    assert len(result.drawn.days) == MAX_ORDER_DAYS + 1


def test_several_orders_a_day_are_no_more_repeats_than_days() -> None:
    first = AS_OF - timedelta(days=70)
    often = [(first + timedelta(days=number), 100, 0) for number in range(70) for _ in range(3)]
    part = scanned([card_of("often", often)], AS_OF).part
    assert (part.repeats[0], part.active_days[0]) == (69, 69)


def test_stored_scores_come_back_as_codes() -> None:
    text = text_of("run-1")
    part = scanned(shop_of([[(AS_OF, 1, 0)], []]), AS_OF, texts=[text, ""]).part
    assert part.before.score(0, AS_OF - WEEK) == SCORE
    assert [part.texts[code] for code in part.stored.tolist()] == [text, ""]
    assert part.before.segments.tolist() == [SEGMENTS.index("Champions"), NONE]
    assert (part.before.churn[1], part.before.value[1]) == (NONE, NONE)
    assert [int(getattr(part.before, name)[1]) for name in "rfm"] == [0, 0, 0]


def test_a_prospects_score_comes_back_without_points() -> None:
    prospect = Score(PROSPECTS, None, None, None, AS_OF)
    part = scanned(shop_of([[]]), AS_OF, texts=[replace(prospect, rescoring_id="run-1").to_text()]).part
    assert part.before.score(0, AS_OF) == prospect


@pytest.mark.parametrize(
    ("by", "moved", "owed"), [("dead", True, True), ("dead", False, False), ("run-1", True, False)]
)
@pytest.mark.parametrize("was", ["Lost", None])
def test_moves_of_unfinished_rescorings_come_back_and_no_others(
    by: str, moved: bool, owed: bool, was: str | None
) -> None:
    text = text_of(by, moved=moved, was=was if moved else None)
    unrecorded = scanned(shop_of([[(AS_OF, 1, 0)], [], []]), AS_OF, texts=[text, text, text_of("run-1")]).unrecorded
    assert unrecorded == ([("K0", text), ("K1", text)] if owed else [])


def test_every_name_that_a_score_may_have_has_its_code() -> None:
    named = list(product(enumerate(SEGMENTS), enumerate(bands.CHURN_BANDS), enumerate(bands.VALUE_BANDS)))
    texts = [
        replace(SCORE, segment=segment, churn_band=churn, value_band=value, rescoring_id="run-1").to_text()
        for (_, segment), (_, churn), (_, value) in named
    ]
    before = scanned(shop_of([[]] * len(named)), AS_OF, texts=texts).part.before
    codes_read = zip(before.segments.tolist(), before.churn.tolist(), before.value.tolist(), strict=True)
    assert list(codes_read) == [tuple(code for code, _ in codes) for codes in named]


@given(
    st.sampled_from(SEGMENTS),
    st.none() | st.integers(1, 5),
    st.none() | st.sampled_from(bands.CHURN_BANDS),
    st.none() | st.sampled_from(SEGMENTS),
    st.booleans(),
)
def test_a_score_as_stored_is_read_as_it_was(
    segment: str, points: int | None, churn: str | None, was: str | None, moved: bool
) -> None:
    value, rescoring_id = "TOP" if churn else None, "20261121T010000-1a2b3c4d"
    score = Score(segment, points, points, points, AS_OF, churn, value, rescoring_id, moved, was if moved else None)
    assert Score.from_text(score.to_text()) == score


def test_an_empty_segment_has_empty_columns() -> None:
    result = scanned([], AS_OF, DRAWN_OF)
    assert result.part.customer_ids == []
    assert len(result.part.recency_days) == len(result.part.before.segments) == len(result.drawn) == 0


def test_months_in_which_nothing_is_left_are_months_of_nobody() -> None:
    card = card_of("back", [(date(2026, 9, 1), 500, 0), (date(2026, 10, 1), 700, None)])
    assert card.months == {"2026-09": Month(orders=1, spent=500)}
    assert scanned([card], AS_OF).cohorts.active == {"2026-09": {"2026-09": 1}}
    nothing = replace(card, months={"2026-09": Month(orders=0, spent=3)})
    assert scanned([nothing], AS_OF).cohorts.active == {"2026-09": {}}


def text_of(by: str, *, moved: bool = False, was: str | None = None) -> str:
    return replace(SCORE, rescoring_id=by, is_move=moved, segment_before=was).to_text()
