"""POST /customers/{id}/points/adjustments → points added or taken by staff, once for each idempotency key."""

from shared.core import clock, environment
from shared.edge.http import Request, Response, respond, serve
from shared.loyalty import points
from shared.loyalty.payloads import AdjustmentPayload
from shared.loyalty.store import accounts, adjustments
from shared.loyalty.store.adjustments import Adjustment


def adjust(request: Request) -> Response:
    """201 for a new adjustment, 200 for one that was made before, with the balance of now."""
    payload = request.json(AdjustmentPayload)
    settings, now = environment.settings(), clock.now()
    wish = Adjustment(
        adjustment_id=payload.idempotency_key,
        customer_id=request.customer_id,
        points=payload.points,
        reason=payload.reason,
        operator=payload.operator,
    )
    done = adjustments.adjust(wish, now, settings.zone)
    held = points.balance(accounts.find(wish.customer_id), now.astimezone(settings.zone).date())
    body = {
        "adjustment_id": wish.adjustment_id,
        "customer_id": wish.customer_id,
        "points": wish.points,
        "active": held.active,
        "pending": held.pending,
        "negative": held.negative,
    }
    return respond(201 if done.created else 200, body)


handler = serve({"POST /customers/{customer_id}/points/adjustments": adjust})
