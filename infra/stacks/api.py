"""The HTTP API and whose key opens it; capabilities add their routes, and `stage.py` opens it to callers."""

from typing import Final

from aws_cdk import CfnOutput, Duration, Stack, Tags
from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from infra import LOCAL_API_ID, names, wirings
from shared.core.settings import Settings
from shared.edge.wiring import Authorizer

# A cached answer serves every route: the authorizer says whose key it is, and each function checks the key's scopes
# itself.
AUTHORIZER_CACHE_SECONDS: Final = 300


class ApiStack(Stack):
    """The API without a route, and its authorizer.

    The authorizer's function is of a capability, as every other, and named here by its fixed name: this stack is
    deployed first, and nobody calls before the stage is there.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        origins = list(settings.allowed_origins)
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=names.name_of(settings, ""),
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
        self.authorizer = apigateway.CfnAuthorizer(
            self,
            "Keys",
            api_id=self.api.api_id,
            name="keys",
            authorizer_type="REQUEST",
            authorizer_payload_format_version="2.0",
            authorizer_uri=_invocation_uri(self, names.function_arn(self, settings, _authorizing_function())),
            enable_simple_responses=True,
            identity_source=["$request.header.Authorization"],
            authorizer_result_ttl_in_seconds=0 if settings.is_local else AUTHORIZER_CACHE_SECONDS,
        )
        # Where the API itself answers; links may lead elsewhere (`public_url`).
        self.url = self.api.api_endpoint
        CfnOutput(self, "ApiUrl", value=self.url)
        # For good: a setting decides whether another stack imports it, and CloudFormation refuses to take back what
        # is imported.
        for value in (self.url, self.api.api_id, self.authorizer.ref):
            self.export_value(value)


def _authorizing_function() -> str:
    (name,) = (
        function.name
        for function in wirings.functions().values()
        if any(isinstance(trigger, Authorizer) for trigger in function.triggers)
    )
    return name


def _invocation_uri(stack: Stack, function_arn: str) -> str:
    uri: str = stack.format_arn(
        service="apigateway",
        account="lambda",
        resource="path",
        resource_name=f"2015-03-31/functions/{function_arn}/invocations",
    )
    return uri
