"""JSON as it is written, where parsers would take the last of two members with the same name."""

import json
from typing import Any


class _Repeated(Exception):
    pass


def repeats_member(text: bytes | str) -> bool:
    """Whether an object in a valid JSON text has two members of the same name."""
    try:
        json.loads(text, object_pairs_hook=_check)
    except _Repeated:
        return True
    return False


def _check(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) < len(members):
        raise _Repeated
