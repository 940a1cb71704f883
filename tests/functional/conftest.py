"""A deployed AWS as moto plays it: the tables, the secret, the bucket and the bus, empty for every test."""

import base64
import copy
import importlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler, DynamoResult
from moto.ses.models import Message, ses_backends

from infra import wirings
from infra.constructs.code import module_of
from shared.core import clock, environment
from shared.core import fact_store as facts
from shared.core import old_table as table
from shared.core.facts import Fact, to_timestamp
from shared.core.shop_time import ShopTime
from shared.customers.links import confirmation_path
from shared.customers.store import profiles as customers
from shared.edge.wiring import Function
from shared.loyalty import points
from shared.loyalty.points import Account
from shared.loyalty.store import accounts
from shared.nps.actions import inviting
from shared.nps.job import INVITING, DecidedSegment
from shared.nps.links import survey_path
from shared.nps.store import definitions, invitations
from shared.nps.survey import Invitation
from tests.functional.answer_models import check_answer
from tests.functional.fact_schemas import facts_fit_their_schemas

# Fixtures count for the tests of the package whose conftest knows them by name.
__all__ = ["facts_fit_their_schemas"]

BERLIN: Final = ZoneInfo("Europe/Berlin")
EVENTS = Path(__file__).parents[2] / "events"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "CUSTOMERS_TABLE": "customers",
    "SCORECARDS_TABLE": "scorecards",
    "DATA_BUCKET": "data",
    "BUS_NAME": "regulars",
    "SIGNING_KEY_SECRET": "signing-key",
    "PUBLIC_URL": "https://crm.shop.example",
    "CONFIGURATION_SET": "regulars",
    "SENDER": "hello@shop.example",
    "CURRENCY": "EUR",
    "TIME_ZONE": "Europe/Berlin",
    "ALLOWED_REDIRECTS": "https://shop.example/thanks",
    "POWERTOOLS_SERVICE_NAME": "test",
}


@cache
def client(service: str) -> Any:
    """One client per service: making one takes longer than a test, and moto answers whichever asks."""
    return boto3.client(service, region_name="eu-central-1")  # type: ignore[call-overload]


@dataclass(frozen=True)
class Context:
    """What Powertools reads of a Lambda context."""

    function_name: str
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:test"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"


class Killed(BaseException):
    """The process is gone: nothing of ours may catch this."""


class Calls:
    """Which AWS actions have been called, each with the table it went to."""

    _ITEM_ACTIONS: Final = {
        "Put": "PutItem",
        "Update": "UpdateItem",
        "Delete": "DeleteItem",
        "ConditionCheck": "ConditionCheckItem",
    }

    def __init__(self) -> None:
        self.made: set[tuple[str, str]] = set()
        self.count = 0
        self.killed_at: tuple[int, str] | None = None
        # Whether a statement whose condition does not hold is told what there is: DynamoDB has done either.
        self.refusals_tell = True

    def reached(self, when: str) -> None:
        """Count a call; ends the process where `killed_at` says: `before` or `after` AWS has done that call."""
        self.count += when == "before"
        if self.killed_at == (self.count, when):
            raise Killed

    def note(self, event_name: str, request: Any) -> None:
        """Take down what botocore is about to send; a transaction is authorised item by item."""
        _, service, operation = event_name.split(".")
        if service != "dynamodb":
            # A copy is authorised as reading the one object and writing the other.
            actions = ("GetObject", "PutObject") if operation == "CopyObject" else (operation,)
            self.made |= {(f"{service}:{action}", "") for action in actions}
            return
        body = json.loads(request.body)
        for write in body.get("TransactItems", []):
            ((kind, statement),) = write.items()
            self.made.add((self._ITEM_ACTIONS[kind], statement["TableName"]))
        for statement in body.get("Statements", []):
            (changed,) = re.findall(r'^UPDATE "(\w+)"', statement["Statement"])
            self.made.add(("PartiQLUpdate", changed))
        for name in body.get("RequestItems", {}):
            self.made.add((operation, name))
        if "TableName" in body:
            self.made.add((operation, body["TableName"]))

    def beyond(self, access: Function) -> set[tuple[str, str]]:
        """What was called without a grant."""
        allowed = {(action, "customers") for action in access.customers}
        allowed |= {(action, "scorecards") for action in access.scorecards}
        allowed |= {(f"s3:{action}", "") for action in access.bucket}
        allowed |= {("secrets-manager:GetSecretValue", "")} if access.signing_key else set()
        allowed |= {("sesv2:SendEmail", "")} if access.sends_mail else set()
        allowed |= {("eventbridge:PutEvents", "")} if access.publishes else set()
        allowed |= {("sfn:StartExecution", "")} if access.starts else set()
        allowed |= {("sfn:DescribeExecution", "")} if access.watches else set()
        # What eats from a queue may hide that queue's messages: CDK grants it with the subscription.
        allowed |= {("sqs:ChangeMessageVisibility", "")}
        return self.made - allowed


