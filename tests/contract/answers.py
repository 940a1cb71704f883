"""The answers of every route: route key → status → the name of a model, PAGE for HTML, REDIRECT for a Location.

The models are in `shared/*/answers.py`. What every route, or every route of a kind, may answer is below the table.
"""

from importlib import import_module
from typing import Any, Final

from infra import ROOT
from shared.edge.answers import Answer

PAGE: Final = "Page"
REDIRECT: Final = "Redirect"
PROBLEM: Final = "Problem"

Answers = dict[int, str | tuple[str, ...]]

ANSWERS: Final[dict[str, Answers]] = {
    "POST /signups": {
        202: ("SignupTaken", "Page"),
        303: "Redirect",
        422: ("Problem", "Page"),
    },
    "GET /signups/confirm": {200: "Page", 400: "Page", 410: "Page"},
    "POST /signups/confirm": {200: "Page", 400: "Page", 409: "Page", 410: "Page"},
    "GET /preferences": {200: "Page", 400: "Page", 410: "Page"},
    "POST /preferences": {200: "Page", 400: "Page", 410: "Page", 422: ("Problem", "Page")},
    "GET /unsubscribe": {200: "Page", 400: "Page", 410: "Page"},
    "POST /unsubscribe": {200: "Page", 400: "Page", 410: "Page"},
    "GET /points": {200: "Page", 400: "Page", 410: "Page"},
    "POST /points": {200: "Page", 400: "Page", 410: "Page", 422: "Page"},
    "POST /purchases": {201: "PurchaseTaken", 200: "PurchaseTaken", 404: "Problem", 409: "Problem"},
    "POST /purchases/{order_id}/refunds": {201: "RefundTaken", 200: "RefundTaken", 409: "Problem"},
    "GET /customers": {200: "CustomerView", 404: "Problem", 422: "Problem"},
    "POST /customers/{customer_id}/sign-out": {200: "SignedOut", 404: "Problem"},
    "GET /customers/{customer_id}": {200: "CustomerView", 404: "Problem"},
    "GET /customers/{customer_id}/timeline": {200: "Timeline", 404: "Problem", 422: "Problem"},
    "GET /customers/{customer_id}/points": {200: "PointsView", 404: "Problem"},
    "POST /customers/{customer_id}/points/adjustments": {
        201: "AdjustmentMade",
        200: "AdjustmentMade",
        404: "Problem",
        409: "Problem",
    },
    "GET /customers/{customer_id}/redemptions": {200: "RedemptionList", 404: "Problem"},
    "POST /customers/{customer_id}/redemptions": {
        201: "RedemptionView",
        200: "RedemptionView",
        404: "Problem",
        409: "Problem",
    },
    "POST /customers/{customer_id}/redemptions/{redemption_id}/cancel": {200: "RedemptionView", 404: "Problem"},
    "GET /loyalty/program": {200: "ProgramView"},
    "PUT /loyalty/program": {200: "ProgramView", 409: "Problem"},
    "GET /loyalty/rewards": {200: "RewardList"},
    "PUT /loyalty/rewards/{reward_id}": {200: "RewardView", 409: "Problem"},
    "POST /loyalty/settlements": {202: "SettlementStarted"},
    "GET /surveys/{token}": {200: "Page", 400: "Page", 409: "Page", 410: "Page"},
    "POST /surveys/{token}": {200: "Page", 400: "Page", 409: "Page", 410: "Page", 422: "Page"},
    "GET /feedback/{token}": {200: "Page", 400: "Page", 410: "Page"},
    "POST /feedback/{token}": {200: "Page", 400: "Page", 410: "Page", 422: "Page", 429: "Page"},
    "GET /complaints": {200: "Page", 400: "Page", 410: "Page"},
    "POST /complaints": {200: "Page", 400: "Page", 410: "Page", 422: "Page"},
    "GET /nps/surveys": {200: "SurveyList"},
    "PUT /nps/surveys/{survey_id}": {200: "SurveyView", 409: "Problem"},
    "GET /nps/surveys/{survey_id}/link": {200: "SurveyLink", 404: "Problem", 422: "Problem"},
    "GET /nps/rules": {200: "SurveyRules"},
    "PUT /nps/rules": {200: "SurveyRules"},
    "POST /nps/invitations": {202: "InvitationsStarted"},
    "GET /nps/comments": {200: "CommentList", 422: "Problem"},
    "GET /cases": {200: "CaseList", 422: "Problem"},
    "GET /cases/{case_id}": {200: "CaseView", 404: "Problem"},
    "POST /cases/{case_id}/assign": {200: "CaseView", 404: "Problem", 409: "Problem"},
    "POST /cases/{case_id}/notes": {200: "CaseView", 404: "Problem", 409: "Problem"},
    "POST /cases/{case_id}/resolve": {200: "CaseView", 404: "Problem", 409: "Problem"},
    "GET /reports/nps": {200: "NpsReport", 422: "Problem"},
    "GET /reports/loyalty": {200: "LiabilityReport", 404: "Problem"},
    "GET /reports/segments": {200: "SegmentReport", 404: "Problem"},
    "GET /reports/forecast": {200: "ForecastReport", 404: "Problem"},
    "GET /reports/lifecycle": {200: "LifecycleReport", 404: "Problem"},
    "GET /reports/cohorts": {200: "CohortReport", 404: "Problem"},
    "POST /rescorings": {202: "RescoringStarted"},
    "GET /rescorings/{rescoring_id}": {200: "RescoringView", 404: "Problem"},
    "GET /openapi.json": {200: "OpenApiDocument"},
}

# By the gateway itself: throttled, an unexpected error, and no function free; busy by a function, with Retry-After.
EVERY_ROUTE: Final[Answers] = {
    413: ("Problem", "GatewayMessage"),
    429: "GatewayMessage",
    500: "GatewayMessage",
    503: ("Problem", "GatewayMessage"),
}
# Of routes with a scope: no key; an unknown key, or one without the scope.
WITH_SCOPE: Final[Answers] = {401: "GatewayMessage", 403: ("Problem", "GatewayMessage")}
# Of routes with a JSON body: no JSON, another content type, members that do not fit.
WITH_BODY: Final[Answers] = {400: "Problem", 415: "Problem", 422: "Problem"}
# Of routes that take an HTML form: too many fields, too large, busy. The same refusals as pages.
WITH_FORM: Final[Answers] = {400: "Page", 413: "Page", 503: "Page"}


def model_named(name: str) -> type[Answer]:
    """The model of an answer."""
    modules = [import_module(f"shared.{path.parent.name}.answers") for path in ROOT.glob("shared/*/answers.py")]
    models = {vars(module)[name] for module in modules if name in vars(module)}
    (model,) = models
    assert issubclass(model, Answer)
    answer: type[Answer] = model
    return answer


def names_of(answers: Any) -> tuple[str, ...]:
    """The names of one status."""
    return answers if isinstance(answers, tuple) else (answers,)
