"""How many calls of AWS each function makes for a request: `python -m pytest tests/contract/count_calls.py -q -s`.

Not a test: the name keeps it out of every other run. REGULARS_CALLS_FILE names a file to write instead of printing.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import Play
from tests.contract.recording import AwsCall, Played
from tests.contract.scenes import SCENES

Row = tuple[str, str, int, str]
# Partitions whose sort keys begin with a moment.
_BY_TIME = ("CASES#", "COMMENTS#")


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    """What has been counted, printed at the end."""
    counted: list[Row] = []
    yield counted
    text = table(counted)
    path = os.environ.get("REGULARS_CALLS_FILE")
    if path:
        Path(path).write_text(text)
    else:
        print(f"\n{text}")


@pytest.mark.parametrize("scene", SCENES)
def test_count_the_calls_of_a_scene(play: Play, rows: list[Row], scene: str) -> None:
    # A case that comes again, such as a customer who signs up for what follows, is counted once.
    known = {row[:2] for row in rows}
    rows += dict.fromkeys(row for row in map(row_of, play(scene).played) if row[:2] not in known)


def row_of(played: Played) -> Row:
    """Function, case, number of calls of DynamoDB, and all calls in order."""
    count = sum(call.service == "dynamodb" for call in played.calls)
    method = f"{played.route.partition(' ')[0]} " if played.route else ""
    return played.function, f"{method}{played.case}", count, ", ".join(map(described, played.calls)) or "-"


def table(rows: list[Row]) -> str:
    """The rows by function, in columns."""
    ordered = sorted(rows, key=lambda row: row[0])
    widths = [max(len(str(row[column])) for row in ordered) for column in (0, 1)]
    lines = [
        f"{function:<{widths[0]}}  {case:<{widths[1]}}  {count:>3}  {calls}" for function, case, count, calls in ordered
    ]
    head = f"{'function':<{widths[0]}}  {'case':<{widths[1]}}    n  calls"
    return "\n".join([head, "-" * len(head), *lines]) + "\n"


def described(call: AwsCall) -> str:
    """A call by its operation and what kind of item it is about."""
    if call.service != "dynamodb":
        return f"{call.service}:{call.operation}"
    body = call.body
    match call.operation:
        case "TransactWriteItems":
            writes = [
                f"{kind} {target(statement)}" for write in body["TransactItems"] for kind, statement in write.items()
            ]
            return f"Transact[{', '.join(writes)}]"
        case "Query":
            values = [value["S"] for value in body["ExpressionAttributeValues"].values()]
            return f"Query {' '.join(shortened(value) for value in values)}"
        case "BatchGetItem" | "BatchWriteItem":
            return (
                f"{call.operation}[{', '.join(f'{len(asked)} {name}' for name, asked in body['RequestItems'].items())}]"
            )
        case "BatchExecuteStatement":
            return f"BatchExecuteStatement[{len(body['Statements'])}]"
        case "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem":
            return f"{call.operation.removesuffix('Item')} {target(body)}"
    return f"{call.operation} {body['TableName']}"


def target(statement: Mapping[str, Any]) -> str:
    """The kind of item that a statement is about, by its key."""
    key = statement.get("Key") or statement["Item"]
    if "pk" not in key:
        return "scorecard"
    if key["pk"]["S"].startswith(_BY_TIME):
        return str(key["pk"]["S"])
    pk, sk = shortened(key["pk"]["S"]), shortened(key["sk"]["S"])
    if sk == "FACT":
        return f"fact {key['sk']['S'].split('#')[2]}"
    return sk if pk == "CUST" else f"{pk}/{sk}"


def shortened(key: str) -> str:
    """What a key begins with."""
    return key.partition("#")[0]
