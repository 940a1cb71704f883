"""The settlement as a job: what its steps put on record of each segment."""

import json
from dataclasses import dataclass, field
from typing import Annotated, Final

from shared.core.codec import As, from_members, to_members
from shared.edge.jobs import Job, Part
from shared.loyalty.settlement import Statement


def _to_json(statement: Statement) -> str:
    return json.dumps(to_members(statement), separators=(",", ":"))


def _from_json(text: str) -> Statement:
    return from_members(Statement, json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledSegment(Part):
    """`customers` were looked at and the accounts of `changed` of them posted on; the `statement` of all accounts.

    Units as far as they are known: half read units, and write units of items up to 1 KB.
    """

    customers: int = 0
    changed: int = 0
    half_read_units: int = 0
    write_units: int = 0
    statement: Annotated[Statement, As(_to_json, _from_json)] = field(default_factory=Statement)


SETTLEMENT: Final = Job("SETTLEMENT", "settlement", {"SETTLE": SettledSegment})
