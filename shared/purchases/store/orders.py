"""Orders: pk `ORDER#<order_id>`, sk `ORDER`; refunds: sk `REFUND#<refund_id>`, waiting there if they come first."""

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from shared.core import dynamodb as table
from shared.core import fact_store as facts
from shared.core.errors import Conflict, Invalid, NotFound
from shared.core.facts import Fact, from_timestamp, to_timestamp
from shared.customers.customer import MINTED_ID_PREFIX, Customer
from shared.customers.store import profiles as customers
from shared.purchases import purchase
from shared.purchases.facts import PURCHASE_RECORDED
from shared.purchases.purchase import Order, OrderState, Refund
from shared.scorecards import scorecard
from shared.scorecards.scorecard import Scorecard
from shared.scorecards.store import cards as scorecards

ORDER = "ORDER"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an order: `created` is False where it was there already."""

    order_id: str
    customer_id: str
    created: bool


@dataclass(frozen=True, slots=True)
class RecordedRefund:
    """What became of a refund: PARKED until its order comes, then APPLIED with its amount, or REJECTED."""

    order_id: str
    status: str
    created: bool
    amount: int | None = None


def record_order(
    order: Order, *, customer_id: str | None, email: str | None, mint: customers.Mint, now: datetime, zone: tzinfo
) -> Recorded:
    """Record an order once, with its fact, the customer's counters and the refunds that waited for it.

    An unknown address or shop's customer number becomes a customer who has consented to nothing; `mint` makes
    the id for an address (its second argument counts the ids that were taken). Costs 6 write units for a known
    customer. Raises Conflict where the id is taken by other content, NotFound for an id of ours that does not exist.
    """
    for _ in table.tries():
        found, card, create = _customer(customer_id, email, mint, now)
        awaited: OrderState | None = None
        try:
            _write_order(order, found, card, create, awaited, now, zone)
            return Recorded(order.order_id, found, created=True)
        except table.Cancelled as cancelled:
            if not cancelled.refused(0):
                continue
            held = _state_from(cancelled.found[0])
        if held.customer_id is not None:
            if held.fingerprint != order.fingerprint(found):
                raise Conflict(f"order {order.order_id} is already recorded with other content")
            return Recorded(order.order_id, held.customer_id, created=False)
        try:
            _write_order(order, found, card, create, held, now, zone)
            return Recorded(order.order_id, found, created=True)
        except table.Cancelled:
            continue
    raise AssertionError("tries() ends by raising")


def record_refund(wish: Refund, *, now: datetime, zone: tzinfo) -> RecordedRefund:
    """Record a refund once and take it off the customer's counters; before its order it is kept until that comes.

    Raises Conflict where the id is taken by other content, Invalid where more would go back than was paid.
    """
    for _ in table.tries():
        item = table.get(table.customers_table(), _order_key(wish.order_id))
        state = _state_from(item) if item else None
        known = table.get(table.customers_table(), _refund_key(wish))
        if known:
            if known["fingerprint"] != wish.fingerprint():
                raise Conflict(f"refund {wish.refund_id} is already recorded with other content")
            return RecordedRefund(wish.order_id, known["status"], created=False, amount=known.get("applied"))
        try:
            if state is None or state.customer_id is None:
                waiting = purchase.awaiting(state, wish.order_id)
                table.transact([_put_state(waiting), _put_refund(wish, None)])
                return RecordedRefund(wish.order_id, "PARKED", created=True)
            return _apply(wish, purchase.one_more_refund(state), state.customer_id, now, zone)
        except table.Cancelled:
            continue
    raise AssertionError("tries() ends by raising")


def find_order(state: OrderState) -> Order:
    """The order as it was recorded, from its fact (1 read unit)."""
    assert state.customer_id is not None
    assert state.ordered_at is not None
    fact = facts.find(state.customer_id, state.ordered_at, PURCHASE_RECORDED.name, state.order_id)
    assert fact is not None, f"order {state.order_id} has no fact"
    return Order.from_data(fact.data)


def _customer(
    customer_id: str | None, email: str | None, mint: customers.Mint, now: datetime
) -> tuple[str, Scorecard, list[table.Write]]:
    """The buyer's id and counters, and the writes that create her where she is new."""
    if customer_id is None:
        assert email is not None
        customer_id = customers.find_id(email)
        if customer_id is None:
            return _created(customers.new(email, mint, now))
    card = scorecards.find(customer_id)
    if card is None and email is None and customers.find(customer_id) is None:
        if customer_id.startswith(MINTED_ID_PREFIX):
            raise NotFound(f"there is no customer {customer_id}")
        return _created(Customer(customer_id=customer_id, created_at=now))
    return customer_id, card or Scorecard(customer_id=customer_id), []


