"""The loyalty programme: what orders earn, what refunds of them take back, and which version of it counts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.errors import Conflict, Invalid
from shared.loyalty.program import (
    NEVER,
    Earning,
    Multiplier,
    Program,
    Rounding,
    Tier,
    birthday_since,
    earned_by,
    given_back,
    granted,
    in_force,
    months_ending_within,
    next_version,
)
from shared.purchases.purchase import Order, Product

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
PROGRAM = Program(version=1, starts_at=NOW - timedelta(days=365))
CUP = Product(sku="cup", quantity=3, price=500, category="china")
TEA = Product(sku="tea", quantity=1, price=1_500, category="food")
# Merchandise of 3,000, of which the customer paid 2,000: each line 1,000.
ORDER = Order(
    order_id="#1001",
    ordered_at=NOW,
    currency="EUR",
    total=2_900,
    tax=400,
    shipping=500,
    discount=1_000,
    products=(CUP, TEA),
)


def bare(total: int, at: datetime = NOW) -> Order:
    """An order without lines."""
    return Order(order_id="o", ordered_at=at, currency="EUR", total=total)


def day_of(order: Order) -> date:
    """The shop's day of an order."""
    return order.ordered_at.astimezone(BERLIN).date()


def earned(order: Order, program: Program = PROGRAM, tier_percent: int = 100) -> int:
    return earned_by(order, program, tier_percent, day_of(order)).points


def back(
    points: int, program: Program = PROGRAM, *, order: Order = ORDER, amount: int = 0, refunded: int = 0, **skus: int
) -> int:
    """What goes back of an order's points; `skus` are the pieces sent back."""
    return given_back(order, points, program, day_of(order), quantities=skus, amount=amount, refunded=refunded)


def test_an_order_earns_by_its_merchandise_net_of_discount_tax_and_shipping() -> None:
    assert earned(ORDER) == 20
    assert earned(replace(ORDER, total=2_500, tax=0)) == 20
    assert earned(replace(ORDER, total=2_400, shipping=0)) == 20
    assert earned(replace(ORDER, total=3_900, discount=0)) == 30


def test_points_are_earned_for_every_amount_the_programme_names() -> None:
    assert earned(ORDER, replace(PROGRAM, points=3, per_amount=200)) == 30
    assert earned(ORDER, replace(PROGRAM, points=1, per_amount=2_000)) == 1
    assert earned(ORDER, replace(PROGRAM, points=1, per_amount=2_001)) == 0
    assert earned(ORDER, replace(PROGRAM, points=0)) == 0


@pytest.mark.parametrize(
    ("rounding", "points"),
    [
        (Rounding.DOWN, [2, 2, 2, 2, 2, 3]),
        (Rounding.NEAREST, [2, 2, 2, 3, 3, 4]),
        (Rounding.UP, [2, 3, 3, 3, 3, 4]),
    ],
)
def test_a_fraction_of_a_point_is_rounded_as_the_programme_says(rounding: Rounding, points: list[int]) -> None:
    program = replace(PROGRAM, per_amount=1_000, rounding=rounding)
    totals = [2_000, 2_001, 2_499, 2_500, 2_999, 3_500]
    assert [earned(bare(total), program) for total in totals] == points


def test_the_tier_multiplies_before_anything_is_rounded() -> None:
    assert [earned(ORDER, tier_percent=percent) for percent in (100, 125, 150)] == [20, 25, 30]
    assert earned(bare(999), tier_percent=150) == 14  # 14.985, not 1.5 × 9
    twice = replace(PROGRAM, multipliers=(Multiplier(name="all", percent=150),))
    assert earned(bare(999), twice, tier_percent=150) == 22  # 22.4775


