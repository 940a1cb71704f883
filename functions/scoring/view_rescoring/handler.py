"""GET /rescorings/{rescoring_id} → how far a rescoring is, or what it found."""

from functions.scoring.wiring import SCORING
from shared.core import clock
from shared.core.errors import NotFound
from shared.edge import executions
from shared.edge.http import Request, Response, respond, serve
from shared.scoring.store import runs as rescorings


def view(request: Request) -> Response:
    """The status, what has been done so far, and at the end what came of it."""
    found = rescorings.find(request.path["rescoring_id"], executions.is_running, clock.now())
    if found is None:
        raise NotFound("there is no such rescoring")
    return respond(200, found)


handler = serve(SCORING, {"GET /rescorings/{rescoring_id}": view})
