"""A fact happened and never changes; a customer's facts in time order are the timeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


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
    never a name or an address: facts also travel over the bus and rest in its archive.
    """

    type: str
    id: str
    customer_id: str
    occurred_at: datetime
    recorded_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
