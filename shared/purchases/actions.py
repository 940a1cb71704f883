"""Purchases and refunds on their way in: the same from HTTP, from the queue and from the command line."""

from dataclasses import dataclass, replace

from shared.core import fact_store
from shared.core.dynamodb import Cancelled, Write, optimistic, transact
from shared.core.errors import Conflict, Invalid, NotFound
from shared.core.facts import Fact
from shared.core.settings import Settings
from shared.core.shop_time import ShopTime
from shared.customers.actions import new_customer
from shared.customers.customer import MINTED_ID_PREFIX, Customer
from shared.customers.store import profiles
from shared.purchases import purchase
from shared.purchases.payloads import PurchasePayload, RefundPayload
from shared.purchases.purchase import Order, OrderState, Refund
from shared.purchases.store import orders
from shared.purchases.store.orders import RefundStatus
from shared.scorecards import scorecard
from shared.scorecards.scorecard import Scorecard
from shared.scorecards.store import cards


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of recording an order: `created` is False where it was recorded before."""

    order_id: str
    customer_id: str
    created: bool


@dataclass(frozen=True, slots=True)
class RecordedRefund:
    """The result of recording a refund, with its `amount` in minor units once it is applied; `created` as above."""

    order_id: str
    status: RefundStatus
    created: bool
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class _Buyer:
    """The buyer, their counters, and the writes that create both where they are new."""

    customer_id: str
    card: Scorecard
    writes: tuple[Write, ...] = ()


def take_purchase(payload: PurchasePayload, settings: Settings, time: ShopTime, *, imported: bool = False) -> Recorded:
    """Record a purchase; `imported` says that it is one of many that are not of this moment.

    Raises Invalid for an order that the shop cannot count, and as `record_order` does.
    """
    order = payload.to_order(settings.zone)
    purchase.accept(order, settings.currency, time.now)
    return record_order(order, payload.customer.customer_id, payload.customer.email, time, imported=imported)


def take_refund(payload: RefundPayload, order_id: str, settings: Settings, time: ShopTime) -> RecordedRefund:
    """Record a refund. Raises Invalid for a refund from the future, and as `record_refund` does."""
    refund = payload.to_refund(order_id, settings.zone)
    purchase.accept_refund(refund, time.now)
    return record_refund(refund, time)


@optimistic
def record_order(
    order: Order, customer_id: str | None, email: str | None, time: ShopTime, *, imported: bool = False
) -> Recorded:
    """Record an order once, with its fact, the customer's counters and the refunds that waited for it.

    An unknown address or shop's customer number becomes a customer who has consented to nothing. Costs 6 write units
    for a known customer, 10 for a new one. Raises Conflict where the id is recorded with other content, NotFound for an
    id of ours that does not exist.
    """
    buyer = _buyer(customer_id, email, time)
    try:
        _write_order(order, buyer, None, time, imported=imported)
    except Cancelled as cancelled:
        if not cancelled.refused(0):
            raise
        known = orders.state_of(cancelled.items[0])
    else:
        return Recorded(order.order_id, buyer.customer_id, created=True)
    if known.customer_id is None:
        _write_order(order, buyer, known, time, imported=imported)
        return Recorded(order.order_id, buyer.customer_id, created=True)
    if known.fingerprint != order.fingerprint(buyer.customer_id):
        raise Conflict(f"order {order.order_id} is already recorded with other content")
    return Recorded(order.order_id, known.customer_id, created=False)


@optimistic
def record_refund(refund: Refund, time: ShopTime) -> RecordedRefund:
    """Record a refund once and take it off the customer's counters; a refund that comes before its order waits for it.

    Costs 8 write units, 4 for a waiting refund. Raises Conflict where the id is recorded with other content and where
    too many or too long refunds wait for an order, Invalid where more would go back than was paid.
    """
    state = orders.get(refund.order_id)
    known = orders.get_refund(refund.order_id, refund.refund_id)
    if known:
        if known.fingerprint != refund.fingerprint():
            raise Conflict(f"refund {refund.refund_id} is already recorded with other content")
        return RecordedRefund(refund.order_id, known.status, created=False, amount=known.applied)
    if state is None or state.customer_id is None:
        waiting = purchase.awaiting(state, refund)
        transact(orders.put(waiting), orders.put_refund(refund, RefundStatus.PARKED))
        return RecordedRefund(refund.order_id, RefundStatus.PARKED, created=True)
    order = orders.order_of(state)
    applied = purchase.refund(purchase.count_refund(state), order, refund)
    card = cards.get(state.customer_id) or Scorecard(customer_id=state.customer_id)
    counted = scorecard.with_refund(
        card, time.day_of(order.ordered_at), applied.amount, fully_refunded=applied.fully_refunded
    )
    transact(
        orders.put(applied.state),
        cards.count(counted),
        fact_store.record(purchase.refund_fact(refund, applied, order, state.customer_id, time.now)),
        orders.put_refund(refund, RefundStatus.APPLIED, applied.amount),
    )
    return RecordedRefund(refund.order_id, RefundStatus.APPLIED, created=True, amount=applied.amount)


def _buyer(customer_id: str | None, email: str | None, time: ShopTime) -> _Buyer:
    if customer_id is None:
        assert email is not None
        customer_id = profiles.get_id(email)
        if customer_id is None:
            return _new_buyer(new_customer(email, time.now))
    card = cards.get(customer_id)
    if card is None and email is None and profiles.get(customer_id) is None:
        if customer_id.startswith(MINTED_ID_PREFIX):
            raise NotFound(f"there is no customer {customer_id}")
        return _new_buyer(Customer(customer_id=customer_id, created_at=time.now))
    return _Buyer(customer_id, card or Scorecard(customer_id=customer_id))


def _new_buyer(customer: Customer) -> _Buyer:
    card = Scorecard(customer_id=customer.customer_id)
    return _Buyer(customer.customer_id, card, tuple(profiles.create(customer)))


def _write_order(order: Order, buyer: _Buyer, awaited: OrderState | None, time: ShopTime, *, imported: bool) -> None:
    """Write an order; `awaited` is its state where refunds came before it, which are then applied with it."""
    ordered_on = time.day_of(order.ordered_at)
    state = purchase.recorded(order, buyer.customer_id, awaited)
    facts: list[Fact] = [purchase.purchase_fact(order, buyer.customer_id, time.now, imported=imported)]
    counted = scorecard.with_order(buyer.card, ordered_on, order.total)
    refunds: list[Write] = []
    for refund in purchase.in_time_order(orders.refunds_of(order.order_id)) if awaited else ():
        try:
            applied = purchase.refund(state, order, refund)
        except Invalid as error:
            facts.append(purchase.rejection_fact(refund, error.detail, buyer.customer_id, time.now))
            refunds.append(orders.decide_refund(refund, RefundStatus.REJECTED))
            continue
        state = replace(applied.state, version=state.version)
        counted = scorecard.with_refund(counted, ordered_on, applied.amount, fully_refunded=applied.fully_refunded)
        facts.append(purchase.refund_fact(refund, applied, order, buyer.customer_id, time.now))
        refunds.append(orders.decide_refund(refund, RefundStatus.APPLIED, applied.amount))
    counted = replace(counted, version=buyer.card.version + 1)
    transact(orders.put(state), cards.count(counted), *map(fact_store.record, facts), *refunds, *buyer.writes)
