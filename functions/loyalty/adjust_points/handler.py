"""POST /customers/{id}/points/adjustments → points added or taken by staff, once for each idempotency key."""

from functions.loyalty.wiring import LOYALTY
from shared.core import clock
from shared.edge.http import Request, Response, respond, serve
from shared.loyalty.actions import adjusting
from shared.loyalty.payloads import AdjustmentPayload
from shared.loyalty.views import adjustment_members


def adjust(request: Request) -> Response:
    """201 for a new adjustment, 200 for one that was made before, with the balance of now."""
    adjustment, time = request.json(AdjustmentPayload).to_adjustment(request.customer_id), clock.shop_time()
    adjusted = adjusting.adjust(adjustment, time)
    return respond(201 if adjusted.created else 200, adjustment_members(adjustment, adjusted.account, time.today))


handler = serve(LOYALTY, {"POST /customers/{customer_id}/points/adjustments": adjust})
