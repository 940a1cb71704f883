"""The calls that functions make to AWS: counted, checked against their grants, and cut off where a test says."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from botocore.handlers import BUILTIN_HANDLERS
from moto.core.models import botocore_stubber

from infra import wirings
from shared.edge.wiring import Queue, Stream
from tests.functional import moto_patches

_READS: Final = ("BatchGet", "Describe", "Get", "Head", "List", "Query", "Scan")
_ITEM_ACTIONS: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


Interceptor = Callable[[str, Any], AWSResponse | None]


class Killed(BaseException):
    """The process is gone: nothing of ours may catch this."""


class Calls:
    """Which AWS actions have been called, each with the table it went to, and how many of them changed something."""

    def __init__(self) -> None:
        self.made: set[tuple[str, str]] = set()
        # The partition keys of the customers table that these calls were about.
        self.partitions: set[str] = set()
        self.changes = 0
        # Asked before each call: may answer it, which is then not done, and may make calls of its own.
        self.interceptors: list[Interceptor] = []
        self._killed_after: int | None = None
        self._lock = threading.Lock()
        # The thread whose call is being answered.
        self._answering: int | None = None

    def kill_after(self, changes: int) -> None:
        """End the process as soon as AWS has done so many more calls that change something, if it calls AWS at all.

        At every other instant it would leave the same: reading leaves everything as it is.
        """
        self.changes, self._killed_after = 0, changes

    def let_live(self) -> None:
        """End it no more."""
        self._killed_after = None

    def answer(self, event_name: str, request: Any, **kwargs: Any) -> AWSResponse | None:
        """Have moto answer; threads of a function take turns, for moto keeps its tables in plain dictionaries."""
        if self._answering == threading.get_ident():
            # A call that is made to answer another.
            return moto_patches.answer(event_name, request, **kwargs)
        for intercept in list(self.interceptors):
            response = intercept(event_name, request)
            if response is not None:
                return response
        _, service, operation = event_name.split(".")
        with self._lock:
            if self.changes == self._killed_after:
                raise Killed
            self.made |= set(actions(service, operation, request.body))
            self.partitions |= set(partitions(service, request.body))
            self._answering = threading.get_ident()
            try:
                response = moto_patches.answer(event_name, request, **kwargs)
            finally:
                self._answering = None
            if not operation.startswith(_READS):
                self.changes += 1
                if self.changes == self._killed_after:
                    raise Killed
            return response


def actions(service: str, operation: str, body: Any) -> Iterator[tuple[str, str]]:
    """What a request is authorised as; a transaction is authorised item by item."""
    if service != "dynamodb":
        # A copy is authorised as reading the one object and writing the other.
        for action in ("GetObject", "PutObject") if operation == "CopyObject" else (operation,):
            yield f"{service}:{action}", ""
        return
    members = json.loads(body)
    for write in members.get("TransactItems", []):
        ((kind, statement),) = write.items()
        yield _ITEM_ACTIONS[kind], statement["TableName"]
    for statement in members.get("Statements", []):
        (changed,) = re.findall(r'^UPDATE "(\w+)"', statement["Statement"])
        yield "PartiQLUpdate", changed
    for name in members.get("RequestItems", {}):
        yield operation, name
    if "TableName" in members:
        yield operation, members["TableName"]


def partitions(service: str, body: Any) -> Iterator[str]:
    """The partition keys of the customers table that a request is about, as `dynamodb:LeadingKeys` holds them."""
    if service != "dynamodb":
        return
    members = json.loads(body)
    statements = [members, *(write for item in members.get("TransactItems", []) for write in item.values())]
    for statement in statements:
        if statement.get("TableName") == "customers":
            key = statement.get("Key") or statement.get("Item") or {}
            yield from (value["S"] for name, value in key.items() if name == "pk")
            if "KeyConditionExpression" in statement:
                yield statement["ExpressionAttributeValues"][":pk"]["S"]
    batch = members.get("RequestItems", {}).get("customers", {})
    # A batch of reads is a map with its keys, a batch of writes a list.
    writes = (change for write in batch for change in write.values()) if isinstance(batch, list) else ()
    keys = batch["Keys"] if isinstance(batch, dict) and batch else [w.get("Key") or w["Item"] for w in writes]
    yield from (key["pk"]["S"] for key in keys)


def outside_partitions(function: str, touched: set[str]) -> set[str]:
    """Which of these partitions the deployed function would be refused."""
    allowed = wirings.functions()[function].partitions
    return {key for key in touched if allowed and not any(fnmatchcase(key, pattern) for pattern in allowed)}


def without_grant(function: str, made: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these actions the deployed function would be refused."""
    access = wirings.functions()[function]
    allowed = {(action, "customers") for action in access.customers}
    allowed |= {(action, "scorecards") for action in access.scorecards}
    allowed |= {(f"s3:{action}", "") for action in access.bucket}
    allowed |= {("secrets-manager:GetSecretValue", "")} if access.signing_key else set()
    allowed |= {("sesv2:SendEmail", "")} if access.sends_mail else set()
    allowed |= {("eventbridge:PutEvents", "")} if access.publishes else set()
    allowed |= {("sfn:StartExecution", "")} if access.starts else set()
    allowed |= {("sfn:DescribeExecution", "")} if access.watches else set()
    if access.sends_due:
        allowed |= {("sqs:GetQueueUrl", ""), ("sqs:SendMessageBatch", "")}
    if any(isinstance(trigger, Queue) for trigger in access.triggers):
        # Into the dead letters of its queue.
        allowed |= {("sqs:GetQueueUrl", ""), ("sqs:SendMessage", "")}
    # Of a stream the queue of what failed: CDK grants it with the destination.
    if any(isinstance(trigger, Stream) for trigger in access.triggers):
        allowed |= {("sqs:SendMessage", "")}
    return made - allowed


def is_killed(act: Callable[[], object], changes: int) -> bool:
    """Run it, ended after so many calls that change something; False where it makes fewer."""
    CALLS.kill_after(changes)
    try:
        act()
    except Killed:
        return True
    finally:
        CALLS.let_live()
    return False


CALLS: Final = Calls()
# Botocore asks every handler on this list, and moto has put its own there: that one would do each call a second time.
BUILTIN_HANDLERS[BUILTIN_HANDLERS.index(("before-send", botocore_stubber))] = ("before-send", CALLS.answer)
