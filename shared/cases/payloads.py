"""Bodies by which staff change a case."""

from typing import Annotated

from pydantic import StringConstraints

from shared.cases.case import TEXT_MAX_LENGTH, Outcome
from shared.edge.payloads import Payload

LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_MAX_LENGTH)]
Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class AssignPayload(Payload):
    """The member of staff who takes a case."""

    owner: Person


class NotePayload(Payload):
    """A note in a case."""

    author: Person
    text: LongText


class ResolvePayload(Payload):
    """How a case ended."""

    outcome: Outcome
