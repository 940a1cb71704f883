"""The pace of writes to a table: faster while it accepts all of them, slower as soon as it refuses some."""

import threading
import time
from collections.abc import Callable
from typing import Final

FIRST_PER_SECOND: Final = 1000.0
# The rate of all writers together that a new table accepts; a table that has grown accepts more.
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
        """Return as soon as this many more writes may be sent."""
        with self._lock:
            at = max(self._next, self._now())
            self._next = at + writes / self.per_second
        if (seconds := at - self._now()) > 0:
            self._sleep(seconds)

    def taken(self) -> None:
        """The table accepted a whole batch."""
        with self._lock:
            self.per_second = min(self.per_second + _FASTER, MOST_PER_SECOND)

    def refused(self) -> None:
        """The table refused some of a batch for lack of throughput."""
        with self._lock:
            if self._now() - self._cut_at >= _SECONDS_BETWEEN_CUTS:
                self._cut_at = self._now()
                self.per_second = max(self.per_second * _SLOWER, LEAST_PER_SECOND)
                self._next = max(self._next, self._cut_at + _SECONDS_BETWEEN_CUTS)