@pytest.mark.parametrize(
    ("multipliers", "points"),
    [
        ([Multiplier(name="tea", percent=200, skus=frozenset({"tea"}))], 30),
        ([Multiplier(name="china", percent=150, categories=frozenset({"china"}))], 25),
        ([Multiplier(name="either", percent=200, skus=frozenset({"tea"}), categories=frozenset({"china"}))], 40),
        ([Multiplier(name="neither", percent=200, skus=frozenset({"hat"}), categories=frozenset({"hats"}))], 20),
        ([Multiplier(name="all", percent=300)], 60),
        ([Multiplier(name="half", percent=50, skus=frozenset({"tea"}))], 15),
        ([Multiplier(name="no tea", percent=0, skus=frozenset({"tea"}))], 10),
        ([Multiplier(name="nothing", percent=0)], 0),
    ],
    ids=lambda given: given[0].name if isinstance(given, list) else "",
)
def test_lines_earn_by_the_multiplier_that_covers_them(multipliers: list[Multiplier], points: int) -> None:
    assert earned(ORDER, replace(PROGRAM, multipliers=tuple(multipliers))) == points


def test_the_highest_multiplier_counts_and_an_exclusion_beats_them_all() -> None:
    everything = Multiplier(name="all", percent=200)
    tea = Multiplier(name="tea", percent=300, skus=frozenset({"tea"}))
    half = Multiplier(name="half", percent=50, skus=frozenset({"tea"}))
    without = Multiplier(name="no food", percent=0, categories=frozenset({"food"}))
    for multipliers, points in [
        ((everything, tea), 20 + 30),
        ((tea, everything), 20 + 30),
        ((half, everything), 20 + 20),
        ((everything, tea, without), 20),
        ((without, tea), 10),
    ]:
        assert earned(ORDER, replace(PROGRAM, multipliers=multipliers)) == points


@pytest.mark.parametrize(
    ("ordered_at", "points"),
    [
        ("2026-11-20T22:59:59Z", 10),
        ("2026-11-20T23:00:00Z", 20),  # midnight in Berlin
        ("2026-11-21T12:00:00Z", 20),
        ("2026-11-22T22:59:59Z", 20),
        ("2026-11-22T23:00:00Z", 10),
    ],
)
def test_a_promotion_counts_on_its_first_and_last_day_in_the_shops_zone(ordered_at: str, points: int) -> None:
    weekend = Multiplier(name="weekend", percent=200, starts_on=date(2026, 11, 21), ends_on=date(2026, 11, 22))
    order = bare(1_000, datetime.fromisoformat(ordered_at))
    assert earned(order, replace(PROGRAM, multipliers=(weekend,))) == points


def test_a_promotion_may_lack_its_first_or_its_last_day() -> None:
    today, tomorrow = date(2026, 11, 21), date(2026, 11, 22)
    since = [Multiplier(name="m", percent=200, starts_on=day) for day in (today, tomorrow)]
    until = [Multiplier(name="m", percent=200, ends_on=day) for day in (today - timedelta(days=1), today)]
    assert [promotion.covers(today) for promotion in (*since, *until)] == [True, False, False, True]


def test_an_order_without_lines_earns_by_its_total_and_by_multipliers_for_all() -> None:
    order = Order(order_id="o", ordered_at=NOW, currency="EUR", total=2_900, tax=400, shipping=500)
    tea = Multiplier(name="tea", percent=500, skus=frozenset({"tea"}))
    food = Multiplier(name="food", percent=500, categories=frozenset({"food"}))
    everything = Multiplier(name="all", percent=300)
    assert earned(order) == 20
    assert earned(order, replace(PROGRAM, multipliers=(tea, food))) == 20
    assert earned(order, replace(PROGRAM, multipliers=(tea, food, everything))) == 60


