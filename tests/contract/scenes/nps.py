"""Surveys: whom a night asks, what is answered by name and without one, and what follows."""

from typing import Any

from shared.edge.tokens import Purpose
from tests.contract.recording import Stage, accept
from tests.contract.scenes.loyalty import posted, put
from tests.functional.aws import client
from tests.functional.scenes import execution_arn

FORM = "token=TOKEN&score=3&comment=The+parcel+came+two+weeks+late+and+the+cup+was+broken."
ANONYMOUS_FORM = "token=TOKEN&score=9&comment=Lovely+shop"
CHAMPION = "Champions|5|5|4|LOW|TOP|2026-11-20|run-0|"


def play(stage: Stage) -> None:
    """Ada is happy, Ben is not, Cara thinks again, and Kim has not agreed to surveys."""
    stage.clock.set("2026-11-21T09:00:00Z")
    machine = stage.machine("invitations", "INVITATIONS_STATE_MACHINE_ARN")
    _configure(stage)
    ada, ben, cara = _customers(stage)
    _night(stage, machine)
    _invitations(stage, ada, ben, cara)
    _promoter(stage, ada)
    _detractor(stage, ben)
    _newcomer(stage, cara)
    _anonymous(stage)
    _recovery(stage, ben)
    _reports(stage)
    _too_late(stage, ada, ben)


def set_score(customer_id: str, score: str) -> None:
    """What a rescoring would have found of a customer who has a scorecard."""
    client("dynamodb").update_item(
        TableName="scorecards",
        Key={"customer_id": {"S": customer_id}},
        UpdateExpression="SET score = :score",
        ConditionExpression="attribute_exists(customer_id)",
        ExpressionAttributeValues={":score": {"S": score}},
    )


def _configure(stage: Stage) -> None:
    accept(stage.call("configure_surveys/get_rules", "the default"), 200)
    accept(stage.call("configure_surveys/put_rules", "with an owner"), 200)
    accept(stage.call("configure_surveys/get_rules", "changed"), 200)
    accept(stage.call("configure_surveys/put_survey", "everything set"), 200)
    nightly = put({"trigger": "NIGHTLY", "cooldown_days": 1})
    fill = {"after-purchase": "nightly"}
    accept(stage.call("configure_surveys/put_survey", "least", fill=fill, changes=nightly), 200)
    nobody = put({"percent": 0})
    fill = {"after-purchase": "nobody"}
    accept(stage.call("configure_surveys/put_survey", "that asks nobody", fill=fill, changes=nobody), 200)
    accept(stage.call("configure_surveys/get_surveys", "three"), 200)
    accept(stage.call("configure_surveys/get_link", "of a place"), 200)
    accept(stage.call("configure_surveys/get_link", "of no survey", fill={"after-purchase": "other"}), 404)
    accept(stage.call("configure_surveys/put_survey", "a reserved id", fill={"after-purchase": "recovery"}), 422)
    accept(stage.call("configure_surveys/put_rules", "due times that fall", due_hours_low=1), 422)
    accept(stage.call("configure_loyalty/put_program", "the default", changes=put({})), 200)


def _customers(stage: Stage) -> tuple[str, str, str]:
    ids = []
    for name in ("ada", "ben", "cara"):
        absent = {} if name == "ada" else {"time_zone": None, "locale": None, "name": None, "phone": None}
        ids.append(stage.sign_up(f"{name}@example.com", referral_code=None, **absent))
    ordered_at = "2026-11-14T10:00:00+01:00"
    orders: dict[str, dict[str, Any]] = {"ada": {}, "ben": {"products": [], "channel": None}, "kim": {}}
    for name, members in orders.items():
        customer = {"email": f"{name}@example.com"}
        order = {"order_id": f"{name}-1", "ordered_at": ordered_at, "customer": customer, **members}
        accept(stage.call("record_purchase/by_email", "a week ago", **order), 201)
    set_score(ids[0], CHAMPION)
    return ids[0], ids[1], ids[2]


def _night(stage: Stage, machine: str) -> None:
    """A night, of which every step is taken twice; one that is still at work, and one that waits for it."""
    plan = stage.call("plan_invitations", "a night", plan_event(stage, "night"))
    run = {"run": {**plan["run"], "total_segments": 1}}
    for case in ("a night", "the same night again"):
        stage.call("decide_invitations", case, {**run, "segment": 0})
    for case in ("a night", "the same night again"):
        stage.call("close_invitations", case, run)
    accept(stage.call("start_invitations/start", "by hand"), 202)
    client("stepfunctions").start_execution(stateMachineArn=machine, name="day")
    stage.call("plan_invitations", "that is still at work", plan_event(stage, "day"))
    assert stage.call("plan_invitations", "while another is", plan_event(stage, "waiting")) == {"wait": True}


