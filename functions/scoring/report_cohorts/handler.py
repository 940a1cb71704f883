"""GET /reports/cohorts → how many of each month's newcomers came back in which month."""

from shared.edge.http import Request, Response, respond, serve
from shared.scoring.actions import viewing


def report(_request: Request) -> Response:
    """The retention table of the last two years."""
    return respond(200, viewing.report("COHORTS"))


handler = serve({"GET /reports/cohorts": report})