@pytest.mark.parametrize(
    "order",
    [
        bare(0),
        replace(ORDER, total=0, tax=0, shipping=0, discount=3_000),
        Order(order_id="o", ordered_at=NOW, currency="EUR", total=0, products=(replace(TEA, price=0),)),
        # The discount paid for the goods and for some of the shipping.
        Order(order_id="o", ordered_at=NOW, currency="EUR", total=300, shipping=500, discount=1_700, products=(TEA,)),
        Order(order_id="o", ordered_at=NOW, currency="EUR", total=500, shipping=500),
    ],
    ids=["no lines", "all discounted", "a free sample", "discount above the goods", "shipping alone"],
)
def test_where_no_goods_were_paid_nothing_is_earned_however_it_is_rounded(order: Order) -> None:
    assert earned(order, replace(PROGRAM, rounding=Rounding.UP)) == 0


def test_the_same_sku_in_two_lines_and_two_categories_earns_line_by_line() -> None:
    lines = (replace(CUP, quantity=1), replace(CUP, quantity=1, category="outlet"))
    order = replace(ORDER, total=1_000, tax=0, shipping=0, discount=0, products=lines)
    without = Multiplier(name="no outlet", percent=0, categories=frozenset({"outlet"}))
    assert earned(order, replace(PROGRAM, multipliers=(without,))) == 5


def test_an_earning_says_from_when_until_when_its_points_can_be_spent() -> None:
    new_year = bare(1_000, datetime(2026, 12, 31, 23, 30, tzinfo=UTC))
    earning = earned_by(new_year, PROGRAM, 125, day_of(new_year))
    assert earning == Earning(
        points=12,
        expires="2028-01",
        available_on=date(2027, 1, 15),
        month="2027-01",
        program_version=1,
        tier_percent=125,
    )
    for_ever = replace(PROGRAM, expiry_months=None, pending_days=0)
    earning = earned_by(new_year, for_ever, 100, day_of(new_year))
    assert (earning.expires, earning.available_on) == (NEVER, date(2027, 1, 1))


def test_a_bonus_is_given_at_once_or_waits_as_orders_do() -> None:
    day = date(2026, 11, 30)
    at_once = granted(50, PROGRAM, day, pending=False)
    assert at_once == Earning(points=50, expires="2027-11", available_on=day, month="2026-11", program_version=1)
    assert granted(50, PROGRAM, day, pending=True) == replace(at_once, available_on=date(2026, 12, 14))


CATALOGUE = ("cup", "tea", "hat", "pen")
LINES = st.builds(
    Product,
    sku=st.sampled_from(CATALOGUE),
    quantity=st.integers(1, 4),
    price=st.integers(0, 999),
    category=st.sampled_from([None, "food", "china"]),
)
MULTIPLIERS = st.builds(
    Multiplier,
    name=st.just("m"),
    percent=st.sampled_from([0, 50, 100, 125, 300]),
    skus=st.frozensets(st.sampled_from(CATALOGUE), max_size=2),
    categories=st.frozensets(st.sampled_from(["food", "china"]), max_size=1),
)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    products = tuple(draw(st.lists(LINES, max_size=4)))
    tax, shipping = draw(st.integers(0, 300)), draw(st.integers(0, 500))
    if not products:
        total = draw(st.integers(0, 5_000)) + tax + shipping
        return Order(order_id="o", ordered_at=NOW, currency="EUR", total=total, tax=tax, shipping=shipping)
    lines = sum(line.price * line.quantity for line in products)
    discount = draw(st.integers(0, lines + shipping))
    return Order(
        order_id="o",
        ordered_at=NOW,
        currency="EUR",
        total=lines - discount + tax + shipping,
        tax=tax,
        shipping=shipping,
        discount=discount,
        products=products,
    )


def line_percent(line: Product | None, program: Program) -> int:
    """By the words of the rules: 0 excludes, else the highest counts; an order without lines is a line of nothing."""
    percents = {
        promotion.percent
        for promotion in program.multipliers
        if not (promotion.skus or promotion.categories)
        or (line and (line.sku in promotion.skus or line.category in promotion.categories))
    }
    return 0 if 0 in percents else max(percents, default=100)


