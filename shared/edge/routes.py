"""The HTTP contract as a table: infra makes the routes from it, `shared/edge/http.py` checks scopes by it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Route:
    """One route: `function` is the folder below `functions/`; `scope` is what a key must carry, None is public.

    `body` names the model that the JSON body has to satisfy, in the `payloads.py` of its
    capability.
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
        path="/customers/{customer_id}/points",
        function="view_points",
        scope="customers:read",
        summary="A customer's points: what is active, pending, spent and expired, the tier, and what expires when",
    ),
    Route(
        method="GET",
        path="/customers/{customer_id}/redemptions",
        function="view_points",
        scope="customers:read",
        summary="A customer's vouchers, newest first",
    ),
    Route(
        method="POST",
        path="/customers/{customer_id}/points/adjustments",
        function="adjust_points",
        scope="points:adjust",
        body="AdjustmentPayload",
        success=201,
        summary="Add or take points, with a reason; the same again is 200",
    ),
    Route(
        method="POST",
        path="/customers/{customer_id}/redemptions",
        function="redeem_reward",
        scope="points:write",
        body="RedemptionPayload",
        success=201,
        summary="Redeem points for a reward; a voucher comes of it, the same again is 200",
    ),
    Route(
        method="POST",
        path="/customers/{customer_id}/redemptions/{redemption_id}/cancel",
        function="redeem_reward",
        scope="points:write",
        summary="Cancel a redemption: points and stock go back, once",
    ),
    Route(
        method="GET",
        path="/points",
        function="show_points_page",
        query=("token",),
        summary="The customer's own page: points, tier, rewards and history; redeems nothing",
    ),
    Route(
        method="POST",
        path="/points",
        function="show_points_page",
        query=("token",),
        summary="Redeem a reward on the customer's own page (form)",
    ),
    Route(
        method="GET",
        path="/loyalty/program",
        function="configure_loyalty",
        scope="loyalty:read",
        summary="The loyalty programme in force; before it is launched, the one that an empty PUT would launch",
    ),
    Route(
        method="PUT",
        path="/loyalty/program",
        function="configure_loyalty",
        scope="loyalty:write",
        body="ProgramPayload",
        summary="Launch the loyalty programme, or change it from now on",
    ),
    Route(
        method="GET",
        path="/loyalty/rewards",
        function="configure_loyalty",
        scope="loyalty:read",
        summary="The catalogue of rewards",
    ),
    Route(
        method="PUT",
        path="/loyalty/rewards/{reward_id}",
        function="configure_loyalty",
        scope="loyalty:write",
        body="RewardPayload",
        summary="Make a reward, or change it",
    ),
    Route(
        method="POST",
        path="/loyalty/settlements",
        function="start_settlement",
        scope="loyalty:write",
        success=202,
        summary="Start tonight's settlement of points accounts now",
    ),
    Route(
        method="GET",
        path="/surveys/{token}",
        function="answer_survey",
        query=("score",),
        summary="The survey's page behind a link in a mail; `score` is chosen there and not recorded",
    ),
    Route(
        method="POST",
        path="/surveys/{token}",
        function="answer_survey",
        summary="Answer a survey, or change the answer (form)",
    ),
    Route(
        method="GET",
        path="/feedback/{token}",
        function="answer_anonymously",
        summary="A survey for whoever stands at a counter or reads a receipt",
    ),
    Route(
        method="POST",
        path="/feedback/{token}",
        function="answer_anonymously",
        summary="Answer it without a name (form)",
    ),
    Route(
        method="GET",
        path="/complaints",
        function="take_complaint",
        query=("token",),
        summary="The form by which a customer complains",
    ),
    Route(
        method="POST",
        path="/complaints",
        function="take_complaint",
        query=("token",),
        summary="Open a case by a complaint (form)",
    ),
    Route(
        method="GET",
        path="/nps/surveys",
        function="configure_surveys",
        scope="surveys:read",
        summary="All surveys as data",
    ),
    Route(
        method="PUT",
        path="/nps/surveys/{survey_id}",
        function="configure_surveys",
        scope="surveys:write",
        body="SurveyPayload",
        summary="Make a survey, or change it",
    ),
    Route(
        method="GET",
        path="/nps/surveys/{survey_id}/link",
        function="configure_surveys",
        scope="surveys:read",
        query=("place",),
        summary="The anonymous link of a place, to print on a counter or a receipt",
    ),
    Route(
        method="GET",
        path="/nps/rules",
        function="configure_surveys",
        scope="surveys:read",
        summary="What holds across surveys and cases: throttle, quiet hours, due times",
    ),
    Route(
        method="PUT",
        path="/nps/rules",
        function="configure_surveys",
        scope="surveys:write",
        body="RulesPayload",
        summary="Change what holds across surveys and cases",
    ),
    Route(
        method="POST",
        path="/nps/invitations",
        function="start_invitations",
        scope="surveys:write",
        success=202,
        summary="Start tonight's invitations to surveys now",
    ),
    Route(
        method="GET",
        path="/nps/comments",
        function="report_nps",
        scope="surveys:read",
        query=("month", "next"),
        summary="What customers wrote in a month, newest first, with score, mood and themes",
    ),
    Route(
        method="GET",
        path="/cases",
        function="manage_cases",
        scope="cases:read",
        query=("status", "limit", "next"),
        summary="Open cases, the most urgent first, or resolved ones",
    ),
    Route(
        method="GET",
        path="/cases/{case_id}",
        function="manage_cases",
        scope="cases:read",
        summary="A case with its notes",
    ),
    Route(
        method="POST",
        path="/cases/{case_id}/assign",
        function="manage_cases",
        scope="cases:write",
        body="AssignPayload",
        summary="Give a case to somebody",
    ),
    Route(
        method="POST",
        path="/cases/{case_id}/notes",
        function="manage_cases",
        scope="cases:write",
        body="NotePayload",
        summary="Write into a case",
    ),
    Route(
        method="POST",
        path="/cases/{case_id}/resolve",
        function="manage_cases",
        scope="cases:write",
        body="ResolvePayload",
        summary="Close a case with what came of it; the same again changes nothing",
    ),
    Route(
        method="GET",
        path="/reports/nps",
        function="report_nps",
        scope="reports:read",
        query=("from", "to"),
        summary="NPS with margin and n, by month, segment, channel, category and survey; cases and recoveries",
    ),
    Route(
        method="GET",
        path="/reports/loyalty",
        function="report_loyalty",
        scope="reports:read",
        summary="The statement of liability: points issued, redeemed, expired and outstanding, by month and tier",
    ),
    Route(
        method="GET",
        path="/reports/segments",
        function="report_segments",
        scope="reports:read",
        summary="Customers, revenue and averages per segment, and the moves since the run before",
    ),
    Route(
        method="GET",
        path="/reports/forecast",
        function="report_forecast",
        scope="reports:read",
        summary="What all customers are expected to spend in the next 90 days, and how far such forecasts were right",
    ),
    Route(
        method="GET",
        path="/reports/lifecycle",
        function="report_lifecycle",
        scope="reports:read",
        summary="Customers and revenue by stage: prospects, newcomers, regulars, growing, lapsed",
    ),
    Route(
        method="GET",
        path="/reports/cohorts",
        function="report_cohorts",
        scope="reports:read",
        summary="How many of each month's newcomers came back in which month",
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
    Route(
        method="GET",
        path="/rescorings/{rescoring_id}",
        function="view_rescoring",
        scope="rescorings:write",
        summary="How far a rescoring is, or what it found",
    ),
    Route(method="GET", path="/openapi.json", function="describe_api", summary="This contract as OpenAPI 3.1"),
)

SCOPES: Final = tuple(sorted({route.scope for route in ROUTES if route.scope}))
