"""A deployed AWS as moto plays it: the tables, the secret, the bucket and the bus, empty for every test."""

import base64
import importlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from infra.access import ACCESS, Access
from shared.store import table

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

    _ITEM_ACTIONS: Final = {"Put": "PutItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem"}

    def __init__(self) -> None:
        self.made: set[tuple[str, str]] = set()
        self.count = 0
        self.killed_at: tuple[int, str] | None = None

    def reached(self, when: str) -> None:
        """Count a call; ends the process where `killed_at` says: `before` or `after` AWS has done that call."""
        self.count += when == "before"
        if self.killed_at == (self.count, when):
            raise Killed

    def note(self, event_name: str, request: Any) -> None:
        """Take down what botocore is about to send; a transaction is authorised item by item."""
        _, service, operation = event_name.split(".")
        if service != "dynamodb":
            self.made.add((f"{service}:{operation}", ""))
            return
        body = json.loads(request.body)
        for write in body.get("TransactItems", []):
            ((kind, statement),) = write.items()
            self.made.add((self._ITEM_ACTIONS[kind], statement["TableName"]))
        for name in body.get("RequestItems", {}):
            self.made.add((operation, name))
        if "TableName" in body:
            self.made.add((operation, body["TableName"]))

    def beyond(self, access: Access) -> set[tuple[str, str]]:
        """What was called without a grant."""
        allowed = {(action, "customers") for action in access.customers}
        allowed |= {(action, "scorecards") for action in access.scorecards}
        allowed |= {(f"s3:{action}", "") for action in access.bucket}
        allowed |= {("secrets-manager:GetSecretValue", "")} if access.signing_key else set()
        allowed |= {("sesv2:SendEmail", "")} if access.sends_mail else set()
        allowed |= {("eventbridge:PutEvents", "")} if access.publishes else set()
        allowed |= {("sfn:StartExecution", "")} if access.starts_rescoring else set()
        return self.made - allowed


CALLS: Final = Calls()


@pytest.fixture(autouse=True, scope="session")
def one_request_at_a_time() -> Iterator[None]:
    """Moto keeps its tables in plain dictionaries: threads of a function take turns at it."""
    answer, lock = BotocoreStubber.__call__, threading.RLock()

    def in_turn(self: BotocoreStubber, event_name: str, request: Any, **kwargs: Any) -> Any:
        with lock:
            CALLS.note(event_name, request)
            CALLS.reached("before")
            response = answer(self, event_name, request, **kwargs)
            CALLS.reached("after")
            return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", in_turn)
        yield


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty deployment."""
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


Load = Callable[..., dict[str, Any]]
Invoke = Callable[..., dict[str, Any]]


@pytest.fixture
def load() -> Load:
    """`load("record_purchase/by_email", total=…)`: an event file, members of its JSON body changed.

    `fill` puts values in place of the words that stand for them: `fill={"TOKEN": token}`.
    """

    def read(name: str, /, fill: Mapping[str, str] | None = None, **changes: object) -> dict[str, Any]:
        text = (EVENTS / f"{name}.json").read_text()
        for word, value in (fill or {}).items():
            text = text.replace(word, value)
        event: dict[str, Any] = json.loads(text)
        if event.get("isBase64Encoded"):
            body = base64.b64decode(event["body"]).decode()
            for word, value in (fill or {}).items():
                body = body.replace(word, value)
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
        handler = importlib.import_module(f"functions.{function}.handler").handler
        CALLS.made.clear()
        answer: dict[str, Any] = handler(event or load(name, **changes), Context(function))
        assert CALLS.beyond(ACCESS[function]) == set(), f"{function} has no grant for these"
        if "json" in answer.get("headers", {}).get("content-type", ""):
            answer["json"] = json.loads(answer["body"])
        return answer

    return run


@pytest.fixture
def contents() -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """Everything that both tables hold, sorted by key, but for times of writing."""
    times = {"created_at", "recorded_at"}

    def read(leave_out: frozenset[str] | set[str] = frozenset()) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for name in ("customers", "scorecards"):
            pages = client("dynamodb").get_paginator("scan").paginate(TableName=name)
            items = [table.unpack(item) for page in pages for item in page["Items"]]
            kept = [{k: v for k, v in item.items() if k not in times | leave_out} for item in items]
            found[name] = sorted(
                kept, key=lambda item: (item.get("pk", ""), item.get("sk", ""), item.get("customer_id", ""))
            )
        return found

    return read
