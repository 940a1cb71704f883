"""How what is stored differs from what facts say."""

from collections.abc import Collection
from typing import Any, NamedTuple

from shared.core.codec import to_members


class Difference(NamedTuple):
    """A member as it is stored, and as the facts have it; both as plain values, None where there is none."""

    member: str
    stored: Any
    rebuilt: Any


def differences(stored: Any, rebuilt: Any, *, but: Collection[str] = ()) -> tuple[Difference, ...]:
    """The members of two entities of a kind that differ, but for these; `stored` is None where nothing is stored."""
    before = to_members(stored) if stored else {}
    after = to_members(rebuilt)
    return tuple(
        Difference(name, before.get(name), value)
        for name, value in after.items()
        if name not in but and before.get(name) != value
    )
