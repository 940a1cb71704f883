"""The CDK app: settings from the environment in; out come a stack per capability, and those that all share."""

import os
import sys
from typing import Final

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra import wirings
from infra.constructs.function import NO_ZIPS
from infra.stacks.api import ApiStack
from infra.stacks.bus import BusStack
from infra.stacks.capability import CapabilityStack
from infra.stacks.data import DataStack
from infra.stacks.stage import StageStack
from infra.stacks.watch import WatchStack
from shared.core.settings import Settings

# Behaviour of CDK that newer apps get by default; here and not in cdk.json, so that tests see the same stacks.
_FLAGS: Final = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:target-partitions": ["aws"],
    # CloudFormation refuses to delete what another stack uses; what may change stays inside one stack.
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
}
_NO_ZIPS: Final[dict[str, object]] = {"aws:cdk:bundling-stacks": [], NO_ZIPS: True}

# Set by the local AWS alone: without it a bare `cdk deploy` would put data without protection into an account.
FOR_THE_LOCAL_AWS: Final = "REGULARS_FOR_THE_LOCAL_AWS"


def build_app(settings: Settings, *, outdir: str | None = None, is_deployable: bool = True) -> App:
    """The app for one stage, checked by cdk-nag as it is synthesised.

    `is_deployable`: whether the zips of layers and functions lie beside the templates; without, nothing is installed
    and nothing is copied.
    """
    zips: dict[str, object] = {} if is_deployable else _NO_ZIPS
    app = App(outdir=outdir, analytics_reporting=False, context={**_FLAGS, **zips})
    prefix = f"Regulars-{settings.stage}"
    data = DataStack(app, f"{prefix}-Data", settings=settings)
    bus = BusStack(app, f"{prefix}-Bus", settings=settings)
    api = ApiStack(app, f"{prefix}-Api", settings=settings)
    stage = StageStack(app, f"{prefix}-Stage", settings=settings, api=api)
    for capability in wirings.capabilities():
        name = f"{prefix}-{capability.name.capitalize()}"
        stack = CapabilityStack(app, name, capability, settings=settings, data=data, api=api)
        # Known by its name, and so by no import that would say in which order they are made.
        stack.add_stack_dependency(bus)
        stage.add_stack_dependency(stack)
    WatchStack(app, f"{prefix}-Watch", settings=settings, api=api)
    Tags.of(app).add("regulars:stage", settings.stage)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def main() -> int:
    try:
        settings = Settings.from_environment(os.environ)
    except ValueError as error:
        sys.stderr.write(f"regulars: these settings cannot be deployed: {error}\n")
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