@given(orders(), st.lists(MULTIPLIERS, max_size=3), st.sampled_from(Rounding), st.sampled_from([100, 125, 150]))
def test_an_order_earns_the_sum_of_its_lines_exactly_before_it_is_rounded_once(
    order: Order, multipliers: list[Multiplier], rounding: Rounding, tier_percent: int
) -> None:
    program = replace(PROGRAM, points=2, per_amount=150, rounding=rounding, multipliers=tuple(multipliers))
    net = max(0, order.total - order.tax - order.shipping)
    worth = sum(line.price * line.quantity for line in order.products)
    exactly = Fraction(0)
    for line in order.products or (None,):
        paid = Fraction(net * line.price * line.quantity, worth or 1) if line else Fraction(net)
        exactly += paid * 2 / 150 * line_percent(line, program) / 100 * tier_percent / 100
    by_rounding = {
        Rounding.DOWN: floor(exactly),
        Rounding.NEAREST: floor(exactly + Fraction(1, 2)),
        Rounding.UP: ceil(exactly),
    }
    assert earned(order, program, tier_percent) == by_rounding[rounding]


def test_what_goes_back_is_the_share_of_the_points_that_the_pieces_earned() -> None:
    assert [back(20, cup=1), back(20, cup=2), back(20, cup=3)] == [3, 6, 10]
    assert back(20, tea=1) == 10
    assert back(20, cup=1, tea=1) == 13
    assert back(20, cup=3, tea=1) == 20


def test_pieces_that_earned_more_or_nothing_take_back_as_much() -> None:
    tea_twice = replace(PROGRAM, multipliers=(Multiplier(name="tea", percent=200, skus=frozenset({"tea"})),))
    assert [back(30, tea_twice, tea=1), back(30, tea_twice, cup=3), back(30, tea_twice, cup=1)] == [20, 10, 3]
    no_tea = replace(PROGRAM, multipliers=(Multiplier(name="no tea", percent=0, skus=frozenset({"tea"})),))
    assert [back(10, no_tea, tea=1), back(10, no_tea, cup=3)] == [0, 10]


def test_a_past_promotion_still_explains_what_the_order_earned() -> None:
    day = date(2026, 11, 21)
    tea = Multiplier(name="tea", percent=200, skus=frozenset({"tea"}), starts_on=day, ends_on=day)
    program = replace(PROGRAM, multipliers=(tea,))
    assert back(30, program, tea=1) == 20
    just_after_midnight = replace(ORDER, ordered_at=datetime(2026, 11, 20, 23, 30, tzinfo=UTC))
    assert back(30, program, order=just_after_midnight, tea=1) == 20


def test_money_takes_back_its_share_of_the_total() -> None:
    assert back(20, amount=1_450, refunded=1_450) == 10
    assert back(20, amount=144, refunded=144) == 0
    assert back(20, amount=145, refunded=145) == 1
    order = replace(ORDER, products=(), discount=0)
    assert back(20, order=order, amount=1_450, refunded=1_450) == 10


def test_pieces_and_money_add_up_and_take_no_more_than_was_earned() -> None:
    assert back(20, amount=725, tea=1, refunded=1_925) == 15
    assert back(20, amount=1_450, tea=1, refunded=2_650) == 20
    assert back(20, amount=1_600, tea=1, refunded=2_800) == 20


def test_once_all_the_money_went_back_no_points_are_left() -> None:
    assert back(20, amount=2_900, refunded=2_900) == 20
    # Tea earned nothing; its 1,200 are part of all the money.
    no_tea = replace(PROGRAM, multipliers=(Multiplier(name="no tea", percent=0, skus=frozenset({"tea"})),))
    assert back(10, no_tea, tea=1, amount=1_699, refunded=2_899) == 5
    assert back(10, no_tea, tea=1, amount=1_700, refunded=2_900) == 10
    assert back(7, order=bare(700), amount=699, refunded=699) == 6
    assert back(7, order=bare(700), amount=700, refunded=700) == 7


