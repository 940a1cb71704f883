"""GET /reports/segments → what the last rescoring found."""

import os

from shared.domain.errors import NotFound
from shared.http import Request, Response, respond, serve
from shared.settings import Settings
from shared.store import rescorings


def report(_request: Request) -> Response:
    """Customers, revenue and averages by segment, and who moved from where to where."""
    settings = Settings.from_environment(os.environ)
    latest = rescorings.latest_report(settings.currency)
    if latest is None:
        raise NotFound("no rescoring has run yet; one runs every night, POST /rescorings starts one now")
    return respond(200, latest)


handler = serve({"GET /reports/segments": report})
