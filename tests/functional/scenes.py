"""What tests have customers, shops and queues do, by the real handlers, and what is on record of it afterwards."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from shared.core import clock, fact_store
from shared.core.dynamodb import apply, transact
from shared.core.facts import Fact, to_timestamp
from shared.core.shop_time import ShopTime
from shared.customers.consent import Channel, Consent, Status, Topic
from shared.customers.customer import Customer
from shared.customers.links import confirmation_path
from shared.customers.store import profiles
from shared.loyalty import points
from shared.loyalty.points import Account
from shared.loyalty.store import accounts, program_versions
from shared.nps.actions import inviting
from shared.nps.job import INVITING, DecidedSegment
from shared.nps.links import survey_path
from shared.nps.store import definitions, invitations
from shared.nps.survey import Invitation
from shared.scorecards.store import cards
from tests.functional.aws import client

BERLIN: Final = ZoneInfo("Europe/Berlin")
EVENTS: Final = Path(__file__).parents[2] / "events"

Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Invoke = Callable[..., dict[str, Any]]
Load = Callable[..., dict[str, Any]]


def filled(text: str, fill: Mapping[str, str]) -> str:
    """The text with each of these words replaced, all at once: what has been put in is not replaced again."""
    words = "|".join(re.escape(word) for word in fill)
    return re.sub(words, lambda match: fill[match[0]], text) if fill else text


def shop_day(days: int = 0) -> date:
    """The shop's today, or the day so many days after it."""
    return clock.now().astimezone(BERLIN).date() + timedelta(days=days)


def heard_now() -> dict[str, str]:
    """What moves the time at which the event files' purchase was put on record to now."""
    return {"2026-11-20T09:00:02.120Z": to_timestamp(clock.now())}


def happened(name: str, **changes: object) -> Fact:
    """The fact of a queue's event file, changed, put on record now."""
    (record,) = json.loads((EVENTS / f"{name}.json").read_text())["Records"]
    members = {**json.loads(record["body"])["detail"], "recorded_at": to_timestamp(clock.now()), **changes}
    fact = fact_store.from_members(members)
    apply(fact_store.record(fact))
    return fact


def as_records(*happened: Fact) -> dict[str, Any]:
    """What a function gets of these facts from its queue."""
    bodies = [json.dumps({"detail-type": fact.type, "detail": fact_store.to_members(fact)}) for fact in happened]
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


def facts_of(customer_id: str, *types: str) -> list[Fact]:
    """A customer's facts of these types, in the order of time."""
    return [fact for fact in fact_store.every(customer_id) if fact.type in types]


def id_of(email: str) -> str:
    """The id of the customer who has this address."""
    customer_id = profiles.get_id(email)
    assert customer_id is not None
    return customer_id


def sign_up(invoke: Invoke, email: str, **changes: object) -> str:
    """Signed up and confirmed; the customer's id."""
    assert invoke("register_customer/json", email=email, **changes)["statusCode"] == 202
    customer = profiles.get_by_email(email)
    assert customer is not None
    assert customer.signup is not None
    token = confirmation_path(customer.customer_id, 0, customer.signup).partition("token=")[2]
    assert invoke("confirm_signup/post", fill={"TOKEN": token})["statusCode"] == 200
    return customer.customer_id


def publish_long_ago() -> None:
    """As if the loyalty programme had been launched before anything of this test was recorded."""
    client("dynamodb").update_item(
        TableName="customers",
        Key={"pk": {"S": "LOYALTY#PROGRAM"}, "sk": {"S": "VERSION#000001"}},
        UpdateExpression="SET published_at = :then",
        ExpressionAttributeValues={":then": {"S": "2020-01-01T00:00:00.000Z"}},
    )


def account_of(customer_id: str) -> Account:
    """The stored account, which has to be what the customer's facts add up to."""
    account = accounts.get(customer_id)
    assert points.account_from(customer_id, fact_store.every(customer_id)) == replace(account, version=0)
    assert sum(account.lots.values()) - account.negative == account.books.balance
    return account