CALLS: Final = Calls()


@pytest.fixture(autouse=True, scope="package")
def one_request_at_a_time() -> Iterator[None]:
    """Moto keeps its tables in plain dictionaries: threads of a function take turns at it."""
    answer, lock = BotocoreStubber.__call__, threading.RLock()
    within = False

    def in_turn(self: BotocoreStubber, event_name: str, request: Any, **kwargs: Any) -> Any:
        nonlocal within
        with lock:
            if within:
                # A call that the stand-in below makes to answer another.
                return answer(self, event_name, request, **kwargs)
            CALLS.note(event_name, request)
            CALLS.reached("before")
            within = True
            try:
                response = answer(self, event_name, request, **kwargs)
            finally:
                within = False
            CALLS.reached("after")
            return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", in_turn)
        yield


@pytest.fixture(autouse=True, scope="package")
def attributes_at_first_sight() -> Iterator[None]:
    """Moto looks for each of the ten types of every attribute under several names, which took a third of all time."""
    search = ResponseSerializer.get_value

    def get_value(self: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
        if isinstance(value, dict) and getattr(shape.parent, "name", "") == "AttributeValue":
            return value.get(key)
        return search(self, value, key, shape)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ResponseSerializer, "get_value", get_value)
        yield


@pytest.fixture(autouse=True, scope="package")
def conditions_of_statements() -> Iterator[None]:
    """Moto's PartiQL knows no conditions but equality: statements reach it as the updates that they stand for."""
    form = re.compile(r'UPDATE "(\w+)" SET "(\w+)" = \? WHERE "(\w+)" = \? AND (.+)')

    def as_update(statement: Mapping[str, Any]) -> dict[str, Any]:
        found = form.fullmatch(statement["Statement"])
        assert found, statement
        name, member, key, condition = found.groups()
        value, key_value, *others = statement["Parameters"]
        words = {'"score" IS MISSING': "attribute_not_exists(#member)", '"score" = ?': "#member = :p0"}
        return {
            "TableName": name,
            "Key": {key: key_value},
            "UpdateExpression": "SET #member = :value",
            "ConditionExpression": f"attribute_exists(#key) AND {words[condition]}",
            "ExpressionAttributeNames": {"#member": member, "#key": key},
            "ExpressionAttributeValues": {":value": value, **{f":p{n}": one for n, one in enumerate(others)}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }  # fmt: skip

    def batch(responses: DynamoHandler) -> Any:
        answers: list[dict[str, Any]] = []
        for statement in responses.body["Statements"]:
            asked = as_update(statement)
            known = responses.dynamodb_backend.get_item(asked["TableName"], asked["Key"])
            try:
                client("dynamodb").update_item(**asked)
            except client("dynamodb").exceptions.ConditionalCheckFailedException:
                held = {"Item": known.to_json()["Attributes"]} if known and CALLS.refusals_tell else {}
                answers.append({"Error": {"Code": "ConditionalCheckFailed", "Message": "", **held}})
            else:
                answers.append({"TableName": asked["TableName"]})
        table_name = as_update(responses.body["Statements"][0])["TableName"]
        units = [{"TableName": table_name, "CapacityUnits": float(len(answers))}]
        return DynamoResult({"Responses": answers, "ConsumedCapacity": units})

    put_batch = DynamoHandler.batch_write_item

    def batch_write(responses: DynamoHandler) -> Any:
        answer = put_batch(responses)
        # Moto counts a batch as one write.
        counts = {name: float(len(requests)) for name, requests in responses.body["RequestItems"].items()}
        units = [{"TableName": name, "CapacityUnits": count} for name, count in counts.items()]
        return DynamoResult({**cast(dict[str, Any], answer.result), "ConsumedCapacity": units})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoHandler, "batch_execute_statement", batch)
        patch.setattr(DynamoHandler, "batch_write_item", batch_write)
        yield


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty deployment."""
    with deployed(monkeypatch):
        yield


@contextmanager
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty deployment, and the environment that functions have there."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        create_tables()
        client("secretsmanager").create_secret(Name="signing-key", SecretString="k" * 64)
        client("events").create_event_bus(Name="regulars")
        client("s3").create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        client("sesv2").create_email_identity(EmailIdentity="hello@shop.example")
        yield


def create_tables() -> None:
    """Both tables, empty."""
    for name, keys in (("customers", ("pk", "sk")), ("scorecards", ("customer_id",))):
        client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            BillingMode="PAY_PER_REQUEST",
        )


@pytest.fixture
def empty_tables() -> Callable[[], None]:
    """Forget everything that was stored, within a test."""

    def forget() -> None:
        for name in ("customers", "scorecards"):
            client("dynamodb").delete_table(TableName=name)
        create_tables()

    return forget


def filled(text: str, fill: Mapping[str, str]) -> str:
    """The text with each of these words replaced, all at once: what has been put in is not replaced again."""
    words = "|".join(re.escape(word) for word in fill)
    return re.sub(words, lambda found: fill[found[0]], text) if fill else text


def shop_day(days: int = 0) -> date:
    """The shop's today, or the day so many days after it."""
    return datetime.now(UTC).astimezone(BERLIN).date() + timedelta(days=days)


