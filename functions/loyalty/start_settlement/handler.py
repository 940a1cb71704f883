"""POST /loyalty/settlements → tonight's settlement of points accounts starts now."""

import os

from functions.loyalty.wiring import LOYALTY
from shared.edge import executions
from shared.edge.http import Request, Response, respond, serve


def start(_request: Request) -> Response:
    """Starting twice is harmless: the second finds nothing due."""
    settlement_id = executions.new_name()
    executions.start(os.environ["SETTLEMENT_STATE_MACHINE_ARN"], settlement_id, {})
    return respond(202, {"settlement_id": settlement_id, "status": "RUNNING"})


handler = serve(LOYALTY, {"POST /loyalty/settlements": start})
