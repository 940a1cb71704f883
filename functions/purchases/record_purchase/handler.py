"""POST /purchases → an order with its fact and the customer's counters."""

from shared.core import clock, environment
from shared.edge.http import Request, Response, respond, serve
from shared.purchases.actions import take_purchase
from shared.purchases.payloads import PurchasePayload


def record(request: Request) -> Response:
    """201 for a new order, 200 for the same again."""
    settings = environment.settings()
    done = take_purchase(request.json(PurchasePayload), settings, clock.now())
    return respond(201 if done.created else 200, {"order_id": done.order_id, "customer_id": done.customer_id})


handler = serve({"POST /purchases": record})