def plan_event(stage: Stage, name: str) -> dict[str, Any]:
    """What the state machine gives to the first step."""
    arn = execution_arn(name, "invitations")
    return {"run_id": name, "execution_arn": arn, "started_at": stage.clock.timestamp, "input": {}}


def _invitations(stage: Stage, ada: str, ben: str, cara: str) -> None:
    """Ada's mail waits until the quiet hours are over where Ada lives."""
    invited = {customer_id: stage.facts(customer_id, "SurveyInvited")[0] for customer_id in (ada, ben, cara)}
    accept(stage.call("configure_surveys/put_rules", "quiet hours", quiet_from=6, quiet_until=20), 200)
    stage.call("send_survey_invitation/invited", "in quiet hours", fill={"CUSTOMER": ada})
    accept(stage.call("configure_surveys/put_rules", "without quiet hours"), 200)
    for fact in invited.values():
        stage.deliver("send_survey_invitation", "SurveyInvited", fact)
    stage.deliver("send_survey_invitation", "the same again", invited[ada])


def survey_link(stage: Stage, customer_id: str, invitation_id: str) -> dict[str, str]:
    """The link of an invitation, in place of TOKEN."""
    return {"TOKEN": stage.link(Purpose.SURVEY, 14 * 24, customer=customer_id, invitation=invitation_id)}


def answer(stage: Stage, case: str, link: dict[str, str], form: str) -> None:
    """The page's form, sent with these fields."""
    fill = {FORM: f"token=TOKEN&{form}"}
    token = link["TOKEN"]
    filled = {key: text.replace("TOKEN", token) for key, text in fill.items()}
    accept(stage.call("answer_survey/post", case, fill={**filled, **link}), 200)


def _promoter(stage: Stage, ada: str) -> None:
    link = survey_link(stage, ada, "after-purchase.2026-11-14")
    stage.clock.advance(hours=1)
    accept(stage.call("answer_survey/get", "with a score", fill=link), 200)
    answer(stage, "a promoter with a comment", link, "score=9&comment=Lovely+tea+and+a+fast+delivery.")
    answer(stage, "the same again", link, "score=9&comment=Lovely+tea+and+a+fast+delivery.")
    answered = stage.facts(ada, "SurveyAnswered")[0]
    posted(stage, "SurveyAnswered with points of its own", answered)
    stage.deliver("send_referral_invitation", "SurveyAnswered by a promoter", answered)
    stage.deliver("send_referral_invitation", "the same again", answered)
    stage.clock.advance(hours=1)
    answer(stage, "changed to a passive", link, "score=8&comment=The+delivery+was+slow+after+all.")
    stage.deliver(
        "send_referral_invitation", "SurveyAnswerChanged to a passive", *stage.facts(ada, "SurveyAnswerChanged")
    )
    accept(stage.call("answer_survey/get", "answered before", fill=link), 200)
    wrong = {FORM: f"token={link['TOKEN']}&score=11", **link}
    accept(stage.call("answer_survey/post", "no score", fill=wrong), 422)
    long = {FORM: f"token={link['TOKEN']}&score=7&comment={'x' * 2_001}", **link}
    accept(stage.call("answer_survey/post", "a comment too long", fill=long), 422)
    unknown = survey_link(stage, ada, "after-purchase.2000-01-01")
    accept(stage.call("answer_survey/get", "not invited", fill=unknown), 400)
    accept(stage.call("answer_survey/post", "not invited", fill=unknown), 400)


def _detractor(stage: Stage, ben: str) -> None:
    """The marketer gets a mail about Ben's case, which follows what he changes; at last he deletes his comment."""
    link = survey_link(stage, ben, "after-purchase.2026-11-14")
    answer(stage, "a detractor", link, "score=3&comment=The+parcel+came+two+weeks+late+and+the+cup+was+broken.")
    stage.deliver("notify_marketer", "CaseOpened by an answer", *stage.facts(ben, "CaseOpened"))
    stage.clock.advance(hours=1)
    answer(stage, "changed with an open case", link, "score=2&comment=The+cup+was+broken.")
    stage.clock.advance(hours=1)
    answer(stage, "the comment taken back", link, "score=2&comment=")
    stage.clock.advance(hours=1)
    _complain(stage, "after a bad answer", ben, 1)
    _complain(stage, "the same again", ben, 1)
    continued = stage.facts(ben, "CaseContinued")
    stage.deliver("notify_marketer", "CaseContinued by a complaint", *continued)
    stage.deliver("send_receipt", "CaseContinued by a complaint", *continued)


def _complain(stage: Stage, case: str, customer_id: str, complaint: int) -> None:
    claims = {"customer": customer_id, "complaint": f"{complaint:032x}"}
    token = stage.link(Purpose.COMPLAINT, **claims)
    accept(stage.call("take_complaint/post", case, fill={"TOKEN": token}), 200)


