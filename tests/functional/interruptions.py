"""A function that is ended on its way, after any of its calls to AWS that change something, and then runs again."""

import re
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any

from shared.core.facts import from_timestamp
from tests.frozen_clock import FrozenClock
from tests.functional.aws import contents, put_back, stored
from tests.functional.calls import is_killed
from tests.functional.scenes import Invoke

Act = Callable[[Invoke], object]
# What comes before, and what is interrupted.
Scene = tuple[Act, Act]


def nothing(_invoke: Invoke) -> None:
    """There is nothing yet."""


def assert_interruptions_leave_no_trace(invoke: Invoke, clock: FrozenClock, scene: Scene) -> None:
    """Ended anywhere and run again a minute later, it leaves what an undisturbed run leaves.

    Between two calls that change something nothing changes: to be ended there is to be ended after the first of them.
    """
    before, act = scene
    before(invoke)
    begun, ready, untouched = clock.now(), stored(), _left(clock.now())
    act(invoke)
    undisturbed = _left(begun)
    assert undisturbed != untouched
    for changes in count(1):
        put_back(ready)
        clock.set(begun)
        killed = is_killed(lambda: act(invoke), changes)
        if killed:
            clock.advance(minutes=1)
            act(invoke)
        assert _left(begun) == undisturbed, f"ended after {changes} changes"
        if not killed:
            break
    assert changes > 1


def _left(begun: datetime) -> list[Any]:
    left = [_timeless(item, begun) for items in contents().values() for item in items]
    return sorted(left, key=repr)


def _timeless(value: Any, begun: datetime) -> Any:
    """What is stored, with the same word for every moment of a day since then, for every voucher's random code, and for
    how long steps took and their records are kept.
    """
    if isinstance(value, dict):
        same = {name: f"a {name}" for name in ("code", "milliseconds") if name in value}
        if str(value.get("pk", "")).startswith("RESCORING#"):
            same |= {"expires_at": "an end"}
        return {_timeless(name, begun): _timeless(member, begun) for name, member in value.items()} | same
    if isinstance(value, list):
        return [_timeless(member, begun) for member in value]
    if not isinstance(value, str):
        return value

    def word(moment: re.Match[str]) -> str:
        days = (from_timestamp(moment[0]) - begun).days
        return f"{days} days later" if days >= 0 else moment[0]

    value = re.sub(r'"seconds":[\d.]+', '"seconds":"some"', value)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", word, value)
