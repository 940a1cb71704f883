"""POST /customers/{id}/redemptions → a voucher for points, once for each idempotency key; …/cancel → points back."""

from functions.loyalty.wiring import LOYALTY
from shared.core import clock
from shared.core.errors import NotFound
from shared.edge.http import MAX_ID_LENGTH, Request, Response, respond, serve
from shared.loyalty.actions import redeeming
from shared.loyalty.codes import new_voucher_code
from shared.loyalty.payloads import RedemptionPayload
from shared.loyalty.views import redemption_members


def redeem(request: Request) -> Response:
    """201 with a new voucher, 200 with the voucher of this key; too few points are a 422 with the number missing."""
    payload = request.json(RedemptionPayload)
    redeemed = redeeming.redeem(
        request.customer_id, payload.idempotency_key, payload.reward_id, new_voucher_code(), clock.shop_time()
    )
    return respond(201 if redeemed.created else 200, redemption_members(redeemed.redemption))


def cancel(request: Request) -> Response:
    """The cancelled voucher, whether it was cancelled before or now."""
    redemption_id = request.path["redemption_id"]
    if len(redemption_id) > MAX_ID_LENGTH:
        raise NotFound("there is no such redemption")
    return respond(200, redemption_members(redeeming.cancel(request.customer_id, redemption_id, clock.shop_time())))


handler = serve(
    LOYALTY,
    {
        "POST /customers/{customer_id}/redemptions": redeem,
        "POST /customers/{customer_id}/redemptions/{redemption_id}/cancel": cancel,
    },
)
