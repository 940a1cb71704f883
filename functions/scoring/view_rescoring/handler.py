"""GET /rescorings/{rescoring_id} → how far a rescoring is, or its result."""

from functions.scoring.wiring import SCORING
from shared.core import clock
from shared.edge.http import Request, Response, respond, serve
from shared.scoring.actions import viewing


def view(request: Request) -> Response:
    """The status, the progress so far, and at the end the result."""
    return respond(200, viewing.view(request.path["rescoring_id"], clock.now()))


handler = serve(SCORING, {"GET /rescorings/{rescoring_id}": view})
