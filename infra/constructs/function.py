"""Every Lambda function, built the same way."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import FUNCTION_FOLDERS, ROOT
from infra.access import ACCESS
from infra.constructs.exception import accept
from infra.constructs.layer import ARCHITECTURE, RUNTIME, make_readable
from infra.stacks.data import DataStack
from shared.core.settings import Settings

# What lies in a zip: the function's own folder and what all share. Compiled files differ from machine to
# machine and would change the asset's hash with every run.
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def stage_code(name: str, target: Path) -> None:
    """Copy into `target` what the zip of function `name` holds.

    Raises FileNotFoundError where the function has no handler: an empty zip would deploy and fail on AWS.
    """
    folder = FUNCTION_FOLDERS.get(name)
    if folder is None:
        raise FileNotFoundError(f"functions/*/{name}/handler.py is missing")
    shutil.copytree(ROOT / "shared", target / "shared", ignore=_LEFT_OUT)
    shutil.copytree(folder, target / folder.relative_to(ROOT), ignore=_LEFT_OUT)
    for package in (folder.parent, folder.parent.parent):
        shutil.copy(package / "__init__.py", target / package.relative_to(ROOT))
    make_readable(target)


def module_of(name: str) -> str:
    """The module of a function's handler, `functions.<capability>.<name>.handler`."""
    return ".".join((*FUNCTION_FOLDERS[name].relative_to(ROOT).parts, "handler"))


def function_name(settings: Settings, name: str) -> str:
    """The function's name on AWS. Fixed, so that alarms and dashboards of another stack need no exports."""
    return f"regulars-{settings.stage}-{name}"


class Function(lambda_.Function):
    """The function of folder `functions/<name>`, with the access that `infra/access.py` lists for it."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        settings: Settings,
        data: DataStack,
        layers: Sequence[lambda_.ILayerVersion],
        timeout: Duration,
        memory_size: int = 512,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.role_of_its_own = iam.Role(scope, f"{name}-role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group = logs.LogGroup(
            scope,
            f"{name}-logs",
            log_group_name=f"/aws/lambda/{function_name(settings, name)}",
            retention=logs.RetentionDays.ONE_DAY if settings.is_local else logs.RetentionDays.THREE_MONTHS,
            # Logs hold ids of what the tables hold: once a stage is deleted they tell nothing.
            removal_policy=RemovalPolicy.DESTROY,
        )
        # Instead of AWS's managed policy, which lets a function write to every log group of the account.
        log_group.grant_write(self.role_of_its_own)
        with TemporaryDirectory() as staged:
            stage_code(name, Path(staged))
            super().__init__(
                scope,
                name,
                function_name=function_name(settings, name),
                role=self.role_of_its_own,
                runtime=RUNTIME,
                architecture=ARCHITECTURE,
                handler=f"{module_of(name)}.handler",
                code=lambda_.Code.from_asset(staged),
                layers=list(layers),
                memory_size=memory_size,
                timeout=timeout,
                tracing=lambda_.Tracing.ACTIVE,
                logging_format=lambda_.LoggingFormat.JSON,
                log_group=log_group,
                environment={
                    **settings.to_environment(),
                    "POWERTOOLS_SERVICE_NAME": name,
                    "POWERTOOLS_LOG_LEVEL": "INFO",
                    **_data_environment(name, data),
                    **(environment or {}),
                },
            )
        self._grant_data(name, data)
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

    def _grant_data(self, name: str, data: DataStack) -> None:
        access = ACCESS[name]
        for table, actions in ((data.customers, access.customers), (data.scorecards, access.scorecards)):
            if actions:
                table.grant(self, *(f"dynamodb:{action}" for action in actions))
        if access.bucket:
            self.allow(
                (f"s3:{action}" for action in access.bucket),
                [data.bucket.arn_for_objects(f"{folder}/*") for folder in access.bucket_folders],
            )
            # cdk-nag names the finding by the export that the bucket's stack makes for this reference.
            export = Stack.of(self).resolve(data.export_value(data.bucket.bucket_arn))["Fn::ImportValue"]
            for folder in access.bucket_folders:
                accept(
                    self.role_of_its_own,
                    f"IAM5[Resource::{export}/{folder}/*]",
                    "the objects of a run carry its id or day, which is not known before",
                )
        if access.signing_key:
            self.allow(["secretsmanager:GetSecretValue"], [data.signing_key.secret_arn])


def _data_environment(name: str, data: DataStack) -> dict[str, str]:
    access = ACCESS[name]
    named = {
        "CUSTOMERS_TABLE": (access.customers, data.customers.table_name),
        "SCORECARDS_TABLE": (access.scorecards, data.scorecards.table_name),
        "DATA_BUCKET": (access.bucket, data.bucket.bucket_name),
        "SIGNING_KEY_SECRET": (access.signing_key, data.signing_key.secret_arn),
    }
    return {variable: value for variable, (used, value) in named.items() if used}
