"""A check before a deployment: refuses what is hardly meant.

That is another currency or time zone of stored data, and the return from restored tables to those from before.
"""

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
AGREED_TO_LEAVE: Final = "LEAVE_RESTORED_TABLES"


def changes(deployed: Mapping[str, str], settings: Settings) -> list[str]:
    """The settings whose change would alter the meaning of stored amounts and days, each as a phrase."""
    after = settings.to_environment()
    return [
        f"{name} from {deployed[name]} to {after[name]}"
        for name in ("CURRENCY", "TIME_ZONE")
        if name in deployed and deployed[name] != after[name]
    ]


def left(deployed: Mapping[str, str], settings: Settings) -> list[str]:
    """The settings that name restored tables in use, and that are no longer set."""
    after = settings.to_environment()
    names = ("RESTORED_CUSTOMERS_TABLE", "RESTORED_SCORECARDS_TABLE")
    return [f"{name}={deployed[name]}" for name in names if deployed.get(name) and not after[name]]


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
    deployed = deployed_settings(settings.stage)
    changed = changes(deployed, settings) if os.environ.get(AGREED) != "yes" else []
    if changed:
        sys.stderr.write(
            f"regulars: this would change {' and '.join(changed)} of stage {settings.stage!r}, and with that the "
            f"meaning of what is recorded; set it in stages/{settings.stage}.env, or agree by {AGREED}=yes\n"
        )
    gone = left(deployed, settings) if os.environ.get(AGREED_TO_LEAVE) != "yes" else []
    if gone:
        sys.stderr.write(
            f"regulars: stage {settings.stage!r} runs with restored tables, and this would go back to the tables from "
            f"before; put {' and '.join(gone)} into stages/{settings.stage}.env, or agree by {AGREED_TO_LEAVE}=yes\n"
        )
    return 2 if changed or gone else 0


if __name__ == "__main__":
    sys.exit(main())
