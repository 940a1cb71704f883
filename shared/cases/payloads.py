"""Bodies by which staff change a case."""

from typing import Annotated

from pydantic import StringConstraints

from shared.cases.case import Outcome
from shared.edge.payloads import Payload

LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class AssignPayload(Payload):
    """Who takes a case."""

    owner: Person


class NotePayload(Payload):
    """What somebody writes into a case."""

    author: Person
    text: LongText


class ResolvePayload(Payload):
    """What came of a case."""

    outcome: Outcome
