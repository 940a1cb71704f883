"""What is measured of requests: customers sign up, confirm, buy, return and are looked at, by the real handlers."""

import base64
import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from infra import ROOT
from shared import links
from shared.store import customers

CUSTOMERS: Final = 12
# As many as make the timeline's page full.
PURCHASES: Final = 25

_EVENTS: Final = ROOT / "events"
_STARTED: Final = datetime.now(UTC).replace(microsecond=0)

Event = dict[str, Any]
Handler = Callable[[Event, object], dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """One kind of request; `write_budget` in write units from DESIGN §2, where it sets one."""

    name: str
    function: str
    write_budget: int | None
    event: Callable[[int, int], Event]
    times: int = 1

    def calls(self) -> Iterator[Callable[[], None]]:
        """One call of the handler per customer, as often as it is to happen.

        The event is made when the call is due: it may hold what an earlier one has stored.
        """
        handler = importlib.import_module(f"functions.{self.function}.handler").handler
        for number in range(self.times):
            for customer in range(CUSTOMERS):
                yield partial(self._call, handler, self.event(customer, number))

    def _call(self, handler: Handler, event: Event) -> None:
        answer = handler(event, None)
        assert answer["statusCode"] < 300, f"{self.name}: {answer['body']}"


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
    known = customers.find_by_email(_address(customer))
    assert known is not None
    assert known.signup is not None
    token = links.confirmation_path(known.customer_id, known.signup).partition("token=")[2]
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
    customer_id = customers.find_id(_address(customer))
    page = {"pathParameters": {"customer_id": customer_id}, "queryStringParameters": {}}
    return {**_load("view_customer/timeline"), **page}


def _order_id(customer: int, number: int) -> str:
    return f"order-{customer}-{number}"


# In an order in which each finds what it needs.
OPERATIONS: Final = (
    Operation("sign up", "register_customer", 6, _sign_up),
    Operation("confirm a signup", "confirm_signup", None, _confirm),
    Operation("record a purchase of a known customer", "record_purchase", 6, _purchase, times=PURCHASES),
    Operation("record a purchase of a newcomer", "record_purchase", None, _purchase_by_newcomer),
    Operation("refund a purchase", "refund_purchase", None, _refund),
    Operation("view a customer", "view_customer", None, _view),
    Operation(f"view a timeline page of {PURCHASES} facts", "view_customer", None, _timeline),
)
