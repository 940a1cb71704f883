"""The clock of tests: it stands still at the day that the event files were made on, until a test moves it."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from shared.core import clock as real_clock
from shared.core.facts import to_timestamp

# Saturday, one o'clock in Berlin.
NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)


class FrozenClock:
    """The one clock, which stands still until a test moves it."""

    def __init__(self, moment: datetime | str = NOW) -> None:
        self.set(moment)

    def now(self) -> datetime:
        """The moment at which the clock stands."""
        return self._moment

    def set(self, moment: datetime | str) -> None:
        """Stand at this moment."""
        self._moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment

    def advance(self, **parts: float) -> None:
        """Stand so much later, as in `advance(days=1)`."""
        self._moment += timedelta(**parts)

    @property
    def timestamp(self) -> str:
        """The moment as it is stored."""
        return to_timestamp(self._moment)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    """What `shared.core.clock.now()` reads; moto's own stamps and the retries' waits go by the real time."""
    frozen = FrozenClock()
    monkeypatch.setattr(real_clock, "now", frozen.now)
    return frozen
