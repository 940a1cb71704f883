"""Scenes played on the real handlers under a frozen clock, and what outsiders and the tables see of them."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import MockRawResponse

from shared.customers.ids import address_digest
from shared.edge import tokens
from shared.edge.tokens import Purpose
from tests.frozen_clock import FrozenClock
from tests.functional import moto_patches
from tests.functional.aws import client

ROLE: Final = "arn:aws:iam::123456789012:role/scene"
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AwsCall:
    """One request to AWS."""

    service: str
    operation: str
    body: Any


class Wire:
    """What goes over the wire to AWS while it is recorded; single calls can be made to fail."""

    def __init__(self) -> None:
        self.calls: list[AwsCall] = []
        self.is_recording = False
        self._failing: dict[str, str] = {}
        self._lock = threading.RLock()
        self._within = False

    def fail_next(self, operation: str, code: str) -> None:
        """Answer the next call of this operation with this error."""
        self._failing[operation] = code

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand between botocore and moto."""
        answer = moto_patches.answer

        def passed_on(event_name: str, request: Any, **kwargs: Any) -> Any:
            with self._lock:
                # A call within a call is the stand-in's own, made to answer the first.
                if self._within or not self.is_recording:
                    return answer(event_name, request, **kwargs)
                _, service, operation = event_name.split(".")
                self.calls.append(AwsCall(service, operation, _body(request.body)))
                if operation in self._failing:
                    return _error(request.url, self._failing.pop(operation))
                self._within = True
                try:
                    return answer(event_name, request, **kwargs)
                finally:
                    self._within = False

        monkeypatch.setattr(moto_patches, "answer", passed_on)


def _body(content: Any) -> Any:
    try:
        return json.loads(content)
    except (TypeError, ValueError):
        return None


def _error(url: str, code: str) -> AWSResponse:
    headers = HTTPHeaders()
    headers["x-amzn-ErrorType"] = code
    # Only of the first nobody knows whether AWS has done what it was asked for.
    status = 500 if code == "InternalFailure" else 400
    return AWSResponse(url, status, headers, MockRawResponse(json.dumps({"__type": code, "message": code})))


@dataclass(frozen=True, slots=True)
class Played:
    """One call of a handler in a scene: what it was called with, answered and asked AWS for."""

    function: str
    case: str
    route: str | None
    answer: Any
    calls: tuple[AwsCall, ...]


@dataclass(frozen=True)
class Recording:
    """What a scene left behind: its calls, the items of both tables as DynamoDB has them, the bucket's objects."""

    played: tuple[Played, ...]
    items: Mapping[str, list[dict[str, Any]]]
    objects: Mapping[str, bytes]


