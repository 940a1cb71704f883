"""POST /purchases → an order with its fact and the customer's counters."""

from functions.purchases.wiring import PURCHASES
from shared.core import clock, environment
from shared.edge.http import Request, Response, respond, serve
from shared.purchases.actions import take_purchase
from shared.purchases.payloads import PurchasePayload


def record(request: Request) -> Response:
    """201 for a new order, 200 for the same again."""
    purchase = take_purchase(request.json(PurchasePayload), environment.settings(), clock.shop_time())
    request.concerns.update(order_id=purchase.order_id, customer_id=purchase.customer_id)
    body = {"order_id": purchase.order_id, "customer_id": purchase.customer_id}
    return respond(201 if purchase.created else 200, body)


handler = serve(PURCHASES, {"POST /purchases": record})
