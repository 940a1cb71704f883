"""POST /nps/invitations → tonight's invitations to surveys go out now."""

from functions.nps.wiring import NPS
from shared.core import environment
from shared.edge import executions
from shared.edge.http import Request, Response, respond, serve


def start(_request: Request) -> Response:
    """Starting twice is harmless: what was decided today is not decided again."""
    run_id = executions.new_name()
    executions.start(environment.variable("INVITATIONS_STATE_MACHINE_ARN"), run_id, {})
    return respond(202, {"run_id": run_id, "status": "RUNNING"})


handler = serve(NPS, {"POST /nps/invitations": start})
