"""GET /rescorings/{rescoring_id} → how far a rescoring is, or what it found."""

from shared import clock, executions
from shared.domain.errors import NotFound
from shared.http import Request, Response, respond, serve
from shared.store import rescorings


def view(request: Request) -> Response:
    """The status, what has been done so far, and at the end what came of it."""
    found = rescorings.find(request.path["rescoring_id"], executions.is_running, clock.now())
    if found is None:
        raise NotFound("there is no such rescoring")
    return respond(200, found)


handler = serve({"GET /rescorings/{rescoring_id}": view})
