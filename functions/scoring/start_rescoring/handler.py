"""POST /rescorings → tonight's rescoring starts now."""

from functions.scoring.wiring import SCORING
from shared.core import clock, environment
from shared.core.errors import Invalid
from shared.edge import executions
from shared.edge.http import Request, Response, respond, serve
from shared.scoring.payloads import RescoringPayload
from shared.scoring.store import runs as rescorings


def start(request: Request) -> Response:
    """Starting twice is harmless: one runs after the other, and the second finds the same scores."""
    payload = request.json(RescoringPayload)
    today = clock.now().astimezone(environment.settings().zone).date()
    if payload.as_of and payload.as_of > today:
        raise Invalid(
            f"as_of: want a day until today, {today}; a score for a day to come would say that all have lapsed"
        )
    rescoring_id, machine = executions.new_name(), environment.variable("RESCORING_STATE_MACHINE_ARN")
    rescorings.request(rescoring_id, executions.arn_of(machine, rescoring_id), clock.now())
    executions.start(machine, rescoring_id, {"as_of": payload.as_of.isoformat() if payload.as_of else None})
    return respond(202, {"rescoring_id": rescoring_id, "status": "QUEUED"})


handler = serve(SCORING, {"POST /rescorings": start})
