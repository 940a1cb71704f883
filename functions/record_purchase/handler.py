"""POST /purchases → an order with its fact and the customer's counters."""

import os

from shared import clock
from shared.domain import purchase
from shared.http import Request, Response, respond, serve
from shared.payloads import PurchasePayload
from shared.settings import Settings
from shared.store import purchases
from shared.tokens import mint_customer_id


def record(request: Request) -> Response:
    """201 for a new order, 200 for the same again."""
    settings = Settings.from_environment(os.environ)
    payload = request.json(PurchasePayload)
    order, now = payload.to_order(settings.zone), clock.now()
    purchase.accept(order, settings.currency, now)
    done = purchases.record_order(
        order,
        customer_id=payload.customer.customer_id,
        email=payload.customer.email,
        mint=mint_customer_id,
        now=now,
        zone=settings.zone,
    )
    return respond(201 if done.created else 200, {"order_id": done.order_id, "customer_id": done.customer_id})


handler = serve({"POST /purchases": record})
