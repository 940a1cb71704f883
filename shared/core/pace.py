"""How fast a table is written to: faster while it takes all, slower as soon as it refuses something."""

import threading
import time
from collections.abc import Callable
from typing import Final

FIRST_PER_SECOND: Final = 1000.0
# What all writers together do to a table that has just been made; one that has grown takes more.
MOST_PER_SECOND: Final = 4000.0
LEAST_PER_SECOND: Final = 25.0
_FASTER: Final = 10.0
_SLOWER: Final = 0.7
# Refusals of writes that were under way together count once.
_SECONDS_BETWEEN_CUTS: Final = 0.5


class Pace:
    """Shared by the threads of a writer; additive increase, multiplicative decrease, as TCP does it."""

    def __init__(self, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self.per_second = FIRST_PER_SECOND
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._next = now()
        self._cut_at = self._next - _SECONDS_BETWEEN_CUTS

    def wait(self, writes: int) -> None:
        """Return when so many more writes may go out."""
        with self._lock:
            at = max(self._next, self._now())
            self._next = at + writes / self.per_second
        if (seconds := at - self._now()) > 0:
            self._sleep(seconds)

    def taken(self) -> None:
        """The table took a batch whole."""
        with self._lock:
            self.per_second = min(self.per_second + _FASTER, MOST_PER_SECOND)

    def refused(self) -> None:
        """The table refused some of a batch for want of throughput."""
        with self._lock:
            if self._now() - self._cut_at >= _SECONDS_BETWEEN_CUTS:
                self._cut_at = self._now()
                self.per_second = max(self.per_second * _SLOWER, LEAST_PER_SECOND)
                self._next = max(self._next, self._cut_at + _SECONDS_BETWEEN_CUTS)
