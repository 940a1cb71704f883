"""Before a deployment: refuses one that would count the shop's past in other money or in other days by oversight."""

import os
import sys
from collections.abc import Mapping
from typing import Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment import MODEL_FUNCTION, use_named_region
from shared.core.settings import Settings

AGREED: Final = "CHANGE_MONEY_AND_TIME"


def changes(deployed: Mapping[str, str], wanted: Settings) -> list[str]:
    """What a deployment of `wanted` would change in what the amounts and days already written mean."""
    after = wanted.to_environment()
    return [
        f"{name} from {deployed[name]} to {after[name]}"
        for name in ("CURRENCY", "TIME_ZONE")
        if name in deployed and deployed[name] != after[name]
    ]


def deployed_settings(stage: str) -> Mapping[str, str]:
    """The settings that a stage runs with; empty where there is none or it cannot be asked."""
    use_named_region()
    try:
        found = boto3.client(
            "lambda", config=Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
        ).get_function_configuration(FunctionName=f"regulars-{stage}-{MODEL_FUNCTION}")
    except (BotoCoreError, ClientError):
        # Then CDK will say what is wrong, or nothing is deployed yet.
        return {}
    variables: Mapping[str, str] = found.get("Environment", {}).get("Variables", {})
    return variables


def main() -> int:
    try:
        wanted = Settings.from_environment(os.environ)
    except ValueError as error:
        sys.stderr.write(f"regulars: these settings cannot be deployed: {error}\n")
        return 2
    if os.environ.get(AGREED) == "yes":
        return 0
    changed = changes(deployed_settings(wanted.stage), wanted)
    if changed:
        sys.stderr.write(
            f"regulars: this would change {' and '.join(changed)} of stage {wanted.stage!r}, and with that the "
            f"meaning of what is recorded; set it in stages/{wanted.stage}.env, or agree by {AGREED}=yes\n"
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
