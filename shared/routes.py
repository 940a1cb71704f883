"""The HTTP contract as a table: infra makes the routes from it, `shared/http.py` checks scopes by it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Route:
    """One route: `function` is the folder below `functions/`; `scope` is what a key must carry, None is public.

    `body` names the model in `shared/payloads.py` that the JSON body has to satisfy.
    """

    method: str
    path: str
    function: str
    summary: str
    scope: str | None = None
    body: str | None = None
    success: int = 200
    query: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The route key of API Gateway's HTTP API."""
        return f"{self.method} {self.path}"


ROUTES: Final = (
    Route(
        method="POST",
        path="/signups",
        function="register_customer",
        body="SignupPayload",
        success=202,
        summary="Sign up, by JSON or by an HTML form; a confirmation mail follows",
    ),
    Route(
        method="GET",
        path="/signups/confirm",
        function="confirm_signup",
        query=("token",),
        summary="The page behind the link in the confirmation mail; changes nothing",
    ),
    Route(
        method="POST",
        path="/signups/confirm",
        function="confirm_signup",
        summary="Confirm a signup (form field `token`)",
    ),
    Route(
        method="GET",
        path="/preferences",
        function="manage_preferences",
        query=("token",),
        summary="The preference centre",
    ),
    Route(
        method="POST",
        path="/preferences",
        function="manage_preferences",
        query=("token",),
        summary="Change topics and channels, pause or leave (form)",
    ),
    Route(
        method="GET",
        path="/unsubscribe",
        function="unsubscribe_customer",
        query=("token",),
        summary="The page behind an unsubscribe link; changes nothing",
    ),
    Route(
        method="POST",
        path="/unsubscribe",
        function="unsubscribe_customer",
        query=("token",),
        summary="Unsubscribe at once (RFC 8058)",
    ),
    Route(
        method="POST",
        path="/purchases",
        function="record_purchase",
        scope="purchases:write",
        body="PurchasePayload",
        success=201,
        summary="Record an order; the same order again is 200",
    ),
    Route(
        method="POST",
        path="/purchases/{order_id}/refunds",
        function="refund_purchase",
        scope="purchases:write",
        body="RefundPayload",
        success=201,
        summary="Record a refund, by amount or by products",
    ),
    Route(
        method="GET",
        path="/customers",
        function="view_customer",
        scope="customers:read",
        query=("email",),
        summary="Find a customer by e-mail address",
    ),
    Route(
        method="GET",
        path="/customers/{customer_id}",
        function="view_customer",
        scope="customers:read",
        summary="The single customer view: profile, consents, scorecard",
    ),
    Route(
        method="GET",
        path="/customers/{customer_id}/timeline",
        function="view_customer",
        scope="customers:read",
        query=("limit", "next"),
        summary="A customer's facts, newest first",
    ),
    Route(
        method="GET",
        path="/reports/segments",
        function="report_segments",
        scope="reports:read",
        summary="Customers, revenue and averages per segment, and the moves since the run before",
    ),
    Route(
        method="POST",
        path="/rescorings",
        function="start_rescoring",
        scope="rescorings:write",
        body="RescoringPayload",
        success=202,
        summary="Start tonight's rescoring now",
    ),
    Route(method="GET", path="/openapi.json", function="describe_api", summary="This contract as OpenAPI 3.1"),
)

SCOPES: Final = tuple(sorted({route.scope for route in ROUTES if route.scope}))
