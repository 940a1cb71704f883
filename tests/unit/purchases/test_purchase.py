"""Orders and refunds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.errors import Conflict, Invalid
from shared.purchases import purchase
from shared.purchases.purchase import MAX_AWAITING_BYTES, MAX_REFUNDS_PER_ORDER, Order, Product, Refund

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ORDER = Order(
    order_id="#1001",
    ordered_at=NOW,
    currency="EUR",
    total=2_900,
    tax=400,
    shipping=500,
    discount=1_000,
    products=(
        Product(sku="cup", quantity=3, price=500),
        Product(sku="tea", quantity=1, price=1_500, name="Assam"),
    ),
)


def refund_of(**what: object) -> Refund:
    return Refund(refund_id="r", order_id=ORDER.order_id, refunded_at=NOW, **what)  # type: ignore[arg-type]


def test_a_total_that_does_not_add_up_is_refused_with_the_sum() -> None:
    with pytest.raises(Invalid, match="3000 − 1000 \\+ 400 \\+ 500 = 2900"):
        replace(ORDER, total=2_901)


def test_an_order_without_lines_counts_by_its_total() -> None:
    assert replace(ORDER, products=(), discount=0).total == 2_900
    with pytest.raises(Invalid, match="less than tax"):
        replace(ORDER, products=(), total=899)


def test_the_fingerprint_is_of_the_content_and_the_customer() -> None:
    assert ORDER.fingerprint("a") == Order.from_data(ORDER.as_data()).fingerprint("a")
    assert ORDER.fingerprint("a") != ORDER.fingerprint("b")
    assert ORDER.fingerprint("a") != replace(ORDER, coupon="X").fingerprint("a")


def test_a_line_refund_gives_back_its_share_of_discount_and_tax_but_no_shipping() -> None:
    state = purchase.recorded(ORDER, "c", None)
    applied = purchase.refund(state, ORDER, refund_of(products={"cup": 3}))
    assert applied.amount == 1_200  # half the value, so half of 2,900 − 500
    assert not applied.fully_refunded


@given(st.integers(1, 7), st.integers(1, 999), st.integers(0, 500), st.integers(0, 300), st.data())
def test_refunding_a_line_in_steps_gives_what_refunding_it_at_once_gives(
    pieces: int, price: int, tax: int, discount: int, data: st.DataObject
) -> None:
    products = (Product(sku="a", quantity=pieces, price=price), Product(sku="b", quantity=1, price=777))
    worth = pieces * price + 777
    discount = min(discount, worth)
    order = Order(
        order_id="o",
        ordered_at=NOW,
        currency="EUR",
        total=worth - discount + tax,
        tax=tax,
        discount=discount,
        products=products,
    )
    state = start = purchase.recorded(order, "c", None)
    left = pieces
    while left:
        step = data.draw(st.integers(1, left))
        state = purchase.refund(state, order, refund_of(products={"a": step})).state
        left -= step
    at_once = purchase.refund(start, order, refund_of(products={"a": pieces}))
    assert state.refunded == at_once.amount
    rest = purchase.refund(state, order, refund_of(products={"b": 1}))
    assert rest.state.refunded == order.total - order.shipping
    assert rest.fully_refunded == (order.total > 0)


def test_where_a_discount_paid_for_shipping_too_no_line_has_anything_to_give_back() -> None:
    cup = Product(sku="cup", quantity=2, price=500)
    order = Order(order_id="o", ordered_at=NOW, currency="EUR", total=0, shipping=500, discount=1_500, products=(cup,))
    applied = purchase.refund(purchase.recorded(order, "c", None), order, refund_of(products={"cup": 2}))
    assert (applied.amount, applied.fully_refunded) == (0, False)


def test_a_refund_of_next_week_is_refused() -> None:
    purchase.accept_refund(refund_of(amount=1), NOW)
    with pytest.raises(Invalid, match="future"):
        purchase.accept_refund(refund_of(amount=1), NOW - timedelta(days=7))


@pytest.mark.parametrize("what", [{"amount": 2_901}, {"products": {"cup": 4}}, {"products": {"hat": 1}}])
def test_more_than_was_paid_or_bought_is_refused(what: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        purchase.refund(purchase.recorded(ORDER, "c", None), ORDER, refund_of(**what))


def test_a_refund_after_others_may_take_what_is_left_and_no_more() -> None:
    applied = purchase.refund(purchase.recorded(ORDER, "c", None), ORDER, refund_of(amount=2_000))
    with pytest.raises(Invalid) as refused:
        purchase.refund(applied.state, ORDER, refund_of(amount=901))
    assert refused.value.members == {"refundable": 900}
    assert purchase.refund(applied.state, ORDER, refund_of(amount=900)).fully_refunded


def test_a_refund_is_either_an_amount_or_products() -> None:
    with pytest.raises(Invalid):
        refund_of()
    with pytest.raises(Invalid):
        refund_of(amount=1, products={"cup": 1})


def test_refunds_that_wait_say_no_more_than_can_be_written_with_their_order() -> None:
    long = refund_of(products={f"{line:03d}{'x' * 61}": 1 for line in range(200)})
    taken, state = MAX_AWAITING_BYTES // long.size, None
    for _ in range(taken):
        state = purchase.awaiting(state, long)
    with pytest.raises(Conflict, match="again after the order"):
        purchase.awaiting(state, long)
    assert state is not None
    assert state.awaiting_bytes == taken * long.size
    assert purchase.recorded(ORDER, "c", state).awaiting_bytes is None


def test_an_order_takes_a_bounded_number_of_refunds_waiting_or_not() -> None:
    state = None
    for _ in range(MAX_REFUNDS_PER_ORDER):
        state = purchase.awaiting(state, refund_of(amount=1))
    with pytest.raises(Conflict):
        purchase.awaiting(state, refund_of(amount=1))
    with pytest.raises(Conflict):
        purchase.count_refund(replace(purchase.recorded(ORDER, "c", state), refunds=MAX_REFUNDS_PER_ORDER))


def test_another_currency_and_an_order_of_next_week_are_refused() -> None:
    purchase.accept(ORDER, "EUR", NOW)
    with pytest.raises(Invalid, match="counts in USD"):
        purchase.accept(ORDER, "USD", NOW)
    with pytest.raises(Invalid, match="future"):
        purchase.accept(ORDER, "EUR", NOW - timedelta(days=7))


def test_facts_carry_no_name_or_address_of_the_buyer() -> None:
    fact = purchase.purchase_fact(ORDER, "c", NOW)
    assert set(fact.data) == {
        "order_id", "ordered_at", "currency", "total", "tax", "shipping", "discount", "products",
    }  # fmt: skip
