"""The queue edge: each message of an SQS batch is processed alone; a failed message is logged and received again."""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

LOGGER = Logger()


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


def consume(work: Callable[[SQSRecord], None]) -> Callable[[dict[str, Any], LambdaContext], Mapping[str, Any]]:
    """A Lambda handler that does `work` for every message and answers with those that raised."""
    # All messages of a batch may fail: each is still received again, alone.
    processor = _Processor(EventType.SQS, raise_on_entire_batch_failure=False)

    def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
        return process_partial_response(event, work, processor, context)

    return handler
