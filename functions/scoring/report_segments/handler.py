"""GET /reports/segments → what the last rescoring found."""

from shared.edge.http import Request, Response, respond, serve
from shared.scoring.actions import viewing


def report(_request: Request) -> Response:
    """Customers, revenue and averages by segment, and who moved from where to where."""
    return respond(200, viewing.report("SEGMENTS"))


handler = serve({"GET /reports/segments": report})
