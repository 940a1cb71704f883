"""The HTTP API: one route per entry of `shared/edge/routes.py`, keys checked by a Lambda authorizer."""

import json
from collections.abc import Mapping
from typing import Final

import jsii
from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack, Tags
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import LOCAL_API_ID
from infra.access import ACCESS
from infra.constructs.exception import accept
from infra.constructs.function import Function
from infra.constructs.layer import DependencyLayer
from infra.stacks.data import DataStack
from infra.stacks.jobs import JobsStack
from shared.core.settings import Settings
from shared.edge.routes import ROUTES

REQUESTS_PER_SECOND: Final = 100
REQUESTS_AT_ONCE: Final = 200
# Of routes where each request may cost a mail, or counts without a name: rate and burst of all callers together.
_OWN_THROTTLE: Final = {
    "POST /signups": (5, 20),
    "POST /feedback/{token}": (5, 20),
    "POST /complaints": (5, 20),
}

# No path, query or address: a customer's e-mail address stands in the query, an IP address is personal data.
_ACCESS_LOG: Final = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationStatus": "$context.integrationStatus",
    "integrationError": "$context.integrationErrorMessage",
    "authorizerError": "$context.authorizer.error",
}


class ApiStack(Stack):
    """The API and the functions behind it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, data: DataStack, jobs: JobsStack
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._data = data
        self._layer = DependencyLayer(self, "Dependencies", settings=settings)

        origins = list(settings.allowed_origins)
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=f"regulars-{settings.stage}",
            create_default_stage=False,
            cors_preflight=apigateway.CorsPreflightOptions(
                allow_origins=origins,
                allow_methods=[apigateway.CorsHttpMethod.GET, apigateway.CorsHttpMethod.POST],
                allow_headers=["content-type"],
                max_age=Duration.hours(1),
            )
            if origins
            else None,
        )
        if settings.is_local:
            Tags.of(self.api).add("ms-custom-id", LOCAL_API_ID)
        stage = self._default_stage()
        self._throttle(stage, self._routes(jobs))
        # Where the API itself answers; links may lead elsewhere (`public_url`).
        self.url = self.api.api_endpoint
        CfnOutput(self, "ApiUrl", value=self.url)

    def _default_stage(self) -> apigateway.HttpStage:
        access_log = logs.LogGroup(
            self,
            "access-log",
            # The prefix keeps AWS's resource policy for such log groups short, whatever their number.
            log_group_name=f"/aws/vendedlogs/apigateway/regulars-{self._settings.stage}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        return apigateway.HttpStage(
            self,
            "DefaultStage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=REQUESTS_PER_SECOND, burst_limit=REQUESTS_AT_ONCE),
            access_log_settings=_AccessLog(access_log),
        )

    def _throttle(self, stage: apigateway.HttpStage, routes: Mapping[str, apigateway.HttpRoute]) -> None:
        resource = stage.node.default_child
        resource.route_settings = {
            key: {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}
            for key, (rate, burst) in _OWN_THROTTLE.items()
        }
        for key in _OWN_THROTTLE:
            # API Gateway refuses settings of a route that it does not know yet.
            resource.add_resource_dependency(routes[key].node.default_child)

    def _routes(self, jobs: JobsStack) -> dict[str, apigateway.HttpRoute]:
        authorizer = authorizers.HttpLambdaAuthorizer(
            "Keys",
            self._function("authorize_request"),
            response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
            identity_source=["$request.header.Authorization"],
            # A cached answer serves every route: the authorizer says whose key it is, and each function
            # checks the key's scopes itself.
            results_cache_ttl=Duration.seconds(0 if self._settings.is_local else 300),
        )
        integration_of: dict[str, integrations.HttpLambdaIntegration] = {}
        made: dict[str, apigateway.HttpRoute] = {}
        for route in ROUTES:
            if route.function not in integration_of:
                function = self._route_function(route.function, jobs)
                integration_of[route.function] = integrations.HttpLambdaIntegration(
                    f"{route.function}-integration", function
                )
            (resource,) = self.api.add_routes(
                path=route.path,
                methods=[apigateway.HttpMethod[route.method]],
                integration=integration_of[route.function],
                authorizer=authorizer if route.scope else None,
            )
            made[route.key] = resource
            if not route.scope:
                accept(resource, "APIG4", "public by design: what a link may do is decided by its signed token")
        return made

    def _route_function(self, name: str, jobs: JobsStack) -> Function:
        access, environment = ACCESS[name], {}
        if access.links:
            environment["PUBLIC_URL"] = self._settings.public_url or self.api.api_endpoint
        started = [
            (variable, machine)
            for starts, variable, machine in (
                (access.starts_rescoring, "RESCORING", jobs.rescoring),
                (access.starts_settlement, "SETTLEMENT", jobs.settlement),
                (access.starts_invitations, "INVITATIONS", jobs.invitations),
            )
            if starts
        ]
        environment |= {f"{variable}_STATE_MACHINE_ARN": machine.state_machine_arn for variable, machine in started}
        function = self._function(name, environment)
        for _, machine in started:
            machine.grant_start_execution(function)
        if access.watches_rescoring:
            jobs.let_watch_rescoring(function)
        return function

    def _function(self, name: str, environment: dict[str, str] | None = None) -> Function:
        return Function(
            self,
            name,
            settings=self._settings,
            data=self._data,
            layers=[self._layer],
            timeout=Duration.seconds(10),
            environment=environment,
        )


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