def _newcomer(stage: Stage, cara: str) -> None:
    link = survey_link(stage, cara, "nightly.2026-11-21")
    answer(stage, "without a comment", link, "score=10&comment=")
    posted(stage, "SurveyAnswered", *stage.facts(cara, "SurveyAnswered"))
    stage.clock.advance(minutes=1)
    accept(stage.call("configure_surveys/put_rules", "without an owner", changes=put({})), 200)
    _complain(stage, "before a bad answer", cara, 2)
    accept(stage.call("configure_surveys/put_rules", "with an owner again"), 200)
    answer(stage, "changed to a detractor", link, "score=4&comment=The+quality+is+poor.")


def _anonymous(stage: Stage) -> None:
    place = {"survey": "after-purchase", "place": "counter"}
    link = {"TOKEN": stage.link(Purpose.FEEDBACK, None, **place)}
    accept(stage.call("answer_anonymously/get", "the page", fill=link), 200)
    accept(stage.call("answer_anonymously/post", "without the page's form", fill=link), 422)
    forms = (
        ("a promoter with a comment", "score=9&comment=Lovely+shop"),
        ("without a comment", "score=7&comment="),
        ("a detractor with themes", "score=1&comment=The+delivery+was+late+and+the+price+too+high"),
        ("one too many", "score=8&comment="),
    )
    for number, (case, form) in enumerate(forms):
        token = stage.link(Purpose.FEEDBACK, **place, answer=f"{number:032x}")
        fill = {ANONYMOUS_FORM: f"token={token}&{form}", "TOKEN": token}
        accept(stage.call("answer_anonymously/post", case, fill=fill), 429 if number == 3 else 200)
        if number == 0:
            accept(stage.call("answer_anonymously/post", "the same again", fill=fill), 200)
    closed = {"TOKEN": stage.link(Purpose.FEEDBACK, None, survey="nightly", place="counter")}
    accept(stage.call("answer_anonymously/get", "closed", fill=closed), 410)
    accept(stage.call("answer_anonymously/post", "closed", fill=closed), 410)


def _recovery(stage: Stage, ben: str) -> None:
    (opened,) = stage.facts(ben, "CaseOpened")
    stage.clock.advance(hours=1)
    accept(stage.call("manage_cases/get", "opened by an answer", fill={"CASE": opened["case_id"]}), 200)
    accept(stage.call("manage_cases/resolve", "compensated", fill={"CASE": opened["case_id"]}), 200)
    stage.call("ask_recovery", "asked on the same day", {"source": "aws.scheduler"})
    stage.clock.set("2026-11-23T09:00:00Z")
    stage.call("ask_recovery", "asks whether it helped", {"source": "aws.scheduler"})
    invited = stage.facts(ben, "SurveyInvited")[-1]
    stage.deliver("send_survey_invitation", "SurveyInvited about a case", invited)
    stage.clock.advance(hours=1)
    link = survey_link(stage, ben, invited["id"])
    accept(stage.call("answer_survey/get", "about a case", fill=link), 200)
    answer(stage, "about a case", link, "score=9&comment=All+well+again%2C+thanks.")
    stage.deliver("send_referral_invitation", "SurveyAnswered about a case", stage.facts(ben, "SurveyAnswered")[-1])
    posted(stage, "SurveyAnswered about a case", stage.facts(ben, "SurveyAnswered")[-1])


def _reports(stage: Stage) -> None:
    accept(stage.call("report_nps/get", "twelve months"), 200)

    def one_month(event: Any) -> None:
        event["queryStringParameters"] = {"from": "2026-11", "to": "2026-11"}

    def no_month(event: Any) -> None:
        event["queryStringParameters"] = {"from": "November"}

    accept(stage.call("report_nps/get", "one month", changes=one_month), 200)
    accept(stage.call("report_nps/get", "no month", changes=no_month), 422)

    def comments(event: Any) -> None:
        event["routeKey"] = "GET /nps/comments"

    def another_month(event: Any) -> None:
        comments(event)
        event["queryStringParameters"] = {"month": "2026-10"}

    def scoped(event: Any) -> None:
        event["requestContext"]["authorizer"]["lambda"]["scopes"] = "surveys:read"
        comments(event)

    def scoped_to_another_month(event: Any) -> None:
        scoped(event)
        another_month(event)

    accept(stage.call("report_nps/get", "comments", changes=scoped), 200)
    accept(stage.call("report_nps/get", "comments of another month", changes=scoped_to_another_month), 200)


def _too_late(stage: Stage, ada: str, ben: str) -> None:
    link = survey_link(stage, ada, "after-purchase.2026-11-14")
    stage.clock.advance(hours=30)
    accept(stage.call("answer_survey/get", "too late to change", fill=link), 409)
    accept(stage.call("answer_survey/post", "too late to change", fill=link), 409)
    stage.deliver("send_survey_invitation", "SurveyInvited and answered", stage.facts(ben, "SurveyInvited")[0])
