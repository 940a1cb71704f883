"""How many objects the snapshot of a day's scores has: pk `RESCORINGS`, sk `SNAPSHOT#<day>`."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The snapshot of a day has at most so many `parts`; exactly so many once it is complete."""

    as_of: date
    parts: int


SNAPSHOTS: Final = Kind(Snapshot, CUSTOMERS, "RESCORINGS", "SNAPSHOT#{as_of}", in_key=("as_of",))


def get(as_of: date) -> Snapshot | None:
    """The snapshot of a day (1 read unit)."""
    return SNAPSHOTS.get(as_of=as_of.isoformat())


def put(snapshot: Snapshot) -> Write:
    """The write of a snapshot's size (1 write unit)."""
    return SNAPSHOTS.put(snapshot)
