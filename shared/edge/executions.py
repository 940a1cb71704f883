"""Executions of state machines: starting them, and whether they are running."""

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from shared.core import aws, clock

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


def new_name() -> str:
    """A name for an execution; names sort by the time they were made."""
    return f"{clock.now():%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"


def start(machine_arn: str, name: str, execution_input: Mapping[str, Any]) -> None:
    """Start an execution of this name with an input."""
    _step_functions().start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(execution_input))


def arn_of(machine_arn: str, name: str) -> str:
    """The ARN of the execution of this name."""
    return f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def is_running(execution_arn: str) -> bool:
    """Whether the execution has started and has not ended."""
    client = _step_functions()
    try:
        return client.describe_execution(executionArn=execution_arn)["status"] == "RUNNING"
    except client.exceptions.ExecutionDoesNotExist:
        return False


@cache
def _step_functions() -> "SFNClient":
    return aws.client("stepfunctions")
