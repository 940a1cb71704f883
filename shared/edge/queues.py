"""The queue edge: each message of an SQS batch is processed alone; a failed message is logged and received again."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.core.errors import Invalid
from shared.core.json_text import repeats_member
from shared.edge.http import validation_errors

LOGGER = Logger()


if TYPE_CHECKING:
    from pydantic import BaseModel

Model = TypeVar("Model", bound="BaseModel")


class NotYet(Exception):
    """It is too early for this message: it is received again later, and this is not an error."""


class _Processor(BatchProcessor):
    """Logs each failure, which Powertools does not: the log has to say why a message ends in the dead-letter queue."""

    def failure_handler(self, record: Any, exception: Any) -> Any:
        if isinstance(exception, tuple) and isinstance(exception[1], NotYet):
            LOGGER.info("message waits", reason=str(exception[1]), message_id=record.message_id)
        else:
            LOGGER.error("message failed", exc_info=exception, message_id=record.message_id)
        return super().failure_handler(record, exception)


def parse(body: str, model: type[Model]) -> Model:
    """The JSON body of a message as a model.

    Raises Invalid where it does not fit, or names a member twice. The error is logged, and repeats nothing of what was
    sent: a member that is not known is not named.
    """
    try:
        message = model.model_validate_json(body)
    except ValueError as error:
        errors = validation_errors(error)
        if errors is None:
            raise
        raise Invalid("; ".join(f"{_place(entry)}: {entry['detail']}" for entry in errors)) from None
    if repeats_member(body):
        raise Invalid("the message has two members of the same name")
    return message


def _place(error: Mapping[str, str]) -> str:
    pointer = error["pointer"]
    if error["type"] == "extra_forbidden":
        pointer = pointer.rpartition("/")[0] + "/(an unknown member)"
    return pointer or "the message"


def consume(work: Callable[[SQSRecord], None]) -> Callable[[dict[str, Any], LambdaContext], Mapping[str, Any]]:
    """A Lambda handler that does `work` for every message and answers with those that raised."""
    # All messages of a batch may fail: each is still received again, alone.
    processor = _Processor(EventType.SQS, raise_on_entire_batch_failure=False)

    def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
        return process_partial_response(event, work, processor, context)

    return handler
