"""The CDK app: settings from the environment in, five stacks out."""

import os
import sys
from typing import Final

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.jobs import JobsStack
from infra.stacks.mail import MailStack
from infra.stacks.watch import WatchStack
from shared.core.settings import Settings

# Behaviour of CDK that newer apps get by default; here and not in cdk.json, so that tests see the same stacks.
_FLAGS: Final = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:target-partitions": ["aws"],
    # CloudFormation refuses to delete what another stack uses; what may change stays inside one stack.
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
}

# Set by the local AWS alone: without it a bare `cdk deploy` would put data without protection into an account.
FOR_THE_LOCAL_AWS: Final = "REGULARS_FOR_THE_LOCAL_AWS"


def build_app(settings: Settings, *, outdir: str | None = None) -> App:
    """The app for one stage, checked by cdk-nag as it is synthesised."""
    app = App(outdir=outdir, analytics_reporting=False, context=_FLAGS)
    prefix = f"Regulars-{settings.stage}"
    data = DataStack(app, f"{prefix}-Data", settings=settings)
    jobs = JobsStack(app, f"{prefix}-Jobs", settings=settings, data=data)
    api = ApiStack(app, f"{prefix}-Api", settings=settings, data=data, jobs=jobs)
    mail = MailStack(app, f"{prefix}-Mail", settings=settings, data=data, jobs=jobs, api=api)
    WatchStack(app, f"{prefix}-Watch", settings=settings, data=data, jobs=jobs, api=api, mail=mail)
    Tags.of(app).add("regulars:stage", settings.stage)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def main() -> int:
    try:
        settings = Settings.from_environment(os.environ)
    except ValueError as error:
        print(f"regulars: these settings cannot be deployed: {error}", file=sys.stderr)  # noqa: T201
        return 2
    if settings.is_local and FOR_THE_LOCAL_AWS not in os.environ:
        sys.stderr.write(
            "regulars: the stage 'local' is thrown away with the local AWS, which `make up` deploys to; "
            "for AWS name another one, as in `make deploy STAGE=prod`\n"
        )
        return 2
    build_app(settings).synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
