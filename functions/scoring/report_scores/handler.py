"""GET /reports/segments, …/forecast, …/lifecycle, …/cohorts → a report of the last rescoring."""

from collections.abc import Callable

from functions.scoring.wiring import SCORING
from shared.edge.http import Request, Response, respond, serve
from shared.scoring.actions import viewing


def _report(name: str) -> Callable[[Request], Response]:
    return lambda _request: respond(200, viewing.report(name))


handler = serve(
    SCORING,
    {
        "GET /reports/segments": _report("SEGMENTS"),
        "GET /reports/forecast": _report("FORECAST"),
        "GET /reports/lifecycle": _report("LIFECYCLE"),
        "GET /reports/cohorts": _report("COHORTS"),
    },
)