@dataclass(frozen=True)
class Stage:
    """Where a scene is played."""

    invoke: Callable[..., Answer]
    load: Callable[..., dict[str, Any]]
    clock: FrozenClock
    wire: Wire
    setenv: Callable[[str, str], None]
    played: list[Played] = field(default_factory=list)

    def call(
        self,
        name: str,
        case: str,
        event: dict[str, Any] | None = None,
        /,
        *,
        changes: Any = None,
        **members: Any,
    ) -> Answer:
        """Call a function with an event file, whose body gets these members, or with an event; `case` names it.

        `changes` is a function that is given the event to change it.
        """
        given = json.loads(json.dumps(event)) if event is not None else self.load(name, **members)
        if changes:
            changes(given)
        self.wire.calls.clear()
        self.wire.is_recording = True
        try:
            answer = self.invoke(name, event=given)
        finally:
            self.wire.is_recording = False
        function = name.partition("/")[0]
        self.played.append(Played(function, case, given.get("routeKey"), answer, tuple(self.wire.calls)))
        return answer

    def link(self, purpose: Purpose, hours: float | None = 1, /, **claims: str) -> str:
        """A link's token with these claims, good for so many hours."""
        expires_at = None if hours is None else self.clock.now() + timedelta(hours=hours)
        return tokens.sign(purpose, claims, expires_at)

    def item(self, pk: str, sk: str) -> dict[str, Any]:
        """An item of the customers table as plain values."""
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        item = client("dynamodb").get_item(TableName="customers", Key=key)["Item"]
        return {name: plain(value) for name, value in item.items()}

    def customer_id(self, email: str) -> str:
        """The id of the customer who has this address."""
        return str(self.item(f"EMAIL#{address_digest(email)}", "GUARD")["customer_id"])

    def facts(self, customer_id: str, *types: str) -> list[dict[str, Any]]:
        """A customer's facts of these types in the order of time, as the bus tells them."""
        request: Any = {
            "TableName": "customers",
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :fact)",
            "ExpressionAttributeValues": {":pk": {"S": f"CUST#{customer_id}"}, ":fact": {"S": "FACT#"}},
        }
        answer = client("dynamodb").query(**request)
        items = [{name: plain(value) for name, value in item.items()} for item in answer["Items"]]
        kept = [item for item in items if item["type"] in types]
        return [{name: value for name, value in item.items() if name not in ("pk", "sk")} for item in kept]

    def deliver(self, function: str, case: str, *facts: Mapping[str, Any]) -> Answer:
        """Facts on their way from the bus through a queue to a function."""
        records = [
            {
                "messageId": str(number),
                "receiptHandle": f"handle-{number}",
                "body": json.dumps({"detail-type": fact["type"], "detail": fact}),
            }
            for number, fact in enumerate(facts)
        ]
        return self.call(function, case, {"Records": records})

    def waiting_signup(self, email: str) -> dict[str, Any]:
        """The signup that waits for its confirmation."""
        profile = self.item(f"CUST#{self.customer_id(email)}", "PROFILE")
        return dict(profile["signup"])

    def confirmation_token(self, email: str) -> str:
        """The token of the link in the confirmation mail."""
        claims = {"customer": self.customer_id(email), "signup": self.waiting_signup(email)["signup_id"]}
        return self.link(Purpose.CONFIRM, 7 * 24, **claims)

    def sign_up(self, email: str, /, **members: Any) -> str:
        """Sign up and confirm; the customer's id."""
        accept(self.call("register_customer/json", "signup", email=email, **members), 202)
        token = self.confirmation_token(email)
        accept(self.call("confirm_signup/post", "confirmation", fill={"TOKEN": token}), 200)
        return self.customer_id(email)

    def purchase(self, order_id: str, ordered_at: str, **members: Any) -> Answer:
        """A purchase by customer number; K-77 where none is given."""
        return accept(
            self.call(
                "record_purchase/by_customer_number", "purchase", order_id=order_id, ordered_at=ordered_at, **members
            ),
            201,
        )

    def machine(self, name: str, variable: str) -> str:
        """A state machine of which executions run until they are stopped; the variable tells functions of it."""
        created = client("stepfunctions").create_state_machine(name=name, definition="{}", roleArn=ROLE)
        arn = str(created["stateMachineArn"])
        self.setenv(variable, arn)
        return arn

    def recording(self) -> Recording:
        """What there is now."""
        tables = {}
        for name in ("customers", "scorecards"):
            pages = client("dynamodb").get_paginator("scan").paginate(TableName=name)
            tables[name] = [ordered_sets(item) for page in pages for item in page["Items"]]
        s3 = client("s3")
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="data").get("Contents", [])]
        objects = {key: s3.get_object(Bucket="data", Key=key)["Body"].read() for key in keys}
        return Recording(tuple(self.played), tables, objects)


def accept(answer: Answer, status: int) -> Answer:
    """The answer, which has to have this status."""
    assert answer["statusCode"] == status, answer
    return answer


def plain(value: Mapping[str, Any]) -> Any:
    """A typed value of DynamoDB as a plain one."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content)
        case "M":
            return {name: plain(member) for name, member in content.items()}
        case "L":
            return [plain(element) for element in content]
    return content


def ordered_sets(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item whose number sets, which have no order, are in ascending order."""
    return {
        name: {"NS": sorted(value["NS"], key=int)} if "NS" in value else dict(value) for name, value in item.items()
    }


def digest(text: str) -> str:
    """The SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def title(html: str) -> str:
    """The title of a page, or its first line."""
    match = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
    return " ".join((match[1] if match else html.partition("\n")[0]).split())
