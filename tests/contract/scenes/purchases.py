"""Orders and refunds in any order of arrival."""

from typing import Any

from shared.core import environment
from shared.core.shop_time import ShopTime
from shared.purchases.actions import take_purchase
from shared.purchases.payloads import PurchasePayload
from tests.contract.recording import Stage, accept
from tests.functional.aws import make_queue, received

LINES = [
    {"sku": "cup", "name": "Blue cup", "category": "Cups", "quantity": 3, "price": 500},
    {"sku": "tea", "quantity": 1, "price": 1_500},
]


def play(stage: Stage) -> None:
    """Two buyers, one of them known by number only; refunds before and after their orders; a batch by the queue."""
    _orders(stage)
    _refunds(stage)
    _refunds_first(stage)
    _queue(stage)
    _refused(stage)


def _orders(stage: Stage) -> None:
    accept(stage.call("record_purchase/by_email", "newcomer by address"), 201)
    accept(stage.call("record_purchase/by_email", "the same again"), 200)
    accept(stage.call("record_purchase/by_customer_number", "newcomer by number"), 201)
    least = {"ordered_at": "2026-10-31T23:30:00Z", "total": 900, "channel": None, "tax": 0, "shipping": 0}
    accept(stage.call("record_purchase/by_customer_number", "known by number", order_id="2001", **least), 201)
    older = {"order_id": "2002", "ordered_at": "2024-02-29", "products": LINES, "coupon": None}
    accept(stage.call("record_purchase/by_email", "known by address", **older), 201)
    body = stage.load("record_purchase/by_customer_number", order_id="2003", ordered_at="2023-03-03")["body"]
    settings = environment.settings()
    time = ShopTime(stage.clock.now(), settings.zone)
    assert take_purchase(PurchasePayload.model_validate_json(body), settings, time, imported=True).created


def _refunds(stage: Stage) -> None:
    accept(stage.call("refund_purchase/amount", "by amount"), 201)
    accept(stage.call("refund_purchase/amount", "the same again"), 200)
    accept(stage.call("refund_purchase/products", "by products"), 201)
    number = {"#1001": "2001"}
    accept(stage.call("refund_purchase/amount", "of the whole order", fill=number, refund_id="rf-9"), 201)


def _refunds_first(stage: Stage) -> None:
    """Of four refunds that wait for their order two cannot be; those of another order wait still."""
    other = {"#1001": "3001"}
    accept(stage.call("refund_purchase/amount", "before its order", fill=other), 201)
    accept(stage.call("refund_purchase/products", "before its order", fill=other), 201)
    much = {"refund_id": "rf-3", "refunded_at": "2026-11-21T11:00:00Z", "amount": 5_000}
    accept(stage.call("refund_purchase/amount", "before its order, too much", fill=other, **much), 201)
    lamp = {"refund_id": "rf-4", "products": [{"sku": "lamp", "quantity": 1}]}
    accept(stage.call("refund_purchase/products", "before its order, not of it", fill=other, **lamp), 201)
    accept(stage.call("record_purchase/by_email", "an order for which refunds wait", order_id="3001"), 201)
    for refund_id in ("rf-1", "rf-2"):
        name = "refund_purchase/amount" if refund_id == "rf-1" else "refund_purchase/products"
        accept(stage.call(name, "of an order to come", fill={"#1001": "3002"}, refund_id=refund_id), 201)


def _queue(stage: Stage) -> None:
    numbers = {"#1001": "4001", "#1003": "4003"}
    make_queue("purchases")
    stage.call("ingest_purchases/mixed", "a refund, its order and two wrong ones", fill=numbers)
    assert len(received("purchases-failed")) == 2


def _refused(stage: Stage) -> None:
    accept(stage.call("record_purchase/by_email", "other content", total=1_900, products=[]), 409)
    accept(stage.call("record_purchase/by_email", "another currency", order_id="9", currency="USD"), 422)
    accept(stage.call("record_purchase/by_email", "from the future", order_id="9", ordered_at="2026-11-30"), 422)
    accept(stage.call("record_purchase/by_email", "sums that do not add up", order_id="9", total=1), 422)
    unknown = {"customer": {"customer_id": "cus_unknown"}, "order_id": "9"}
    accept(stage.call("record_purchase/by_customer_number", "an unknown id of ours", **unknown), 404)
    accept(stage.call("refund_purchase/amount", "other content", amount=901), 409)
    accept(stage.call("refund_purchase/amount", "more than is left", refund_id="rf-8", amount=9_900), 422)

    def long_id(event: Any) -> None:
        event["pathParameters"]["order_id"] = "x" * 65

    accept(stage.call("refund_purchase/amount", "an id too long", changes=long_id), 422)
