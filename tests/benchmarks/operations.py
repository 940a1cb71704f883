"""What is measured: customers sign up, confirm, buy, return, earn, redeem and are looked at, by the real handlers."""

import base64
import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from infra import ROOT
from infra.constructs.code import module_of
from shared.core import fact_store
from shared.core.facts import Fact
from shared.customers.links import confirmation_path
from shared.customers.store import profiles
from shared.purchases.purchase import Order

CUSTOMERS: Final = 12
# As many as make the timeline's page full.
PURCHASES: Final = 25

_EVENTS: Final = ROOT / "events"
_STARTED: Final = datetime.now(UTC).replace(microsecond=0)

Event = dict[str, Any]
Handler = Callable[[Event, object], dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """One kind of request or message; `write_budget` in write units, from the design or docs/data-model.md."""

    name: str
    function: str
    write_budget: int | None
    event: Callable[[int, int], Event]
    times: int = 1

    def calls(self) -> Iterator[Callable[[], None]]:
        """One call of the handler per customer, as often as it is to happen.

        The event is made when the call is due: it may hold what an earlier one has stored.
        """
        handler = importlib.import_module(module_of(self.function)).handler
        for number in range(self.times):
            for customer in range(CUSTOMERS):
                yield partial(self._call, handler, self.event(customer, number))

    def _call(self, handler: Handler, event: Event) -> None:
        answer = handler(event, None)
        refused = answer["statusCode"] >= 300 if "statusCode" in answer else answer["batchItemFailures"]
        assert not refused, f"{self.name}: {answer}"


def _load(name: str) -> Event:
    event: Event = json.loads((_EVENTS / f"{name}.json").read_text())
    return event


def _with_body(name: str, **changes: object) -> Event:
    event = _load(name)
    return {**event, "body": json.dumps({**json.loads(event["body"]), **changes})}


def _address(customer: int) -> str:
    return f"shopper.{customer}@shop.example"


def _sign_up(customer: int, _number: int) -> Event:
    return _with_body("register_customer/json", email=_address(customer))


def _confirm(customer: int, _number: int) -> Event:
    known = profiles.get_by_email(_address(customer))
    assert known is not None
    assert known.signup is not None
    token = confirmation_path(known.customer_id, 0, known.signup).partition("token=")[2]
    return {**_load("confirm_signup/post"), "body": base64.b64encode(f"token={token}".encode()).decode()}


def _purchase(customer: int, number: int) -> Event:
    ordered_at = _STARTED - timedelta(days=10 * (PURCHASES - number))
    return _with_body(
        "record_purchase/by_email",
        order_id=_order_id(customer, number),
        customer={"email": _address(customer)},
        ordered_at=ordered_at.isoformat(),
    )


def _purchase_by_newcomer(customer: int, _number: int) -> Event:
    return _with_body(
        "record_purchase/by_email",
        order_id=f"newcomer-{customer}",
        customer={"email": f"newcomer.{customer}@shop.example"},
        ordered_at=_STARTED.isoformat(),
    )


def _refund(customer: int, _number: int) -> Event:
    event = _with_body("refund_purchase/amount", refunded_at=_STARTED.isoformat())
    return {**event, "pathParameters": {"order_id": _order_id(customer, 0)}}


def _view(customer: int, _number: int) -> Event:
    return {**_load("view_customer/by_email"), "queryStringParameters": {"email": _address(customer)}}


def _timeline(customer: int, _number: int) -> Event:
    customer_id = profiles.get_id(_address(customer))
    page = {"pathParameters": {"customer_id": customer_id}, "queryStringParameters": {}}
    return {**_load("view_customer/timeline"), **page}


def _launch(_customer: int, _number: int) -> Event:
    """A programme under which nobody climbs a tier by daily shopping; the first call makes it, others find it."""
    tiers = [{"name": "MEMBER", "threshold": 0}, {"name": "PATRON", "threshold": 100_000}]
    starts_at = (_STARTED - timedelta(days=400)).isoformat()
    return _with_body("configure_loyalty/put_program", tiers=tiers, starts_at=starts_at)


def _define(reward_id: str, stock: int | None, _customer: int, _number: int) -> Event:
    event = _with_body("configure_loyalty/put_reward", cost=5, stock=stock, limit_per_customer=None)
    return {**event, "pathParameters": {"reward_id": reward_id}}


def _customer_id(customer: int) -> str:
    customer_id = profiles.get_id(_address(customer))
    assert customer_id is not None
    return customer_id


def _of_the_queue(name: str, fact: Fact) -> Event:
    event = _load(name)
    (record,) = event["Records"]
    message = {**json.loads(record["body"]), "detail": fact_store.to_members(fact)}
    return {"Records": [{**record, "body": json.dumps(message)}]}


def _earn(customer: int, number: int) -> Event:
    every = fact_store.every(_customer_id(customer))
    order_id = _order_id(customer, number)
    (bought,) = [fact for fact in every if (fact.type, fact.id) == ("PurchaseRecorded", order_id)]
    return _of_the_queue("post_points/purchase_recorded", bought)


def _earn_a_tier(customer: int, _number: int) -> Event:
    fact = Fact(
        type="PurchaseRecorded",
        id=f"large-{customer}",
        customer_id=_customer_id(customer),
        occurred_at=_STARTED,
        # After the launch: what was recorded before it earns nothing.
        recorded_at=datetime.now(UTC),
        data=Order(order_id=f"large-{customer}", ordered_at=_STARTED, currency="EUR", total=10_000_000).as_data(),
    )
    return _of_the_queue("post_points/purchase_recorded", fact)


def _take_back(customer: int, _number: int) -> Event:
    (back,) = [fact for fact in fact_store.every(_customer_id(customer)) if fact.type == "PurchaseRefunded"]
    return _of_the_queue("post_points/purchase_refunded", back)


def _redeem(reward_id: str, customer: int, number: int) -> Event:
    event = _with_body("redeem_reward/redeem", reward_id=reward_id, idempotency_key=f"{reward_id}-{number}")
    return {**event, "pathParameters": {"customer_id": _customer_id(customer)}}


def _cancel(customer: int, _number: int) -> Event:
    path = {"customer_id": _customer_id(customer), "redemption_id": "tea-tin-0"}
    return {**_load("redeem_reward/cancel"), "pathParameters": path}


def _adjust(customer: int, _number: int) -> Event:
    return {**_load("adjust_points/add"), "pathParameters": {"customer_id": _customer_id(customer)}}


def _view_points(customer: int, _number: int) -> Event:
    return {**_load("view_points/points"), "pathParameters": {"customer_id": _customer_id(customer)}}


def _order_id(customer: int, number: int) -> str:
    return f"order-{customer}-{number}"


# In an order in which each finds what it needs.
OPERATIONS: Final = (
    Operation("sign up", "register_customer", 6, _sign_up),
    Operation("launch the loyalty programme", "configure_loyalty", None, _launch),
    Operation("confirm a signup", "confirm_signup", None, _confirm),
    Operation("record a purchase of a known customer", "record_purchase", 6, _purchase, times=PURCHASES),
    Operation("record a purchase of a newcomer", "record_purchase", None, _purchase_by_newcomer),
    Operation("refund a purchase", "refund_purchase", None, _refund),
    Operation("define a reward", "configure_loyalty", None, partial(_define, "sticker", None)),
    Operation("define a reward with a stock", "configure_loyalty", None, partial(_define, "tea-tin", 10_000)),
    Operation("earn points", "post_points", 4, _earn, times=PURCHASES),
    Operation("earn points that lift the tier", "post_points", None, _earn_a_tier),
    Operation("take back the points of a refund", "post_points", None, _take_back),
    Operation("redeem a reward", "redeem_reward", 8, partial(_redeem, "sticker")),
    Operation("redeem a reward with a stock", "redeem_reward", 8, partial(_redeem, "tea-tin")),
    Operation("cancel a redemption", "redeem_reward", None, _cancel),
    Operation("adjust points", "adjust_points", None, _adjust),
    Operation("view points", "view_points", None, _view_points),
    Operation("view a customer", "view_customer", None, _view),
    Operation(f"view a timeline page of {PURCHASES} facts", "view_customer", None, _timeline),
)
