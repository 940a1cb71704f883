"""GET /reports/lifecycle → customers and revenue by stage of their life as customers."""

from shared.edge.http import Request, Response, respond, serve
from shared.scoring.actions import viewing


def report(_request: Request) -> Response:
    """Prospects, newcomers, regulars, growing and lapsed customers."""
    return respond(200, viewing.report("LIFECYCLE"))


handler = serve({"GET /reports/lifecycle": report})
