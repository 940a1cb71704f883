"""GET /openapi.json → the HTTP contract as OpenAPI 3.1."""

from pathlib import Path
from typing import Final

from functions.platform.wiring import PLATFORM
from shared.edge.http import JSON_TYPE, Request, Response, serve

# Made from the wirings and their models as the function's zip is.
_CONTRACT: Final = Path(__file__).with_name("openapi.json")


def describe(_request: Request) -> Response:
    """The description."""
    return {"statusCode": 200, "headers": {"content-type": JSON_TYPE}, "body": _CONTRACT.read_text("utf-8")}


handler = serve(PLATFORM, {"GET /openapi.json": describe})
