"""Months by name."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from shared.core.months import end_of, last_day, month_of, months_after


@pytest.mark.parametrize(
    ("month", "count", "then"),
    [("2026-11", 0, "2026-11"), ("2026-11", 2, "2027-01"), ("2026-01", -1, "2025-12"), ("2026-03", -26, "2024-01")],
)
def test_months_are_counted_across_years(month: str, count: int, then: str) -> None:
    assert months_after(month, count) == then


def test_a_month_ends_with_its_last_day() -> None:
    assert [last_day(m) for m in ("2028-02", "2026-12")] == [date(2028, 2, 29), date(2026, 12, 31)]
    assert month_of(date(2028, 2, 29)) == "2028-02"


@pytest.mark.parametrize(
    ("zone", "month", "moment"),
    [
        # The clocks went back in Berlin on 25 October, and go forward on 29 March.
        ("Europe/Berlin", "2026-10", datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("Europe/Berlin", "2026-03", datetime(2026, 3, 31, 22, tzinfo=UTC)),
        ("Pacific/Auckland", "2026-12", datetime(2026, 12, 31, 11, tzinfo=UTC)),
        ("America/New_York", "2026-12", datetime(2027, 1, 1, 5, tzinfo=UTC)),
    ],
)
def test_a_month_is_over_at_the_shops_midnight(zone: str, month: str, moment: datetime) -> None:
    assert end_of(month, ZoneInfo(zone)) == moment
