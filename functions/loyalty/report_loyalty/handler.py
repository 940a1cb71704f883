"""GET /reports/loyalty → the statement of liability of the last settlement."""

from functions.loyalty.wiring import LOYALTY
from shared.core.errors import NotFound
from shared.edge.http import Request, Response, respond, serve
from shared.loyalty.store import statements
from shared.loyalty.views import report_members


def report(_request: Request) -> Response:
    """Points issued, redeemed, expired and outstanding, by month and tier."""
    latest = statements.latest()
    if latest is None:
        raise NotFound("no settlement has run yet; one runs every night, POST /loyalty/settlements starts one now")
    return respond(200, report_members(latest))


handler = serve(LOYALTY, {"GET /reports/loyalty": report})
