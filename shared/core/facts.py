"""A fact happened and never changes; a customer's facts in time order are the timeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple


def to_timestamp(moment: datetime) -> str:
    """UTC, to the millisecond, in a width that sorts as text: `2026-11-21T20:14:00.000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def from_timestamp(text: str) -> datetime:
    """The moment that `to_timestamp` wrote."""
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """`type` is the event's name; `id` is unique among the customer's facts of that type (a natural id).

    `occurred_at` is when it happened, `recorded_at` when it was written. `data` holds ids, amounts and words,
    never a name or an address: facts also travel over the bus and rest in its archive. `version` is the version of
    the type's schema by which it was written.
    """

    type: str
    id: str
    customer_id: str
    occurred_at: datetime
    recorded_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1


# Named tuples from here on: every function that writes facts makes these classes at its cold start, and a frozen
# dataclass takes eight times as long to make.


class Text(NamedTuple):
    """How a text is written: a regular expression, and the name that JSON Schema has for it, if any."""

    pattern: str
    format: str | None = None


class OneOf(NamedTuple):
    """The values that a text may have."""

    values: tuple[str, ...]


Timestamp = Annotated[str, Text(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", "date-time")]
Day = Annotated[str, Text(r"^\d{4}-\d\d-\d\d$", "date")]
Month = Annotated[str, Text(r"^\d{4}-\d\d$")]
Currency = Annotated[str, Text(r"^[A-Z]{3}$")]


class Member(NamedTuple):
    """A member of a fact as it is published: a sentence, an example, and what matters where it is exported or erased.

    `personal` says that it contains personal data. `about` says that it is, or contains, the id of another
    customer than the one whose fact it is.
    """

    summary: str
    example: Any
    personal: bool = False
    about: bool = False


class FactType(NamedTuple):
    """A type of fact and its schema: `id` is its natural id, `data` a TypedDict of annotated members.

    A published version is never changed. The next one may add members, which readers must expect to be absent, and
    change nothing else. `docs/events.md`, the JSON Schemas and the AsyncAPI document are made from these
    (`make docs`); tests hold every fact that they write against them.
    """

    name: str
    summary: str
    id: Member
    data: type
    version: int = 1

    def fact(
        self,
        *,
        id: str,  # noqa: A002 - the member's name in every fact
        customer_id: str,
        now: datetime,
        data: Mapping[str, Any],
        occurred_at: datetime | None = None,
    ) -> Fact:
        """A fact that is recorded `now` and happened then, or at `occurred_at`; members that are None are left out."""
        return Fact(
            type=self.name,
            id=id,
            customer_id=customer_id,
            occurred_at=occurred_at or now,
            recorded_at=now,
            data={name: value for name, value in data.items() if value is not None},
            version=self.version,
        )
