"""POST /purchases → an order with its fact and the customer's counters."""

import os

from functions.purchases.wiring import PURCHASES
from shared.core import clock
from shared.core.settings import Settings
from shared.edge.http import Request, Response, respond, serve
from shared.purchases.actions import take_purchase
from shared.purchases.payloads import PurchasePayload


def record(request: Request) -> Response:
    """201 for a new order, 200 for the same again."""
    settings = Settings.from_environment(os.environ)
    done = take_purchase(request.json(PurchasePayload), settings, clock.now())
    return respond(201 if done.created else 200, {"order_id": done.order_id, "customer_id": done.customer_id})


handler = serve(PURCHASES, {"POST /purchases": record})