def as_of_today() -> dict[str, str]:
    """What moves the days of the event files, which were made on 21 November 2026, to these days."""
    days = {f"2026-11-{day}": shop_day(day - 21).isoformat() for day in range(16, 23)}
    # A purchase is heard of when it is put on record: now.
    return {"2026-11-20T09:00:02.120Z": to_timestamp(datetime.now(UTC)), **days}


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
    assert points.account_from(customer_id, facts.every(customer_id)) == replace(account, version=0)
    assert sum(account.lots.values()) - account.negative == account.books.balance
    return account


def id_of(email: str) -> str:
    """The id of the customer who has this address."""
    found = customers.get_id(email)
    assert found is not None
    return found


def sent_mails() -> list[Message]:
    """What SES has taken, with `subject`, HTML `body` and `destinations`."""
    return list(ses_backends["123456789012"]["eu-central-1"].sent_messages)


def happened(name: str, **changes: object) -> Fact:
    """The fact of a queue's event file, as of today and changed, put on record now."""
    (record,) = json.loads(filled((EVENTS / f"{name}.json").read_text(), as_of_today()))["Records"]
    fact = facts.from_members(
        {**json.loads(record["body"])["detail"], "recorded_at": to_timestamp(datetime.now(UTC)), **changes}
    )
    table.apply(facts.record(fact))
    return fact


def as_records(*happened: Fact) -> dict[str, Any]:
    """What a function gets of these facts from its queue."""
    bodies = [json.dumps({"detail-type": fact.type, "detail": facts.to_members(fact)}) for fact in happened]
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


def facts_of(customer_id: str, *types: str) -> list[Fact]:
    """A customer's facts of these types, in the order of time."""
    return [fact for fact in facts.every(customer_id) if fact.type in types]


def sign_up(invoke: Callable[..., dict[str, Any]], email: str, **changes: object) -> str:
    """Signed up and confirmed; the customer's id."""
    assert invoke("register_customer/json", email=email, **changes)["statusCode"] == 202
    known = customers.get_by_email(email)
    assert known is not None
    assert known.signup is not None
    token = confirmation_path(known.customer_id, known.signup).partition("token=")[2]
    assert invoke("confirm_signup/post", fill={"TOKEN": token})["statusCode"] == 200
    return known.customer_id


