"""The units that DynamoDB charges for a call.

Writes as the local AWS reports them, which sizes their items and counts transactions twice. Reads it does not size:
they follow from what came back, for nothing here filters or projects.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

import math
from collections.abc import Mapping
from typing import Any, Final

_READS: Final = ("GetItem", "Query")
_READ_UNIT_BYTES: Final = 4096


def read_units(operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """One per 4 KB of what was read together, half where it may be stale; nothing found costs as much as a little."""
    if operation not in _READS:
        return 0
    items = answer.get("Items", [answer["Item"]] if "Item" in answer else [])
    size = sum(_map_bytes(item) for item in items)
    return max(1, math.ceil(size / _READ_UNIT_BYTES)) * (1 if asked.get("ConsistentRead") else 0.5)


def write_units(operation: str, answer: Mapping[str, Any]) -> float:
    """What the answer says, over all tables of a transaction."""
    if operation in _READS:
        return 0
    consumed = answer["ConsumedCapacity"]
    return float(
        sum(capacity["CapacityUnits"] for capacity in (consumed if isinstance(consumed, list) else [consumed]))
    )


def _map_bytes(members: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + _value_bytes(value) for name, value in members.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _number_bytes(content)
        case "NS":
            return sum(map(_number_bytes, content))
        # Three bytes for the list or map itself, and one for each element.
        case "M":
            return 3 + len(content) + _map_bytes(content)
        case "L":
            return 3 + len(content) + sum(map(_value_bytes, content))
    return 1


def _number_bytes(digits: str) -> int:
    return math.ceil(len(digits.strip("-0")) / 2) + 1
