"""Cases: complaints, what staff do with them, and those that are overdue."""

from typing import Any

from shared.edge.tokens import Purpose
from tests.contract.recording import Stage, accept
from tests.contract.scenes.loyalty import put
from tests.contract.scenes.nps import set_score
from tests.functional.aws import as_event, make_queue, received


def play(stage: Stage) -> None:
    """Ada's case is resolved, Ben's is overdue, Cara complains all the time."""
    stage.clock.set("2026-11-21T09:00:00Z")
    accept(stage.call("configure_surveys/put_rules", "without an owner", changes=put({"recovery_after_days": 3})), 200)
    ada, ben, cara = (stage.sign_up(f"{name}@example.com", referral_code=None) for name in ("ada", "ben", "cara"))
    set_score(ada, "Champions|5|5|5|LOW|TOP|2026-11-20|run-0|-")
    set_score(ben, "Lost|1|1|1|LOST|LOW|2026-11-20|run-0|Hibernating")
    first = _complaints(stage, ada, ben, cara)
    _steps(stage, first)
    _lists(stage)
    _overdue(stage, ben)
    _resolved(stage, ada, first)


def complain(stage: Stage, case: str, customer_id: str, complaint: int, status: int = 200) -> None:
    """The complaint form, sent with a complaint's id of its own."""
    claims = {"customer": customer_id, "complaint": f"{complaint:032x}"}
    token = stage.link(Purpose.COMPLAINT, **claims)
    accept(stage.call("take_complaint/post", case, fill={"TOKEN": token}), status)


def _complaints(stage: Stage, ada: str, ben: str, cara: str) -> str:
    link = {"TOKEN": stage.link(Purpose.COMPLAINT, customer=ada)}
    accept(stage.call("take_complaint/get", "the form", fill=link), 200)
    accept(stage.call("take_complaint/post", "without the page's form", fill=link), 422)
    complain(stage, "of a champion", ada, 1)
    complain(stage, "the same again", ada, 1)
    complain(stage, "of one who is lost", ben, 2)
    for number in range(3, 8):
        complain(stage, "of one without a score", cara, number)
    complain(stage, "one too many", cara, 8, 422)
    token = stage.link(Purpose.COMPLAINT, customer=ada, complaint=f"{9:032x}")
    empty = {"&text=The+cup+was+broken%2C+and+nobody+answers+the+phone.": "&text=", "TOKEN": token}
    accept(stage.call("take_complaint/post", "without words", fill=empty), 422)
    (opened,) = stage.facts(ada, "CaseOpened")
    stage.deliver("notify_marketer", "CaseOpened by a complaint", opened)
    stage.deliver("notify_marketer", "the same again", opened)
    stage.deliver("send_receipt", "CaseOpened by a complaint", opened)
    stage.deliver("send_receipt", "the same again", opened)
    return str(opened["case_id"])


def _steps(stage: Stage, case_id: str) -> None:
    fill = {"CASE": case_id}
    stage.clock.advance(hours=1)
    accept(stage.call("manage_cases/get", "new", fill=fill), 200)
    accept(stage.call("manage_cases/assign", "to somebody", fill=fill), 200)
    accept(stage.call("manage_cases/assign", "the same again", fill=fill), 200)
    stage.clock.advance(minutes=1)
    accept(stage.call("manage_cases/note", "the first", fill=fill), 200)
    accept(stage.call("manage_cases/note", "the same again", fill=fill), 200)
    accept(stage.call("manage_cases/note", "another", fill=fill, text="The new cup was sent."), 200)
    stage.clock.advance(minutes=1)
    accept(stage.call("manage_cases/resolve", "compensated", fill=fill), 200)
    accept(stage.call("manage_cases/resolve", "the same again", fill=fill), 200)
    accept(stage.call("manage_cases/resolve", "otherwise", fill=fill, outcome="EXPLAINED"), 409)
    accept(stage.call("manage_cases/assign", "resolved", fill=fill, owner="ada"), 409)
    accept(stage.call("manage_cases/get", "resolved", fill=fill), 200)
    accept(stage.call("manage_cases/get", "unknown", fill={"CASE": "c-0"}), 404)


def _lists(stage: Stage) -> None:
    accept(stage.call("manage_cases/list", "open"), 200)

    def query(**parameters: str) -> Any:
        def change(event: Any) -> None:
            event["queryStringParameters"] = parameters

        return change

    accept(stage.call("manage_cases/list", "resolved", changes=query(status="RESOLVED")), 200)
    page = accept(stage.call("manage_cases/list", "the first two", changes=query(limit="2")), 200)
    following = page["json"]["next"]
    accept(stage.call("manage_cases/list", "the next two", changes=query(limit="2", next=following)), 200)
    accept(stage.call("manage_cases/list", "no status", changes=query(status="LATE")), 422)


def _overdue(stage: Stage, ben: str) -> None:
    (opened,) = stage.facts(ben, "CaseOpened")
    accept(stage.call("manage_cases/assign", "of one who is lost", fill={"CASE": opened["case_id"]}), 200)
    stage.clock.set("2026-11-26T10:00:00Z")
    make_queue("overdue")
    stage.call("send_due_messages", "an overdue case", {"source": "aws.scheduler"})
    # The shards of the index are sent at the same time. One of the cases is resolved.
    messages = sorted(received("overdue"), key=lambda message: str(message["Body"]))
    assert len(messages) == 7
    stage.call("escalate_case", "overdue cases", as_event("overdue", messages))
    stage.call("escalate_case", "the same again", as_event("overdue", messages))
    stage.call("ask_recovery", "about the resolved case", {"source": "aws.scheduler"})
    stage.deliver("notify_marketer", "CaseOverdue", *stage.facts(ben, "CaseOverdue"))


def _resolved(stage: Stage, ada: str, first: str) -> None:
    """Ada was asked whether it helped, and complains again: the question goes out despite the open case."""
    complain(stage, "another one", ada, 10)
    stage.deliver("send_survey_invitation", "SurveyInvited despite a case", *stage.facts(ada, "SurveyInvited"))
    second = stage.facts(ada, "CaseOpened")[-1]
    assert second["case_id"] != first
    stage.clock.advance(hours=1)
    resolved = {"CASE": second["case_id"]}
    accept(stage.call("manage_cases/resolve", "explained", fill=resolved, outcome="EXPLAINED"), 200)
    stage.deliver("notify_marketer", "CaseOpened and resolved", second)
    stage.call("add_up_figures", "of the month", {"source": "aws.scheduler"})
