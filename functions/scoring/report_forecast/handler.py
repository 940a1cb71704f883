"""GET /reports/forecast → what all customers are expected to spend, and how far such forecasts were right."""

from shared.edge.http import Request, Response, respond, serve
from shared.scoring.actions import viewing


def report(_request: Request) -> Response:
    """Expected revenue with its interval, customers by band, and the test of the model behind it."""
    return respond(200, viewing.report("FORECAST"))


handler = serve({"GET /reports/forecast": report})
