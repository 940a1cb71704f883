"""POST /purchases/{order_id}/refunds → a refund with its fact, taken off the customer's counters."""

from pydantic import TypeAdapter

from functions.purchases.wiring import PURCHASES
from shared.core import clock, environment
from shared.edge.http import Request, Response, respond, serve
from shared.purchases.actions import take_refund
from shared.purchases.payloads import OrderId, RefundPayload

_ORDER_ID: TypeAdapter[str] = TypeAdapter(OrderId)


def record(request: Request) -> Response:
    """201 for a new refund, 200 for the same again; `status` is PARKED while its order has not come."""
    order_id = _ORDER_ID.validate_python(request.path["order_id"])
    payload = request.json(RefundPayload)
    refund = take_refund(payload, order_id, environment.settings(), clock.shop_time())
    body = {"refund_id": payload.refund_id, "order_id": order_id, "status": refund.status, "amount": refund.amount}
    return respond(201 if refund.created else 200, body)


handler = serve(PURCHASES, {"POST /purchases/{order_id}/refunds": record})
