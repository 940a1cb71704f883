"""The steps of starting the local AWS, and their error."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]


class LocalFailure(Exception):
    """An error that a person can fix; its text is a sentence that says how."""


@contextmanager
def step(say: Say, text: str) -> Iterator[None]:
    """Say what starts, and how long it took."""
    say(f"{text} …")
    started = time.monotonic()
    yield
    say(f"{text}: {time.monotonic() - started:.1f} s")
