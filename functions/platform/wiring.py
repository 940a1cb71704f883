"""How the platform capability is deployed: API keys, the HTTP contract, and publishing facts on the bus."""

from shared.edge.wiring import Authorizer, Capability, Function, Route, Stream

PLATFORM = Capability(
    "platform",
    Function(
        "authorize_request",
        Authorizer(),
        customers=("GetItem", "UpdateItem"),
        partitions=("KEY#*",),
        reserves=True,
    ),
    Function(
        "describe_api",
        Route(
            "GET /openapi.json",
            answers={200: "OpenApiDocument"},
            throttle=(5, 20),
            summary="This contract as OpenAPI 3.1",
        ),
        openapi=True,
    ),
    Function(
        "publish_changes",
        Stream(),
        publishes=True,
        bucket=("PutObject",),
        folders=("facts",),
        alarm="Facts are written but not published",
    ),
)
