"""Scorecards: counters that do not depend on the order in which orders come."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from shared.purchases import purchase
from shared.purchases.purchase import Order, Refund
from shared.scorecards.scorecard import (
    MAX_ORDER_DAYS,
    Month,
    Rfm,
    Scorecard,
    rfm,
    scorecard_from,
    with_order,
    with_refund,
)

# Hypothesis draws times without zone between these.
EARLY, LATE = datetime.fromisoformat("2022-01-01"), datetime.fromisoformat("2026-01-01")
NEW = Scorecard(customer_id="c")
days = st.dates(date(2020, 1, 1), date(2026, 12, 31))
orders = st.lists(st.tuples(days, st.integers(0, 100_000)), max_size=40)


def card_of(bought: list[tuple[date, int]]) -> Scorecard:
    card = NEW
    for day, total in bought:
        card = with_order(card, day, total)
    return card


@given(orders, st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_card(bought, random) -> None:  # type: ignore[no-untyped-def]
    assert card_of(random.sample(bought, len(bought))) == card_of(bought)


@given(orders.filter(bool), days)
def test_frequency_and_money_count_24_calendar_months(bought: list[tuple[date, int]], as_of: date) -> None:
    last = max(day for day, _ in bought)
    as_of = max(as_of, last)
    inside = [total for day, total in bought if 0 <= months_between(day, as_of) < 24]
    assert rfm(card_of(bought), as_of) == Rfm((as_of - last).days, len(inside), sum(inside))


def months_between(day: date, as_of: date) -> int:
    return (as_of.year - day.year) * 12 + as_of.month - day.month


def test_the_current_month_counts_and_the_24th_before_it_does_not() -> None:
    card = card_of([(date(2024, 12, 31), 1), (date(2025, 1, 1), 10), (date(2026, 12, 1), 100)])
    assert rfm(card, date(2026, 12, 31)) == Rfm(30, 2, 110)
    assert card.spent == 111


def test_on_a_day_in_the_past_later_orders_have_not_happened() -> None:
    card = card_of([(date(1998, 3, 1), 100), (date(1998, 5, 20), 200), (date(2026, 11, 1), 400)])
    assert rfm(card, date(1998, 2, 28)) is None
    assert rfm(card, date(1998, 5, 1)) == Rfm(61, 0, 0)  # their months of that time have left the window
    assert rfm(card_of([(date(2026, 11, 21), 1)]), date(1998, 7, 1)) is None


def test_a_customer_without_orders_is_a_prospect() -> None:
    assert rfm(NEW, date(2026, 1, 1)) is None


def test_a_wholly_refunded_order_no_longer_counts_but_its_day_stays() -> None:
    card = with_refund(
        card_of([(date(2026, 1, 5), 500), (date(2026, 3, 5), 700)]), date(2026, 3, 5), 700, fully_refunded=True
    )
    assert (card.orders, card.spent, card.last_order_on) == (1, 500, date(2026, 3, 5))
    assert card.months == {"2026-01": Month(orders=1, spent=500)}


def test_a_partly_refunded_order_counts_with_what_is_left() -> None:
    card = with_refund(card_of([(date(2026, 1, 5), 500)]), date(2026, 1, 5), 200, fully_refunded=False)
    assert card.months == {"2026-01": Month(orders=1, spent=300)}
    assert rfm(card, date(2026, 1, 6)) == Rfm(1, 1, 300)


def test_the_card_of_a_daily_buyer_keeps_the_last_days_only() -> None:
    first = date(2025, 1, 1)
    bought = [(first + timedelta(days=n), 100) for n in range(300)]
    card = card_of(bought)
    assert len(card.order_days) == MAX_ORDER_DAYS
    assert max(card.order_days) - min(card.order_days) == MAX_ORDER_DAYS - 1
    assert (card.orders, card.first_order_on) == (300, first)


@given(
    st.lists(
        st.tuples(st.datetimes(EARLY, LATE), st.integers(1, 9_999), st.integers(0, 9_999)),
        max_size=15,
        unique_by=lambda entry: entry[0],
    ),
    st.randoms(use_true_random=False),
)
def test_a_card_rebuilt_from_facts_equals_the_one_that_was_kept(bought, random) -> None:  # type: ignore[no-untyped-def]
    zone, now = ZoneInfo("Europe/Berlin"), datetime(2026, 6, 1, tzinfo=UTC)
    card, facts = NEW, []
    for number, (at, total, back) in enumerate(bought):
        order = Order(order_id=str(number), ordered_at=at.replace(tzinfo=UTC), currency="EUR", total=total)
        day = order.ordered_at.astimezone(zone).date()
        card = with_order(card, day, total)
        facts.append(purchase.purchase_fact(order, "c", now))
        if 0 < back <= total:
            refund = Refund(refund_id="r", order_id=order.order_id, refunded_at=now, amount=back)
            applied = purchase.refund(purchase.recorded(order, "c", None), order, refund)
            card = with_refund(card, day, back, fully_refunded=applied.fully_refunded)
            facts.append(purchase.refund_fact(refund, applied, order, "c", now))
    assert scorecard_from("c", random.sample(facts, len(facts)), zone) == card