@st.composite
def refunded_orders(draw: st.DrawFn) -> tuple[Order, Program, list[tuple[str, int]]]:
    """An order, its programme, and refunds as (sku, pieces), or ("", money)."""
    order = draw(orders())
    program = replace(PROGRAM, rounding=Rounding.UP, multipliers=tuple(draw(st.lists(MULTIPLIERS, max_size=2))))
    left = {sku: sum(line.quantity for line in order.products if line.sku == sku) for sku in CATALOGUE}
    steps = []
    for sku, pieces in left.items():
        while pieces and draw(st.booleans()):
            step = draw(st.integers(1, pieces))
            steps.append((sku, step))
            pieces -= step
    steps += [("", money) for money in draw(st.lists(st.integers(0, order.total // 3), max_size=3))]
    return order, program, draw(st.permutations(steps))


def taken_back_by(order: Order, points: int, program: Program, steps: list[tuple[str, int]]) -> list[int]:
    """How many points had gone back after each step."""
    quantities: dict[str, int] = {}
    money, taken = 0, [0]
    for sku, count in steps:
        if sku:
            quantities[sku] = quantities.get(sku, 0) + count
        else:
            money += count
        given = dict(quantities)
        taken.append(given_back(order, points, program, day_of(order), quantities=given, amount=money, refunded=money))
    return taken


def exact_share(order: Order, program: Program, steps: list[tuple[str, int]]) -> Fraction:
    """How much of the points belongs to what went back, by the words of the rules."""
    values = [(line.sku, line.price * line.quantity * line_percent(line, program)) for line in order.products]
    share = Fraction(0)
    for sku, count in steps:
        if sku:
            pieces = sum(line.quantity for line in order.products if line.sku == sku)
            value = sum(worth for name, worth in values if name == sku)
            share += Fraction(count * value, pieces * sum(worth for _, worth in values))
        else:
            share += Fraction(count, order.total)
    return min(Fraction(1), share)


@given(refunded_orders(), st.randoms(use_true_random=False))
def test_any_order_of_refunds_takes_back_the_same_and_never_less_than_before(
    case: tuple[Order, Program, list[tuple[str, int]]], random: Random
) -> None:
    order, program, steps = case
    points = earned(order, program)
    taken = taken_back_by(order, points, program, steps)
    assert taken == sorted(taken)
    assert taken[-1] <= points
    shuffled = random.sample(steps, len(steps))
    assert taken_back_by(order, points, program, shuffled)[-1] == taken[-1]
    money = sum(count for sku, count in steps if not sku)
    if points and money < order.total:
        assert taken[-1] == floor(points * exact_share(order, program, steps))
    everything = [(sku, sum(line.quantity for line in order.products if line.sku == sku)) for sku in CATALOGUE]
    whole = [(sku, pieces) for sku, pieces in everything if pieces] or [("", order.total)]
    assert taken_back_by(order, points, program, whole)[-1] == points


def test_the_first_version_may_start_in_the_past_and_not_in_the_future() -> None:
    proposed = Program(starts_at=NOW - timedelta(days=90))
    assert next_version(None, proposed, NOW) == replace(proposed, version=1, published_at=NOW)
    assert next_version(None, replace(proposed, starts_at=NOW), NOW).starts_at == NOW
    with pytest.raises(Invalid, match="future"):
        next_version(None, replace(proposed, starts_at=NOW + timedelta(seconds=1)), NOW)


@pytest.mark.parametrize("days", [-900, 0, 900])
def test_the_same_content_makes_no_new_version_whenever_it_would_start(days: int) -> None:
    proposed = replace(
        PROGRAM, version=0, starts_at=NOW + timedelta(days=days), published_at=NOW - timedelta(days=days)
    )
    assert next_version(PROGRAM, proposed, NOW) is PROGRAM


def test_a_version_was_published_when_it_was_made_whatever_it_says() -> None:
    proposed = Program(starts_at=NOW - timedelta(days=90), published_at=NOW - timedelta(days=90))
    first = next_version(None, proposed, NOW)
    second = next_version(first, replace(first, points=2), NOW + timedelta(days=1), first.version)
    assert (first.published_at, second.published_at) == (NOW, NOW + timedelta(days=1))


@pytest.mark.parametrize("days", [-900, 0])
def test_a_later_version_starts_now_however_early_it_should_have_started(days: int) -> None:
    proposed = replace(PROGRAM, version=0, points=2, starts_at=NOW + timedelta(days=days))
    later = replace(PROGRAM, points=2, version=2, starts_at=NOW, published_at=NOW)
    assert next_version(PROGRAM, proposed, NOW, PROGRAM.version) == later


def test_a_later_version_that_is_meant_for_another_day_is_refused() -> None:
    proposed = replace(PROGRAM, version=0, points=2, starts_at=NOW + timedelta(days=1))
    with pytest.raises(Invalid, match="future"):
        next_version(PROGRAM, proposed, NOW, PROGRAM.version)


@pytest.mark.parametrize(("latest", "changed_from"), [(None, 1), (PROGRAM, 0), (PROGRAM, 2)])
def test_a_change_of_another_version_than_the_latest_is_refused(latest: Program | None, changed_from: int) -> None:
    with pytest.raises(Conflict, match="is in force"):
        next_version(latest, PROGRAM, NOW, changed_from)


def test_a_change_that_names_no_version_is_refused_once_there_is_one() -> None:
    with pytest.raises(Conflict, match="send it as `version`"):
        next_version(PROGRAM, replace(PROGRAM, points=2), NOW)


def test_a_version_starts_after_the_one_before_even_where_clocks_differ() -> None:
    ahead = replace(PROGRAM, starts_at=NOW + timedelta(minutes=5))
    after = next_version(ahead, replace(PROGRAM, points=2), NOW, ahead.version)
    assert after.starts_at > ahead.starts_at
    assert in_force([ahead, after], NOW + timedelta(minutes=6)) == after


def test_the_version_of_a_moment_is_the_last_that_had_started() -> None:
    first = replace(PROGRAM, starts_at=NOW)
    second = next_version(first, replace(first, points=2), NOW + timedelta(days=1), first.version)
    third = next_version(second, first, NOW + timedelta(days=2), second.version)
    versions = [third, first, second]
    moments = [NOW - timedelta(seconds=1), NOW, *(NOW + timedelta(hours=hours) for hours in (23, 24, 47, 48, 999))]
    assert [in_force(versions, moment) for moment in moments] == [
        None, first, first, second, second, third, third,
    ]  # fmt: skip
    assert in_force([], NOW) is None


ENDED_BEFORE_IT_STARTED = Multiplier(name="sale", percent=200, starts_on=date(2027, 1, 2), ends_on=date(2027, 1, 1))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"tiers": ()}, "threshold 0"),
        ({"tiers": (Tier(name="A", threshold=1),)}, "threshold 0"),
        ({"tiers": (Tier(name="A", threshold=0), Tier(name="B", threshold=0))}, "rise"),
        ({"tiers": (Tier(name="A", threshold=0), Tier(name="B", threshold=9), Tier(name="C", threshold=8))}, "rise"),
        ({"tiers": (Tier(name="A", threshold=0), Tier(name="A", threshold=9))}, "differ"),
        ({"qualifying_months": 0}, "1 to 24"),
        ({"qualifying_months": 25}, "1 to 24"),
        ({"pending_days": 28, "expiry_months": 1}, "expire before"),
        ({"multipliers": (ENDED_BEFORE_IT_STARTED,)}, "sale ends before"),
    ],
)
def test_a_programme_that_contradicts_itself_is_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        replace(PROGRAM, **wrong)


