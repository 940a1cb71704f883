"""Bodies by which staff change a case."""

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.cases.case import TEXT_MAX_LENGTH, Outcome
from shared.edge.payloads import Payload, example

LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_MAX_LENGTH)]
Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class AssignPayload(Payload):
    """The member of staff who takes a case."""

    model_config = example(owner="grace")

    owner: Person = Field(description="id of a member of staff")


class NotePayload(Payload):
    """A note in a case."""

    model_config = example(author="grace", text="Called them.")

    author: Person = Field(description="id of a member of staff")
    text: LongText


class ResolvePayload(Payload):
    """How a case ended."""

    model_config = example(outcome="SOLVED")

    outcome: Outcome
