"""The API's stage, which opens it to callers: throttles, and the access log."""

import json
from typing import Final

import jsii
from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import names, wirings
from infra.stacks.api import ApiStack
from shared.core.settings import Settings

REQUESTS_PER_SECOND: Final = 100
REQUESTS_AT_ONCE: Final = 200

# No path, query or address: a customer's e-mail address stands in the query, an IP address is personal data.
_ACCESS_LOG: Final = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "routeKey": "$context.routeKey",
    "keyId": "$context.authorizer.key_id",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationStatus": "$context.integrationStatus",
    "integrationError": "$context.integrationErrorMessage",
    "authorizerError": "$context.authorizer.error",
}


class StageStack(Stack):
    """Deployed after every capability: API Gateway refuses a throttle of a route that it does not know yet, and no
    request comes before what answers it is there.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, api: ApiStack) -> None:
        super().__init__(scope, construct_id)
        access_log = logs.LogGroup(
            self,
            "access-log",
            # The prefix keeps AWS's resource policy for such log groups short, whatever their number.
            log_group_name=f"/aws/vendedlogs/apigateway/{names.name_of(settings, '')}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        stage = apigateway.HttpStage(
            self,
            "DefaultStage",
            http_api=api.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=REQUESTS_PER_SECOND, burst_limit=REQUESTS_AT_ONCE),
            access_log_settings=_AccessLog(access_log),
        )
        stage.node.default_child.route_settings = {
            route.key: {"ThrottlingRateLimit": route.throttle[0], "ThrottlingBurstLimit": route.throttle[1]}
            for function in wirings.functions().values()
            for route in function.routes
            if route.throttle
        }


@jsii.implements(apigateway.IAccessLogSettings)
class _AccessLog:
    def __init__(self, log_group: logs.ILogGroup) -> None:
        self._destination = apigateway.LogGroupLogDestination(log_group)

    @property
    def destination(self) -> apigateway.IAccessLogDestination:
        return self._destination

    @property
    def format(self) -> rest.AccessLogFormat:
        return rest.AccessLogFormat.custom(json.dumps(_ACCESS_LOG))
