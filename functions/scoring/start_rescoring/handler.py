"""POST /rescorings → tonight's rescoring starts now."""

from functions.scoring.wiring import SCORING
from shared.core import clock
from shared.edge.http import Request, Response, respond, serve
from shared.scoring.actions import planning
from shared.scoring.payloads import RescoringPayload


def start(request: Request) -> Response:
    """Starting twice is harmless: one runs after the other, and the second finds the same scores."""
    rescoring_id = planning.start(request.json(RescoringPayload, optional=True).as_of, clock.shop_time())
    return respond(202, {"rescoring_id": rescoring_id, "status": "QUEUED"})


handler = serve(SCORING, {"POST /rescorings": start})
