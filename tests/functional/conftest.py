"""An empty deployment for every test, real handlers run on event files, and the clock at which all of it happens."""

import base64
import importlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from moto import mock_aws
from moto.core.models import MockAWS

from functions.platform.publish_changes import handler as publish_changes
from infra import wirings
from infra.constructs.code import module_of, open_members
from shared.core import environment
from shared.core.facts import Fact
from shared.edge.wiring import Queue
from tests.frozen_clock import clock
from tests.functional import aws as deployed
from tests.functional.answer_models import check_answer
from tests.functional.calls import CALLS, Interceptor, outside_partitions, without_grant
from tests.functional.fact_schemas import facts_fit_their_schemas
from tests.functional.moto_patches import calls_without_ceremony, json_answer, small_backups, values_as_they_are
from tests.functional.scenes import EVENTS, Contents, Invoke, Load, as_records, change_program, filled, shop_day

# Fixtures count for the tests of the package whose conftest knows them by name.
__all__ = ["calls_without_ceremony", "clock", "facts_fit_their_schemas", "small_backups", "values_as_they_are"]


@dataclass(frozen=True)
class Context:
    """The members of a Lambda context that Powertools reads."""

    function_name: str
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:test"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"


@pytest.fixture(scope="package")
def moto() -> Iterator[MockAWS]:
    """Moto, started once: each start readies some thousand answers to plain HTTP, which nobody here asks for."""
    with mock_aws() as started:
        yield started


@pytest.fixture(autouse=True, scope="package")
def catalogued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the fact log may hold lies beside the function that writes it, as in the function's zip."""
    file = tmp_path_factory.mktemp("catalogue") / "open_members.json"
    file.write_text(open_members(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish_changes, "_OPEN_MEMBERS", file)
        yield


@pytest.fixture(autouse=True)
def aws(moto: MockAWS, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty deployment."""
    start_empty(moto, monkeypatch)


def start_empty(moto: MockAWS, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make an empty deployment, and the environment that functions have there."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in deployed.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    moto.reset()
    deployed.deploy()


@pytest.fixture
def empty_tables() -> Callable[[], None]:
    """Forget everything that was stored, within a test."""
    return deployed.empty_tables


@pytest.fixture
def contents() -> Contents:
    """Everything that both tables hold, sorted by key."""
    return deployed.contents


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
        CALLS.made.clear()
        CALLS.partitions.clear()
        environment.forget()
        handler = importlib.import_module(module_of(function)).handler
        given = event or load(name, **changes)
        for record in given.get("Records", ()):
            if "body" in record:
                record.setdefault("eventSourceARN", queue_of(function))
        answer: dict[str, Any] = handler(given, Context(function))
        assert without_grant(function, CALLS.made) == set(), f"{function} has no grant for these"
        assert outside_partitions(function, CALLS.partitions) == set(), f"{function} may not touch these"
        check_answer(given, answer)
        if "json" in answer.get("headers", {}).get("content-type", ""):
            answer["json"] = json.loads(answer["body"])
        return answer

    return run


def queue_of(function: str) -> str:
    """The ARN of the queue that a function takes messages of."""
    wired = wirings.functions()[function]
    name = next(wired.queue_name(trigger) for trigger in wired.triggers if isinstance(trigger, Queue))
    return f"arn:aws:sqs:eu-central-1:123456789012:regulars-prod-{name}"


@pytest.fixture
def launch(invoke: Invoke) -> Callable[..., None]:
    """`launch(points=2)`: the loyalty programme of the event file, changed, in force for two years."""

    def put(**changes: object) -> None:
        answer = change_program(invoke, **{"starts_at": shop_day(-730).isoformat(), **changes})
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
    waiting: list[Interceptor] = []

    def arm(word: str, act: Callable[[], object], codes: Sequence[str] = ()) -> None:
        def meanwhile(event_name: str, request: Any) -> AWSResponse | None:
            if not event_name.endswith("TransactWriteItems") or word not in request.body.decode():
                return None
            disarm(meanwhile)
            act()
            return cancelled(request, codes) if codes else None

        waiting.append(meanwhile)
        CALLS.interceptors.insert(0, meanwhile)

    def disarm(meanwhile: Interceptor) -> None:
        waiting.remove(meanwhile)
        CALLS.interceptors.remove(meanwhile)

    yield arm
    never_sent = len(waiting)
    for meanwhile in list(waiting):
        disarm(meanwhile)
    assert not never_sent


def cancelled(request: Any, codes: Sequence[str]) -> AWSResponse:
    """What DynamoDB answers when it cancels a transaction; the writes that are not named had nothing against it."""
    reasons = [{"Code": code} for code in codes]
    reasons += [{"Code": "None"}] * (len(json.loads(request.body)["TransactItems"]) - len(codes))
    body = {"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "CancellationReasons": reasons}
    return json_answer(request.url, 400, body)
