"""The fixed names of what a stage is made of: a stack that knows a name need not import it from another stack."""

from aws_cdk import ArnFormat, Stack
from constructs import Construct

from shared.core.settings import Settings


def name_of(settings: Settings, name: str) -> str:
    """The name on AWS of a function, queue, state machine, schedule or alarm; of the stage itself without `name`."""
    return settings.resource_name(name)


def function_arn(scope: Construct, settings: Settings, name: str) -> str:
    """The ARN of a function."""
    return _arn(scope, "lambda", "function", name_of(settings, name))


def machine_arn(scope: Construct, settings: Settings, job: str) -> str:
    """The ARN of a job's state machine."""
    return _arn(scope, "states", "stateMachine", name_of(settings, job))


def queue_arn(scope: Construct, settings: Settings, name: str) -> str:
    """The ARN of a queue."""
    arn: str = Stack.of(scope).format_arn(service="sqs", resource=name_of(settings, name))
    return arn


def bus_arn(scope: Construct, settings: Settings) -> str:
    """The ARN of the event bus."""
    arn: str = Stack.of(scope).format_arn(service="events", resource="event-bus", resource_name=name_of(settings, ""))
    return arn


def _arn(scope: Construct, service: str, resource: str, name: str) -> str:
    arn: str = Stack.of(scope).format_arn(
        service=service, resource=resource, resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )
    return arn