@pytest.mark.parametrize(
    "right",
    [
        {"tiers": (Tier(name="ONLY", threshold=0),)},
        {"qualifying_months": 1},
        {"qualifying_months": 24},
        {"pending_days": 27, "expiry_months": 1},
        {"pending_days": 999, "expiry_months": None},
        {"multipliers": (Multiplier(name="day", percent=200, starts_on=NOW.date(), ends_on=NOW.date()),)},
    ],
)
def test_the_edges_of_what_a_programme_may_say_are_allowed(right: dict[str, Any]) -> None:
    replace(PROGRAM, **right)


@pytest.mark.parametrize("month", range(1, 13))
def test_the_longest_wait_that_is_allowed_ends_before_the_points_expire(month: int) -> None:
    program = replace(PROGRAM, pending_days=27, expiry_months=1)
    last = date(2027, month, 28)
    while (last + timedelta(days=1)).month == month:
        last += timedelta(days=1)
    earning = granted(1, program, last, pending=True)
    assert earning.available_on.isoformat()[:7] <= earning.expires


def test_the_tier_is_the_highest_whose_threshold_is_reached() -> None:
    reached = [PROGRAM.tier_for(earned).name for earned in (-5, 0, 499, 500, 1_999, 2_000, 99_999)]
    assert reached == ["MEMBER", "MEMBER", "MEMBER", "SILVER", "SILVER", "GOLD", "GOLD"]
    assert [PROGRAM.rank(tier) for tier in ("MEMBER", "SILVER", "GOLD", "PLATINUM", "")] == [0, 1, 2, 0, 0]