def ask(customer_id: str, survey_id: str = "after-purchase", run: str = "2026-11-14", **about: str) -> Invitation:
    """An invitation of now to a survey that there is, for a customer whom nothing keeps from being asked."""
    survey, time = definitions.get_survey(survey_id), ShopTime(clock.now(), BERLIN)
    assert survey is not None
    assert inviting.decide(customer_id, survey, definitions.get_rules(), run, lambda: about, time) is None
    invitation = invitations.get(customer_id, f"{survey_id}.{run}")
    assert invitation is not None
    return invitation


def answered(invoke: Invoke, invitation: Invitation, score: int, comment: str = "") -> dict[str, Any]:
    """The answer of the page behind an invitation's own link to this form."""
    path = survey_path(invitation.customer_id, 0, invitation.invitation_id, invitation.expires_at)
    token = path.removeprefix("surveys/")
    return post_answer(invoke, token, score=str(score), comment=comment)


def post_answer(invoke: Invoke, token: str, **fields: str) -> dict[str, Any]:
    """The form of a survey's page, sent with these fields behind this token."""
    form = {"token=TOKEN&score=3&comment=The+parcel+came+two+weeks+late+and+the+cup+was+broken.": urlencode(fields)}
    return invoke("answer_survey/post", fill={**form, "TOKEN": token})


def known(customer_id: str, **members: Any) -> None:
    """A customer whom the shop knows."""
    created_at = datetime(2025, 1, 1, tzinfo=UTC)
    transact(*profiles.create(Customer(customer_id=customer_id, created_at=created_at, **members)))


def change_survey(invoke: Invoke, survey_id: str = "after-purchase", **changes: Any) -> dict[str, Any]:
    """Put a survey, as a change of the version in force."""
    latest = definitions.get_survey(survey_id)
    version = latest.version if latest else 0
    return invoke(
        "configure_surveys/put_survey", **{"fill": {"after-purchase": survey_id}, "version": version, **changes}
    )


def change_program(invoke: Invoke, **changes: object) -> dict[str, Any]:
    """Put the programme, as a change of the version in force."""
    latest = program_versions.latest()
    return invoke("configure_loyalty/put_program", **{"version": latest.version if latest else 0, **changes})


def surveyed(invoke: Invoke, **changes: Any) -> None:
    """A shop with the survey of the event file, changed."""
    assert invoke("configure_surveys/put_rules")["statusCode"] == 200
    assert change_survey(invoke, **changes)["statusCode"] == 200


def may_be_asked(invoke: Invoke) -> None:
    """The customer K-77, who agreed to surveys, and a survey that asks every night."""
    surveyed(invoke, trigger="NIGHTLY")
    agreed = Consent(Status.SUBSCRIBED, datetime(2026, 1, 1, tzinfo=UTC))
    known("K-77", email="ada@example.com", consents={(Channel.EMAIL, Topic.SURVEYS): agreed})
    apply(cards.ensure("K-77"))


def execution_arn(run_id: str, machine: str = "rescoring") -> str:
    """The execution of a state machine that has this name."""
    return f"arn:aws:states:eu-central-1:123456789012:execution:{machine}:{run_id}"


def plan_run(invoke: Invoke, machine: str, run_id: str, started_at: datetime) -> dict[str, Any]:
    """What the first step of the settlement or the invitations hands on to the others; its turn has come."""
    event = {"run_id": run_id, "execution_arn": execution_arn(run_id, machine), "started_at": to_timestamp(started_at)}
    plan = invoke(f"plan_{machine}", {**event, "input": {}})
    run: dict[str, Any] = plan["run"]
    assert (plan["wait"], plan["segments"]) == (False, list(range(run["total_segments"])))
    return run


def decide_all(invoke: Invoke, run_id: str, started_at: datetime) -> dict[str, int]:
    """What the night's invitations decide, in one segment: how many are invited, and how many are not and why."""
    run = {"run_id": run_id, "started_at": to_timestamp(started_at), "total_segments": 1}
    invoke("decide_invitations", {"run": run, "segment": 0})
    (part,) = INVITING.parts(DecidedSegment, run_id)
    return dict(part.decisions)
