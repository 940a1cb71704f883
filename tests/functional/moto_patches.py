"""What moto 5 does otherwise than DynamoDB, and what makes it slow: each with its reason, and nothing of it elsewhere.

`answer` completes answers on the wire and needs nothing of moto's insides. The fixtures change them, and botocore's,
for speed alone: every test passes without these, in more than twice the time.
"""

import copy
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto.core import responses
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber
from moto.core.serialize import BaseJSONSerializer
from moto.core.utils import method_names_from_class
from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

from tests.functional import second_engine
from tests.functional.aws import client

# Whether the answer to a statement whose condition fails has the item: DynamoDB has answered both ways.
refusals_tell = True

_MAX_STATEMENTS: Final = 25
_STATEMENT: Final = re.compile(r'UPDATE "(\w+)" SET "(\w+)" = \? WHERE "(\w+)" = \? AND (.+)')
_CONDITIONS: Final = {'"score" IS MISSING': "attribute_not_exists(#member)", '"score" = ?': "#member = :p0"}


def answer(event_name: str, request: Any, **kwargs: Any) -> AWSResponse | None:
    """What AWS answers to this request of botocore."""
    if second_engine.URL and event_name.startswith("before-send.dynamodb."):
        return second_engine.answer(request)
    if event_name == "before-send.dynamodb.BatchExecuteStatement":
        asked = json.loads(request.body)
        statements = asked["Statements"]
        if not 1 <= len(statements) <= _MAX_STATEMENTS:
            error = {"__type": "com.amazon.coral.validate#ValidationException", "message": "1 to 25 statements"}
            return json_answer(request.url, 400, error)
        answers, units = _execute(statements)
        return json_answer(request.url, 200, {"Responses": answers, **_consumed(asked, units)})
    response = botocore_stubber(event_name, request, **kwargs)
    if event_name == "before-send.dynamodb.BatchWriteItem" and response is not None and response.status_code == 200:
        # DynamoDB counts what it has written; moto counts a batch as one write.
        asked = json.loads(request.body)
        units = {name: float(len(writes)) for name, writes in asked["RequestItems"].items()}
        return json_answer(request.url, 200, {**json.loads(response.content), **_consumed(asked, units)})
    return response


def json_answer(url: str, status: int, body: object) -> AWSResponse:
    """An answer of AWS with this JSON body."""
    return AWSResponse(url, status, HTTPHeaders(), MockRawResponse(json.dumps(body)))


def _consumed(asked: Mapping[str, Any], units: Mapping[str, float]) -> dict[str, Any]:
    """The units of each table, which DynamoDB answers only where the request asks for them."""
    if asked.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return {}
    return {"ConsumedCapacity": [{"TableName": name, "CapacityUnits": count} for name, count in units.items()]}


def _execute(statements: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Moto's PartiQL knows no conditions but equality: statements run as the updates that they stand for. The answer
    to each, and the units of each table.
    """
    answers: list[dict[str, Any]] = []
    units: dict[str, float] = defaultdict(float)
    for statement in statements:
        update = _as_update(statement)
        name = update["TableName"]
        units[name] += 1
        try:
            client("dynamodb").update_item(**update)
        except client("dynamodb").exceptions.ConditionalCheckFailedException as error:
            item = error.response.get("Item")
            shown = {"Item": item} if item and refusals_tell else {}
            answers.append({"Error": {"Code": "ConditionalCheckFailed", "Message": "", **shown}})
        else:
            answers.append({"TableName": name})
    return answers, units


def _as_update(statement: Mapping[str, Any]) -> dict[str, Any]:
    match = _STATEMENT.fullmatch(statement["Statement"])
    assert match, statement
    name, member, key, condition = match.groups()
    value, key_value, *others = statement["Parameters"]
    return {
        "TableName": name,
        "Key": {key: key_value},
        "UpdateExpression": "SET #member = :value",
        "ConditionExpression": f"attribute_exists(#key) AND {_CONDITIONS[condition]}",
        "ExpressionAttributeNames": {"#member": member, "#key": key},
        "ExpressionAttributeValues": {":value": value, **{f":p{n}": other for n, other in enumerate(others)}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


@pytest.fixture(autouse=True, scope="package")
def values_as_they_are() -> Iterator[None]:
    """Moto looks for each of the ten types of every value of an item under several names, a third of all time.

    It has the value as DynamoDB's JSON already, but for bytes.
    """
    serialize = BaseJSONSerializer._serialize_type_structure

    def structure(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and not value.keys() & {"B", "BS"}:
            serialized[key] = value
        else:
            serialize(self, serialized, value, shape, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseJSONSerializer, "_serialize_type_structure", structure)
        yield


@pytest.fixture(autouse=True, scope="package")
def small_backups() -> Iterator[None]:
    """Moto copies a whole table for every write of a transaction, to put it back where that is cancelled, half of all
    time: what the transaction writes is enough.
    """
    transact, written = DynamoDBBackend.transact_write_items, set[str]()

    def transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        statements = [statement for write in transact_items for statement in write.values()]
        keys = [statement.get("Key") or statement["Item"] for statement in statements]
        written.clear()
        written.update(value["S"] for key in keys for name, value in key.items() if name in ("sk", "customer_id"))
        transact(backend, transact_items)

    def backup(thing: Any) -> Any:
        if not isinstance(thing, Table):
            return copy.deepcopy(thing)
        kept = copy.copy(thing)
        kept.items = defaultdict(dict)
        for key, below in thing.items.items():
            if thing.has_range_key:
                kept.items[key] = {sk: _copy(item, sk, written) for sk, item in below.items()}
            else:
                kept.items[key] = _copy(below, key, written)
        return kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoDBBackend, "transact_write_items", transact_write_items)
        patch.setattr(models, "copy", SimpleNamespace(deepcopy=backup))
        yield


def _copy(item: Any, key: Any, written: set[str]) -> Any:
    return copy.deepcopy(item) if key.value in written else item


@pytest.fixture(autouse=True, scope="package")
def calls_without_ceremony() -> Iterator[None]:
    """Of each call, an eighth of the time went into its signature and the name of the caller's machine, which moto
    does not look at, and into the list of the methods that moto answers with.
    """
    sign = RequestSigner.sign

    def unsigned(signer: Any, *args: Any, **options: Any) -> None:
        # Elsewhere moto reads the region from the signature.
        if signer._signing_name != "dynamodb":
            sign(signer, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestSigner, "sign", unsigned)
        patch.setattr(UserAgentString, "to_string", lambda _self: "tests")
        patch.setattr(responses, "method_names_from_class", cache(method_names_from_class))
        yield
