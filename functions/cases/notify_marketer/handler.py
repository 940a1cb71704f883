"""`CaseOpened`, `CaseOverdue` → a mail to the shop's marketer, at once."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.cases.case import Case
from shared.cases.store import case_files
from shared.core import environment
from shared.core.settings import Settings
from shared.edge.queues import consume, fact_of
from shared.mail import deliver
from shared.mail.compose import Letter
from shared.mail.store import mails


def notify(record: SQSRecord) -> None:
    """A case that was resolved meanwhile needs no mail."""
    fact = fact_of(record)
    case = case_files.get(fact.data["case_id"])
    assert case is not None, "a case is written with its fact"
    if case.resolved_at:
        return
    mail_id = f"{fact.type}-{case.case_id}"
    if mails.was_sent(case.customer_id, mail_id):
        return
    write = _opened if fact.type == "CaseOpened" else _overdue
    deliver.to_marketer(case.customer_id, mail_id, write(case, environment.settings()))


def _opened(case: Case, settings: Settings) -> Letter:
    return Letter(
        template="case_opened",
        context={
            "case_id": case.case_id,
            "customer_id": case.customer_id,
            "priority": case.priority,
            "due_at": case.due_at.astimezone(settings.zone),
            "owner": case.owner,
            "score": case.score,
            "comment": case.text or None,
            "sentiment": case.sentiment,
            "themes": list(case.themes),
            "origin": case.origin,
        },
    )


def _overdue(case: Case, settings: Settings) -> Letter:
    listed = {
        "case_id": case.case_id,
        "customer_id": case.customer_id,
        "priority": case.priority,
        "due_at": case.due_at.astimezone(settings.zone),
        "owner": case.owner,
    }
    return Letter(template="case_overdue", context={"cases": [listed]})


handler = consume(notify)
