"""Calendar months by name (`2026-11`), which sort as text; a name has no time zone, the day it is made from has."""

from datetime import date, datetime, time, timedelta, tzinfo


def month_of(day: date) -> str:
    """The month of a day."""
    return f"{day.year:04d}-{day.month:02d}"


def months_after(month: str, count: int) -> str:
    """The month `count` months later, or earlier where it is negative."""
    year, number = map(int, month.split("-"))
    years, months = divmod(year * 12 + number - 1 + count, 12)
    return f"{years:04d}-{months + 1:02d}"


def last_day(month: str) -> date:
    """The last day of a month."""
    year, number = map(int, months_after(month, 1).split("-"))
    return date(year, number, 1) - timedelta(days=1)


def end_of(month: str, zone: tzinfo) -> datetime:
    """The moment at which a month is over in a zone, whatever its clocks do that night."""
    return datetime.combine(last_day(month) + timedelta(days=1), time(), zone)