LEAP_DAY = date(2000, 2, 29)


@pytest.mark.parametrize(
    ("birthday", "today", "kept"),
    [
        (date(1990, 5, 17), date(2026, 5, 16), None),
        (date(1990, 5, 17), date(2026, 5, 17), date(2026, 5, 17)),
        (date(1990, 5, 17), date(2026, 5, 24), date(2026, 5, 17)),
        (date(1990, 5, 17), date(2026, 5, 25), None),
        (date(1990, 12, 30), date(2027, 1, 6), date(2026, 12, 30)),
        (date(1990, 12, 30), date(2027, 1, 7), None),
        (date(1990, 1, 1), date(2027, 1, 1), date(2027, 1, 1)),
        (date(1990, 1, 1), date(2026, 12, 31), None),
        (LEAP_DAY, date(2027, 2, 27), None),
        (LEAP_DAY, date(2027, 2, 28), date(2027, 2, 28)),
        (LEAP_DAY, date(2027, 3, 7), date(2027, 2, 28)),
        (LEAP_DAY, date(2027, 3, 8), None),
        (LEAP_DAY, date(2028, 2, 28), None),
        (LEAP_DAY, date(2028, 2, 29), date(2028, 2, 29)),
    ],
)
def test_a_birthday_counts_on_its_day_and_the_seven_after(birthday: date, today: date, kept: date | None) -> None:
    assert birthday_since(birthday, today, 7) == kept


def test_months_that_end_soon_differ_from_later_months_and_never() -> None:
    months = ["2027-02", NEVER, "2026-12", "2026-11", "2026-10"]
    assert months_ending_within(30, date(2026, 11, 1), months) == ["2026-11"]
    assert months_ending_within(30, date(2026, 10, 31), months) == ["2026-10", "2026-11"]
    assert months_ending_within(0, date(2026, 11, 30), months) == ["2026-11"]
    assert months_ending_within(30, date(2026, 11, 30), months) == ["2026-11"]
    assert months_ending_within(31, date(2026, 11, 30), months) == ["2026-11", "2026-12"]
    assert months_ending_within(28, date(2027, 1, 30), months) == []
    assert months_ending_within(29, date(2027, 1, 30), months) == ["2027-02"]
