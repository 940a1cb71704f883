"""POST /loyalty/settlements → tonight's settlement of points accounts starts now."""

from functions.loyalty.wiring import LOYALTY
from shared.core import environment
from shared.edge import executions
from shared.edge.http import Request, Response, respond, serve


def start(_request: Request) -> Response:
    """Starting twice is harmless: nothing is due for the second run."""
    settlement_id = executions.new_name()
    executions.start(environment.variable("SETTLEMENT_STATE_MACHINE_ARN"), settlement_id, {})
    return respond(202, {"settlement_id": settlement_id, "status": "RUNNING"})


handler = serve(LOYALTY, {"POST /loyalty/settlements": start})
