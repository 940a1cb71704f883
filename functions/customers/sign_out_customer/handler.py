"""POST /customers/{customer_id}/sign-out → all links of the customer end, those in old mails included."""

from functions.customers.wiring import CUSTOMERS
from shared.core import clock
from shared.core.errors import NotFound
from shared.core.facts import to_timestamp
from shared.customers import actions
from shared.edge.http import Request, Response, respond, serve


def sign_out(request: Request) -> Response:
    """200 with the time until which links have ended; the same again ends those that were made in between."""
    customer = actions.sign_out_everywhere(request.customer_id, clock.now())
    if customer is None:
        raise NotFound("there is no such customer")
    assert customer.changed_at is not None, "the change has a fact"
    return respond(200, {"customer_id": customer.customer_id, "links_ended_until": to_timestamp(customer.changed_at)})


handler = serve(CUSTOMERS, {"POST /customers/{customer_id}/sign-out": sign_out})
