"""POST /nps/invitations → tonight's invitations to surveys go out now."""

import json
import os
from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

from shared import aws, clock
from shared.http import Request, Response, respond, serve

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


def start(_request: Request) -> Response:
    """Starting twice is harmless: what was decided today is not decided again."""
    run_id = f"{clock.now():%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
    _step_functions().start_execution(
        stateMachineArn=os.environ["INVITATIONS_STATE_MACHINE_ARN"], name=run_id, input=json.dumps({})
    )
    return respond(202, {"run_id": run_id, "status": "RUNNING"})


@cache
def _step_functions() -> "SFNClient":
    return aws.client("stepfunctions")


handler = serve({"POST /nps/invitations": start})
