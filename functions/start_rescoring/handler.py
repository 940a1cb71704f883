"""POST /rescorings → tonight's rescoring starts now."""

import json
import os
from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

from shared import aws, clock
from shared.http import Request, Response, respond, serve
from shared.payloads import RescoringPayload

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


def start(request: Request) -> Response:
    """Starting twice is harmless: each run finds the same scores."""
    payload = request.json(RescoringPayload)
    rescoring_id = f"{clock.now():%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
    _step_functions().start_execution(
        stateMachineArn=os.environ["RESCORING_STATE_MACHINE_ARN"],
        name=rescoring_id,
        input=json.dumps({"as_of": payload.as_of.isoformat() if payload.as_of else None}),
    )
    return respond(202, {"rescoring_id": rescoring_id, "status": "RUNNING"})


@cache
def _step_functions() -> "SFNClient":
    return aws.client("stepfunctions")


handler = serve({"POST /rescorings": start})
