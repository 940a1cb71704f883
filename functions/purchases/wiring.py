"""How the purchases capability is deployed: orders and refunds, by HTTP and by a queue."""

from shared.edge.wiring import Capability, Function, Queue, Route

PURCHASES = Capability(
    "purchases",
    Function(
        "record_purchase",
        Route(
            "POST /purchases",
            scope="purchases:write",
            body="PurchasePayload",
            answers={201: "PurchaseTaken", 200: "PurchaseTaken"},
            summary="Record an order; the same order again is 200",
        ),
        customers=("GetItem", "PutItem", "Query"),
        scorecards=("GetItem", "UpdateItem"),
        signing_key=True,
        reserves=True,
    ),
    Function(
        "refund_purchase",
        Route(
            "POST /purchases/{order_id}/refunds",
            scope="purchases:write",
            body="RefundPayload",
            answers={201: "RefundTaken", 200: "RefundTaken"},
            summary="Record a refund, by amount or by products",
        ),
        customers=("GetItem", "PutItem"),
        scorecards=("GetItem", "UpdateItem"),
    ),
    Function(
        "ingest_purchases",
        Queue("purchases", at_once=5),
        customers=("GetItem", "PutItem", "Query"),
        scorecards=("GetItem", "UpdateItem"),
        signing_key=True,
        alarm="Orders or refunds from the queue are not recorded",
    ),
)
