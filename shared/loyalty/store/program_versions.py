"""The loyalty programme's versions: pk `LOYALTY#PROGRAM`, sk `VERSION#<six digits>`; never changed once written."""

from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.loyalty.program import Program

VERSIONS: Final = Kind(Program, CUSTOMERS, "LOYALTY#PROGRAM", "VERSION#{version:06d}")


def all_versions() -> list[Program]:
    """Every version, oldest first (1 read unit per 4 KB of all of them; a plain version has some 700 bytes)."""
    return VERSIONS.query()


def latest() -> Program | None:
    """The version in force, None before the programme was launched (1 read unit)."""
    versions = VERSIONS.query(limit=1, newest_first=True)
    return versions[0] if versions else None


def put(program: Program) -> Write:
    """The write of a new version (1 write unit per KB)."""
    return VERSIONS.put_new(program)
