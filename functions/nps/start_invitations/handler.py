"""POST /nps/invitations → tonight's invitations to surveys go out now."""

from functions.nps.wiring import NPS
from shared.core import clock
from shared.edge.http import Request, Response, respond, serve
from shared.nps.job import INVITING


def start(_request: Request) -> Response:
    """Starting twice is harmless: one runs after the other, and what was decided today is not decided again."""
    return respond(202, {"run_id": INVITING.start({}, clock.now()), "status": "RUNNING"})


handler = serve(NPS, {"POST /nps/invitations": start})