def ask(customer_id: str, survey_id: str = "after-purchase", run: str = "2026-11-14", **about: str) -> Invitation:
    """An invitation of now to a survey that there is, for a customer whom nothing keeps from being asked."""
    survey, time = definitions.get_survey(survey_id), ShopTime(clock.now(), BERLIN)
    assert survey is not None
    assert inviting.decide(customer_id, survey, definitions.get_rules(), run, lambda: about, time) is None
    invitation = invitations.get(customer_id, f"{survey_id}.{run}")
    assert invitation is not None
    return invitation


def answered(
    invoke: Callable[..., dict[str, Any]], invitation: Invitation, score: int, comment: str = ""
) -> dict[str, Any]:
    """The answer of the page behind an invitation's own link to this form."""
    path = survey_path(invitation.customer_id, invitation.invitation_id, invitation.expires_at)
    token = path.removeprefix("surveys/")
    return post_answer(invoke, token, score=str(score), comment=comment)


def post_answer(invoke: Callable[..., dict[str, Any]], token: str, **fields: str) -> dict[str, Any]:
    """The form of a survey's page, sent with these fields behind this token."""
    form = {"token=TOKEN&score=3&comment=The+parcel+came+two+weeks+late+and+the+cup+was+broken.": urlencode(fields)}
    return invoke("answer_survey/post", fill={**form, "TOKEN": token})


def stored() -> dict[str, Any]:
    """All that the tables hold, for `put_back`: as moto itself keeps it before a transaction, which takes one copy."""
    return copy.deepcopy(_dynamodb().tables)


def put_back(kept: Mapping[str, Any]) -> None:
    """Have the tables hold what they held then."""
    _dynamodb().tables = copy.deepcopy(kept)


def _dynamodb() -> Any:
    return dynamodb_backends["123456789012"]["eu-central-1"]


Load = Callable[..., dict[str, Any]]
Invoke = Callable[..., dict[str, Any]]


@pytest.fixture
def load() -> Load:
    """`load("record_purchase/by_email", total=…)`: an event file, members of its JSON body changed.

    `fill` puts values in place of the words that stand for them: `fill={"TOKEN": token}`.
    """

    def read(name: str, /, fill: Mapping[str, str] | None = None, **changes: object) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(filled((EVENTS / f"{name}.json").read_text(), fill or {}))
        if event.get("isBase64Encoded"):
            body = filled(base64.b64decode(event["body"]).decode(), fill or {})
            event["body"] = base64.b64encode(body.encode()).decode()
        if changes:
            event["body"] = json.dumps({**json.loads(event["body"]), **changes})
        return event

    return read


