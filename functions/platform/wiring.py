"""How the platform capability is deployed: API keys, the HTTP contract, publishing facts, sending what is due."""

from shared.edge.wiring import Authorizer, Capability, Function, Route, Schedule, Stream

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
    Function(
        "send_due_messages",
        Schedule(every_minutes=1),
        customers=("DeleteItem", "Query"),
        sends_due=True,
        timeout=120,
        alarm="What waits for its time does not come: invitations, mails that could not be sent, overdue cases",
    ),
)
