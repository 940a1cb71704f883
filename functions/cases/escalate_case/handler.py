"""The due time of a case → it is reported as overdue, once, unless it is resolved."""

import json

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.cases import actions
from shared.core import clock
from shared.edge.outcomes import NotYet, Unprocessable
from shared.edge.queues import consume


def escalate(record: SQSRecord) -> None:
    """A clock that is behind lets the message wait once more."""
    try:
        case_id = str(json.loads(record.body)["case_id"])
    except (ValueError, LookupError, TypeError) as error:
        raise Unprocessable("the message names no case") from error
    due_at = actions.escalate(case_id, clock.now())
    if due_at:
        raise NotYet(due_at)


handler = consume(escalate)
