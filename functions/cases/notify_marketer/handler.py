"""`CaseOpened`, `CaseOverdue` → a mail to the shop's marketer, at once."""

import json

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.cases.case import Case
from shared.cases.store import records as cases
from shared.core import environment
from shared.core import fact_store as facts
from shared.core.settings import Settings
from shared.edge.queues import consume
from shared.mail import deliver
from shared.mail.compose import Letter
from shared.mail.store import mails


def notify(record: SQSRecord) -> None:
    """A case that was resolved meanwhile is told of no more."""
    fact = facts.from_members(json.loads(record.body)["detail"])
    one = cases.find(fact.data["case_id"])
    assert one is not None, "a case is written with its fact"
    if one.resolved_at:
        return
    mail_id = f"{fact.type}-{one.case_id}"
    if mails.was_sent(one.customer_id, mail_id):
        return
    write = _opened if fact.type == "CaseOpened" else _overdue
    deliver.to_marketer(one.customer_id, mail_id, write(one, environment.settings()))


def _opened(one: Case, settings: Settings) -> Letter:
    return Letter(
        template="case_opened",
        context={
            "case_id": one.case_id,
            "customer_id": one.customer_id,
            "priority": one.priority,
            "due_at": one.due_at.astimezone(settings.zone),
            "owner": one.owner,
            "score": one.score,
            "comment": one.text or None,
            "sentiment": one.sentiment,
            "themes": list(one.themes),
            "origin": one.origin,
        },
    )


def _overdue(one: Case, settings: Settings) -> Letter:
    listed = {
        "case_id": one.case_id,
        "customer_id": one.customer_id,
        "priority": one.priority,
        "due_at": one.due_at.astimezone(settings.zone),
        "owner": one.owner,
    }
    return Letter(template="case_overdue", context={"cases": [listed]})


handler = consume(notify)