@pytest.fixture
def invoke(load: Load) -> Invoke:
    """`invoke("record_purchase/by_email", total=…)`: run a function's real handler on an event file.

    A JSON body of the answer is parsed into `json`. `event` takes the place of the file. A call to AWS that
    the deployed function has no grant for fails here as it would there.
    """

    def run(name: str, /, event: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        function = name.partition("/")[0]
        handler = importlib.import_module(module_of(function)).handler
        CALLS.made.clear()
        environment.forget()
        given = event or load(name, **changes)
        answer: dict[str, Any] = handler(given, Context(function))
        assert CALLS.beyond(wirings.functions()[function]) == set(), f"{function} has no grant for these"
        check_answer(given, answer)
        if "json" in answer.get("headers", {}).get("content-type", ""):
            answer["json"] = json.loads(answer["body"])
        return answer

    return run


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


def plan_rescoring(
    invoke: Invoke,
    rescoring_id: str = "run-1",
    started_at: str = "2026-11-21T01:00:00Z",
    as_of: str | None = None,
    segments: int | None = None,
) -> dict[str, Any]:
    """What the first step hands on to the others; `segments` stands in for the plan's own number."""
    event = {"run_id": rescoring_id, "execution_arn": execution_arn(rescoring_id)}
    plan = invoke("plan_rescoring", {**event, "started_at": started_at, "input": {"as_of": as_of}})
    assert not plan["wait"]
    total = segments or len(plan["segments"])
    given: dict[str, Any] = json.loads(json.dumps(plan["run"] | {"total_segments": total}))
    return given


def rescoring_steps(given: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The steps that follow a plan, each with its input."""
    run = {"run": dict(given)}
    each = [{**run, "segment": segment} for segment in range(given["total_segments"])]
    return [
        *(("scan_scorecards", one) for one in each),
        ("rank_scorecards", run),
        *([("fit_forecaster", run)] if given["fits"] else []),
        *(("write_scores", one) for one in each),
        ("report_rescoring", run),
    ]


@pytest.fixture
def rescore(invoke: Invoke) -> Callable[..., dict[str, Any]]:
    """`rescore("run-2", as_of=…)`: a whole rescoring as its state machine takes it; its plan. Every step is taken
    twice, or so many `times`, which must change nothing.
    """

    def run(*args: Any, times: int = 2, **kwargs: Any) -> dict[str, Any]:
        given = plan_rescoring(invoke, *args, **kwargs)
        for step, event in rescoring_steps(given):
            answers = [invoke(step, event) for _ in range(times)]
            assert answers == answers[:1] * times
        return given

    return run


@pytest.fixture
def launch(invoke: Invoke) -> Callable[..., None]:
    """`launch(points=2)`: the programme of the event file, changed, in force for two years, its days as of today."""

    def put(**changes: object) -> None:
        starts_at = {"starts_at": shop_day(-730).isoformat()}
        answer = invoke("configure_loyalty/put_program", fill=as_of_today(), **starts_at, **changes)
        assert answer["statusCode"] == 200

    return put


@pytest.fixture
def deliver(invoke: Invoke) -> Callable[..., None]:
    """`deliver(*facts)`: they come from the bus by the queue to what posts points, which takes all of them."""

    def run(*happened: Fact) -> None:
        assert invoke("post_points", as_records(*happened)) == {"batchItemFailures": []}

    return run


@pytest.fixture
def at_transaction() -> Iterator[Callable[..., None]]:
    """`at_transaction("PointsAdjusted", act)`: have `act` happen when the next transaction that says this is sent.

    With `codes` it is not done after that, but cancelled for these reasons, in the order of its writes.
    """
    events: Any = table.dynamodb().meta.events
    name = "before-send.dynamodb.TransactWriteItems"
    waiting: list[Callable[..., AWSResponse | None]] = []

    def arm(word: str, act: Callable[[], object], codes: Sequence[str] = ()) -> None:
        def meanwhile(request: Any, **_kwargs: Any) -> AWSResponse | None:
            if word not in request.body.decode():
                return None
            disarm(meanwhile)
            act()
            return cancelled(request, codes) if codes else None

        waiting.append(meanwhile)
        events.register_first(name, meanwhile)

    def disarm(handler: Callable[..., AWSResponse | None]) -> None:
        waiting.remove(handler)
        events.unregister(name, handler)

    yield arm
    never_sent = len(waiting)
    for handler in list(waiting):
        disarm(handler)
    assert not never_sent


def cancelled(request: Any, codes: Sequence[str]) -> AWSResponse:
    """What DynamoDB answers when it cancels a transaction; the writes that are not named had nothing against it."""
    reasons = [{"Code": code} for code in codes]
    reasons += [{"Code": "None"}] * (len(json.loads(request.body)["TransactItems"]) - len(codes))
    body = {"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "CancellationReasons": reasons}
    return AWSResponse(request.url, 400, HTTPHeaders(), MockRawResponse(json.dumps(body)))


@pytest.fixture
def contents() -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """Everything that both tables hold, sorted by key, but for times of writing and the records of nightly runs."""
    times = {"created_at", "recorded_at"}
    runs = ("SETTLEMENT", "INVITATION")

    def read(leave_out: frozenset[str] | set[str] = frozenset()) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for name in ("customers", "scorecards"):
            pages = client("dynamodb").get_paginator("scan").paginate(TableName=name)
            items = [table.unpack(item) for page in pages for item in page["Items"]]
            items = [item for item in items if not item.get("pk", "").startswith(runs)]
            kept = [{k: v for k, v in item.items() if k not in times | leave_out} for item in items]
            found[name] = sorted(
                kept, key=lambda item: (item.get("pk", ""), item.get("sk", ""), item.get("customer_id", ""))
            )
        return found

    return read
