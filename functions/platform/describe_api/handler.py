"""GET /openapi.json → the HTTP contract as OpenAPI 3.1."""

from shared.edge import openapi
from shared.edge.http import Request, Response, respond, serve


def describe(_request: Request) -> Response:
    """The description, made from the table of routes and the models of the bodies."""
    return respond(200, openapi.describe())


handler = serve({"GET /openapi.json": describe})
