"""`CaseOpened`, `CaseOverdue` → a mail to the shop's marketer, at once."""

import json

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.cases.case import Case
from shared.cases.store import case_files
from shared.core import fact_store
from shared.core.settings import Settings
from shared.edge.queues import consume
from shared.mail.deliver import Letter, tell_marketer


def notify(record: SQSRecord) -> None:
    """A case that was resolved meanwhile needs no mail."""
    fact = fact_store.from_members(json.loads(record.body)["detail"])
    case = case_files.get(fact.data["case_id"])
    assert case is not None, "a case is written with its fact"
    if case.resolved_at:
        return
    write = _opened if fact.type == "CaseOpened" else _overdue
    tell_marketer(case.customer_id, f"{fact.type}-{case.case_id}", lambda settings: write(case, settings))


def _opened(case: Case, settings: Settings) -> Letter:
    score = f", score {case.score}" if case.score is not None else ""
    return Letter(
        template="case_opened",
        subject=f"New case {case.case_id}: {case.priority} priority{score}",
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
    return Letter(template="case_overdue", subject=f"Case {case.case_id} is overdue", context={"cases": [listed]})


handler = consume(notify)
