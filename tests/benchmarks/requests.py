"""Read and write units of each operation, and the processor time of its handler against its bare DynamoDB calls.

The rival makes, with `boto3.client("dynamodb")`, the very calls that the handler was seen to make, their
parameters ready at hand: what is above 1 is what parsing, checking, deciding and converting cost.
"""

import copy
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

import boto3
from botocore import xform_name

from shared.core import dynamodb
from tests.benchmarks.capacity import read_units, write_units
from tests.benchmarks.local_tables import create_pair, use_pair
from tests.benchmarks.operations import OPERATIONS, Operation

AIM: Final = 1.5
_SEEN, _TIMED, _RIVAL = "seen", "timed", "rival"


@dataclass
class _Request:
    """The DynamoDB calls of one request, and the units they took."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    read_units: float = 0
    write_units: float = 0


def figures() -> Iterator[dict[str, Any]]:
    """Two figures per operation. Each of three pairs of tables goes the same way, from empty tables on."""
    for prefix in (_SEEN, _TIMED, _RIVAL):
        create_pair(prefix)
    use_pair(_SEEN)
    seen = {operation.name: _observe(operation) for operation in OPERATIONS}
    for operation in OPERATIONS:
        yield _units(operation, seen[operation.name])
    use_pair(_TIMED)
    for operation in OPERATIONS:
        yield _handler_cpu(operation, seen[operation.name])


def _observe(operation: Operation) -> list[_Request]:
    """Run an operation for all customers, and write down which calls it makes."""
    observed: list[_Request] = []
    for call in operation.calls():
        request = _Request()

        def before(params: dict[str, Any], model: Any, request: _Request = request, **_: Any) -> None:
            request.calls.append((model.name, copy.deepcopy(params)))
            params["ReturnConsumedCapacity"] = "TOTAL"

        def after(parsed: Mapping[str, Any], model: Any, request: _Request = request, **_: Any) -> None:
            asked = request.calls[-1][1]
            request.read_units += read_units(model.name, asked, parsed)
            request.write_units += write_units(model.name, parsed)

        events = dynamodb.client().meta.events
        events.register("provide-client-params.dynamodb", before)
        events.register("after-call.dynamodb", after)
        call()
        events.unregister("provide-client-params.dynamodb", before)
        events.unregister("after-call.dynamodb", after)
        observed.append(request)
    return observed


def _units(operation: Operation, seen: list[_Request]) -> dict[str, Any]:
    # The dearest: counters grow with a customer's orders.
    written, budget = max(request.write_units for request in seen), operation.write_budget
    return {
        "figure": "units",
        "operation": operation.name,
        "read_units": max(request.read_units for request in seen),
        "write_units": written,
        "rival": "write budget",
        "budget": budget,
        "ratio": round(written / budget, 2) if budget else None,
        "aim": 1.0 if budget else None,
    }


def _handler_cpu(operation: Operation, seen: list[_Request]) -> dict[str, Any]:
    client = boto3.client("dynamodb")
    ours, rivals = [], []
    for number, (call, request) in enumerate(zip(operation.calls(), seen, strict=True)):
        bare = _bare_calls(client, request)
        # In turns, and each as often the first.
        if number % 2:
            ours.append(_cpu_seconds(call))
            rivals.append(_cpu_seconds(bare))
        else:
            rivals.append(_cpu_seconds(bare))
            ours.append(_cpu_seconds(call))
    return {
        "figure": "handler_cpu",
        "operation": operation.name,
        "ms": round(median(ours) * 1000, 2),
        "rival": "the same calls in plain boto3",
        "calls": len(seen[0].calls),
        "rival_ms": round(median(rivals) * 1000, 2),
        "ratio": round(median(ours) / median(rivals), 2),
        "aim": AIM,
    }


def _bare_calls(client: Any, request: _Request) -> Callable[[], None]:
    prepared = []
    for name, params in request.calls:
        text = json.dumps(params).replace(f'"TableName": "{_SEEN}-', f'"TableName": "{_RIVAL}-')
        prepared.append((getattr(client, xform_name(name)), json.loads(text)))

    def run() -> None:
        for method, params in prepared:
            method(**params)

    return run


def _cpu_seconds(call: Callable[[], None]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started
