"""The clock, read at the edges only; everything within takes the moment as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment in UTC, to the millisecond, as it is stored."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