def _created(customer: Customer) -> tuple[str, Scorecard, list[table.Write]]:
    return customer.customer_id, Scorecard(customer_id=customer.customer_id), customers.create(customer)


def _write_order(
    order: Order,
    customer_id: str,
    card: Scorecard,
    create: list[table.Write],
    awaited: OrderState | None,
    now: datetime,
    zone: tzinfo,
) -> None:
    ordered_on = order.ordered_at.astimezone(zone).date()
    state = purchase.recorded(order, customer_id, awaited)
    happened: list[Fact] = [purchase.purchase_fact(order, customer_id, now)]
    counted = scorecard.with_order(card, ordered_on, order.total)
    settled: list[table.Write] = []
    for wish in purchase.in_time_order(_waiting(order.order_id)) if awaited else ():
        try:
            done = purchase.refund(state, order, wish)
        except Invalid as error:
            happened.append(purchase.rejection_fact(wish, error.detail, customer_id, now))
            settled.append(_settle(wish, None))
            continue
        state = replace(done.state, version=state.version)
        counted = scorecard.with_refund(counted, ordered_on, done.amount, whole=done.whole)
        happened.append(purchase.refund_fact(wish, done, order, customer_id, now))
        settled.append(_settle(wish, done.amount))
    counted = replace(counted, version=card.version + 1)
    table.transact([_put_state(state), scorecards.count(counted), *map(facts.record, happened), *settled, *create])


def _apply(wish: Refund, state: OrderState, customer_id: str, now: datetime, zone: tzinfo) -> RecordedRefund:
    order = find_order(state)
    done = purchase.refund(state, order, wish)
    card = scorecards.find(customer_id) or Scorecard(customer_id=customer_id)
    ordered_on = order.ordered_at.astimezone(zone).date()
    counted = scorecard.with_refund(card, ordered_on, done.amount, whole=done.whole)
    table.transact(
        [
            _put_state(done.state),
            scorecards.count(counted),
            facts.record(purchase.refund_fact(wish, done, order, customer_id, now)),
            _put_refund(wish, done.amount),
        ]
    )
    return RecordedRefund(wish.order_id, "APPLIED", created=True, amount=done.amount)


def _waiting(order_id: str) -> list[Refund]:
    items = table.query(table.customers_table(), _order_key(order_id)["pk"], "REFUND#")
    return [Refund.from_data(item) for item in items]


def _order_key(order_id: str) -> dict[str, str]:
    return {"pk": f"ORDER#{order_id}", "sk": ORDER}


def _refund_key(wish: Refund) -> dict[str, str]:
    return {"pk": f"ORDER#{wish.order_id}", "sk": f"REFUND#{wish.refund_id}"}


def _put_refund(wish: Refund, applied: int | None) -> table.Write:
    status = "PARKED" if applied is None else "APPLIED"
    return table.put_new(table.customers_table(), _refund_item(wish, status, applied))


def _settle(wish: Refund, applied: int | None) -> table.Write:
    status = "REJECTED" if applied is None else "APPLIED"
    return table.put(table.customers_table(), _refund_item(wish, status, applied))


def _refund_item(wish: Refund, status: str, applied: int | None) -> dict[str, Any]:
    kept = {"fingerprint": wish.fingerprint(), "status": status, "applied": applied}
    return {**_refund_key(wish), **wish.as_data(), **kept}


def _put_state(state: OrderState) -> table.Write:
    item = {
        **_order_key(state.order_id),
        "order_id": state.order_id,
        "customer_id": state.customer_id,
        "ordered_at": to_timestamp(state.ordered_at) if state.ordered_at else None,
        "total": state.total,
        "fingerprint": state.fingerprint,
        "refunded": state.refunded,
        "quantities": state.quantities,
        "refunds": state.refunds,
        "version": state.version,
    }
    return table.put_version(table.customers_table(), item)


def _state_from(item: dict[str, Any]) -> OrderState:
    return OrderState(
        order_id=item["order_id"],
        customer_id=item.get("customer_id"),
        ordered_at=from_timestamp(item["ordered_at"]) if "ordered_at" in item else None,
        total=item["total"],
        fingerprint=item["fingerprint"],
        refunded=item["refunded"],
        quantities=item["quantities"],
        refunds=item["refunds"],
        version=item["version"],
    )
