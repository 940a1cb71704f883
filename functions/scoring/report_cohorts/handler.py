"""GET /reports/cohorts → how many of each month's newcomers came back in which month."""

from shared.edge.http import Request, Response, respond, serve
from shared.scoring.store import runs as rescorings


def report(_request: Request) -> Response:
    """The retention table of the last two years."""
    return respond(200, rescorings.report("COHORTS"))


handler = serve({"GET /reports/cohorts": report})
