"""A check before a deployment: refuses an accidental change of the currency or time zone of stored data."""

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


def changes(deployed: Mapping[str, str], settings: Settings) -> list[str]:
    """The settings whose change would alter the meaning of stored amounts and days, each as a phrase."""
    after = settings.to_environment()
    return [
        f"{name} from {deployed[name]} to {after[name]}"
        for name in ("CURRENCY", "TIME_ZONE")
        if name in deployed and deployed[name] != after[name]
    ]


def deployed_settings(stage: str) -> Mapping[str, str]:
    """The settings that a stage runs with; empty where there is none or it cannot be asked."""
    use_named_region()
    try:
        configuration = boto3.client(
            "lambda", config=Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
        ).get_function_configuration(FunctionName=f"regulars-{stage}-{MODEL_FUNCTION}")
    except (BotoCoreError, ClientError):
        # Then CDK will say what is wrong, or nothing is deployed yet.
        return {}
    variables: Mapping[str, str] = configuration.get("Environment", {}).get("Variables", {})
    return variables


def main() -> int:
    try:
        settings = Settings.from_environment(os.environ)
    except ValueError as error:
        sys.stderr.write(f"regulars: these settings cannot be deployed: {error}\n")
        return 2
    if os.environ.get(AGREED) == "yes":
        return 0
    changed = changes(deployed_settings(settings.stage), settings)
    if changed:
        sys.stderr.write(
            f"regulars: this would change {' and '.join(changed)} of stage {settings.stage!r}, and with that the "
            f"meaning of what is recorded; set it in stages/{settings.stage}.env, or agree by {AGREED}=yes\n"
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
