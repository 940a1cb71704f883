"""Every Lambda function, built the same way from its wiring."""

from collections.abc import Iterable, Mapping
from typing import Final

from aws_cdk import ArnFormat, AssetHashType, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import concurrency, names, wirings
from infra.constructs.code import module_of, staged
from infra.constructs.exception import accept
from infra.constructs.layer import ARCHITECTURE, AWS_VERSION, RUNTIME, DependencyLayer, compiler
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from shared.core.settings import Settings
from shared.edge.wiring import Authorizer, Queue, Route
from shared.edge.wiring import Function as Wiring

REQUEST_SECONDS: Final = 10
BATCH_SECONDS: Final = 30
STEP_SECONDS: Final = 15 * 60
# Set where templates alone are made.
NO_ZIPS: Final = "aws:cdk:disable-asset-staging"
MEMORY: Final = 512
# One full core, which Lambda gives from 1,769 MB on.
STEP_MEMORY: Final = 1769


class Function(lambda_.Function):
    """The function of a folder `functions/<capability>/<name>`, with the access that its wiring gives it."""

    def __init__(
        self, scope: Construct, wiring: Wiring, *, settings: Settings, data: DataStack, api: ApiStack, is_step: bool
    ) -> None:
        self.wiring = wiring
        self._settings = settings
        name = wiring.name
        self.role_of_its_own = iam.Role(scope, f"{name}-role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group = logs.LogGroup(
            scope,
            f"{name}-logs",
            log_group_name=f"/aws/lambda/{names.name_of(settings, name)}",
            retention=_retention(wiring, settings),
            # Logs hold ids of what the tables hold: once a stage is deleted they have no meaning.
            removal_policy=RemovalPolicy.DESTROY,
        )
        # Instead of AWS's managed policy, which lets a function write to every log group of the account.
        log_group.grant_write(self.role_of_its_own)
        super().__init__(
            scope,
            name,
            function_name=names.name_of(settings, name),
            role=self.role_of_its_own,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=f"{module_of(name)}.handler",
            code=_code(scope, name, settings),
            layers=[
                DependencyLayer.of(scope, requirements, settings=settings)
                for requirements in (wirings.COMMON_LAYER, *wiring.layers)
            ],
            memory_size=wiring.memory or (STEP_MEMORY if is_step else MEMORY),
            timeout=Duration.seconds(wiring.timeout or _seconds(wiring, is_step)),
            tracing=lambda_.Tracing.ACTIVE if settings.tracing else lambda_.Tracing.DISABLED,
            reserved_concurrent_executions=concurrency.reserved(settings) if wiring.reserves else None,
            logging_format=lambda_.LoggingFormat.JSON,
            log_group=log_group,
            environment={
                **settings.to_environment(),
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **self._names_of_what_it_uses(scope, data, api),
            },
        )
        self._grant_data(data)
        self._grant_the_rest()
        if settings.tracing:
            accept(self.role_of_its_own, "IAM5[Resource::*]", "X-Ray's actions know no resources")
        accept(self, "L1", "Python 3.13 is what the layer's wheels are pinned for; it moves with them")

    def allow(
        self,
        actions: Iterable[str],
        resource_arns: Iterable[str],
        conditions: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        """Grant exactly `actions` on exactly `resource_arns`, under `conditions` where there are any."""
        iam.Grant.add_to_principal(
            grantee=self, actions=list(actions), resource_arns=list(resource_arns), conditions=conditions
        ).assert_success()

    def _names_of_what_it_uses(self, scope: Construct, data: DataStack, api: ApiStack) -> dict[str, str]:
        wiring, settings = self.wiring, self._settings
        named = {
            "CUSTOMERS_TABLE": (wiring.customers, data.customers.table_name),
            "SCORECARDS_TABLE": (wiring.scorecards, data.scorecards.table_name),
            "DATA_BUCKET": (wiring.bucket, data.bucket.bucket_name),
            "SIGNING_KEY_SECRET": (wiring.signing_key, data.signing_key.secret_arn),
            "BUS_NAME": (wiring.publishes, names.name_of(settings, "")),
            "CONFIGURATION_SET": (wiring.sends_mail, names.name_of(settings, "")),
            "PUBLIC_URL": (wiring.links or wiring.sends_mail, settings.public_url or api.url),
        }
        used = {variable: value for variable, (uses, value) in named.items() if uses}
        if wiring.starts:
            used[f"{wiring.starts.upper()}_STATE_MACHINE_ARN"] = names.machine_arn(scope, settings, wiring.starts)
        return used

    def _grant_data(self, data: DataStack) -> None:
        wiring = self.wiring
        for table, actions, partitions in (
            (data.customers, wiring.customers, wiring.partitions),
            (data.scorecards, wiring.scorecards, ()),
        ):
            if actions:
                # Each item of a transaction is authorised with its own key.
                leading = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(partitions)}}
                named = (f"dynamodb:{action}" for action in actions)
                self.allow(named, [table.table_arn], leading if partitions else None)
        if wiring.bucket:
            self.allow(
                (f"s3:{action}" for action in wiring.bucket),
                [data.bucket.arn_for_objects(f"{folder}/*") for folder in wiring.folders],
            )
            # cdk-nag names the finding by the export that the bucket's stack makes for this reference.
            export = Stack.of(self).resolve(data.export_value(data.bucket.bucket_arn))["Fn::ImportValue"]
            for folder in wiring.folders:
                accept(
                    self.role_of_its_own,
                    f"IAM5[Resource::{export}/{folder}/*]",
                    "the objects of a run carry its id or day, which is not known before",
                )
        if wiring.signing_key:
            self.allow(["secretsmanager:GetSecretValue"], [data.signing_key.secret_arn])

    def _grant_the_rest(self) -> None:
        wiring, settings, stack = self.wiring, self._settings, Stack.of(self)
        if wiring.publishes:
            self.allow(["events:PutEvents"], [names.bus_arn(self, settings)])
        if wiring.starts:
            self.allow(["states:StartExecution"], [names.machine_arn(self, settings, wiring.starts)])
        if wiring.watches:
            machine = names.name_of(settings, wiring.watches)
            arn = stack.format_arn(
                service="states",
                resource="execution",
                resource_name=f"{machine}:*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            self.allow(["states:DescribeExecution"], [arn])
            accept(
                self.role_of_its_own,
                f"IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:{machine}:*]",
                "an execution's name is its run's id, which is not known before",
            )
        if wiring.sends_due:
            self.allow(
                ["sqs:GetQueueUrl", "sqs:SendMessage"],
                [names.queue_arn(self, settings, queue) for queue in wirings.waiting_queues()],
            )
        if wiring.sends_mail:
            self.allow(
                ["ses:SendEmail"],
                [
                    # The shop may have verified the address, its domain or a domain above; and in its sandbox SES
                    # asks for the recipient's identity as well.
                    stack.format_arn(service="ses", resource="identity", resource_name="*"),
                    stack.format_arn(
                        service="ses", resource="configuration-set", resource_name=names.name_of(settings, "")
                    ),
                ],
                {"StringEquals": {"ses:FromAddress": settings.sender}},
            )
            accept(
                self.role_of_its_own,
                "IAM5[Resource::arn:<AWS::Partition>:ses:<AWS::Region>:<AWS::AccountId>:identity/*]",
                "which identity SES asks for is not known before; the sender is fixed by the condition",
            )


def _retention(wiring: Wiring, settings: Settings) -> logs.RetentionDays:
    """Logs that hold the audit are kept as long as it (`shared/edge/audit.py`)."""
    if settings.is_local:
        return logs.RetentionDays.ONE_DAY
    is_audited = any(route.scope for route in wiring.routes)
    return logs.RetentionDays.THIRTEEN_MONTHS if is_audited else logs.RetentionDays.THREE_MONTHS


def _code(scope: Construct, name: str, settings: Settings) -> lambda_.Code:
    """The zip, compiled for Lambda's Python where it is going to be deployed there."""
    is_deployable = scope.node.try_get_context(NO_ZIPS) is None
    zipped = staged(name, compiler(AWS_VERSION) if is_deployable and not settings.is_local else None)
    return lambda_.Code.from_asset(
        str(zipped.folder), asset_hash_type=AssetHashType.CUSTOM, asset_hash=zipped.fingerprint
    )


def _seconds(wiring: Wiring, is_step: bool) -> int:
    if is_step:
        return STEP_SECONDS
    waits = any(isinstance(trigger, Route | Authorizer) for trigger in wiring.triggers)
    takes_batches = any(isinstance(trigger, Queue) for trigger in wiring.triggers)
    return REQUEST_SECONDS if waits and not takes_batches else BATCH_SECONDS
