"""The environment, and the shop's time that follows from it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from shared.core import clock, environment
from shared.core.shop_time import ShopTime


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURRENCY", "EUR")
    assert environment.settings().currency == "EUR"
    monkeypatch.setenv("CURRENCY", "USD")
    assert environment.settings().currency == "EUR"
    environment.forget()
    assert environment.settings().currency == "USD"


def test_links_lead_to_the_shops_own_domain_where_it_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://api.example/")
    assert environment.public_url() == "https://api.example"


def test_the_shops_day_is_the_one_of_its_zone() -> None:
    berlin = ShopTime(datetime(2026, 11, 23, 23, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    assert berlin.today == date(2026, 11, 24)
    assert berlin.day_of(datetime(2026, 11, 22, 22, 30, tzinfo=UTC)) == date(2026, 11, 22)


def test_the_clock_gives_the_moment_with_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIME_ZONE", "Europe/Berlin")
    assert clock.shop_time().zone == ZoneInfo("Europe/Berlin")
    assert clock.now().microsecond % 1000 == 0
