"""Bodies by which staff change a case."""

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.cases.case import Outcome
from shared.edge.payloads import Payload, example

LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class AssignPayload(Payload):
    """Who takes a case."""

    model_config = example(owner="grace")

    owner: Person = Field(description="id of a member of staff")


class NotePayload(Payload):
    """What somebody writes into a case."""

    model_config = example(author="grace", text="Called them.")

    author: Person = Field(description="id of a member of staff")
    text: LongText


class ResolvePayload(Payload):
    """What came of a case."""

    model_config = example(outcome="SOLVED")

    outcome: Outcome
