"""POST /loyalty/settlements → tonight's settlement of points accounts starts now."""

from functions.loyalty.wiring import LOYALTY
from shared.core import clock
from shared.edge.http import Request, Response, respond, serve
from shared.loyalty.job import SETTLEMENT


def start(_request: Request) -> Response:
    """Starting twice is harmless: one runs after the other, and nothing is due for the second."""
    return respond(202, {"settlement_id": SETTLEMENT.start({}, clock.now()), "status": "RUNNING"})


handler = serve(LOYALTY, {"POST /loyalty/settlements": start})
