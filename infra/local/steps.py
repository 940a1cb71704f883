"""Saying what is happening, and the one way in which it fails."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]


class LocalFailure(Exception):
    """Something that a person can mend; its text is the one sentence that says how."""


@contextmanager
def step(say: Say, text: str) -> Iterator[None]:
    """Say what starts, and how long it took."""
    say(f"{text} …")
    started = time.monotonic()
    yield
    say(f"{text}: {time.monotonic() - started:.1f} s")
