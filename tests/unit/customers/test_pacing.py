"""How often strangers may have mails sent."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.core.addresses import mailbox_of
from shared.customers import pacing
from shared.customers.pacing import (
    NETWORK_ALLOWANCE,
    SIGNUP_WAITS,
    DayPace,
    Limit,
    MailboxPace,
    NetworkPace,
    Paces,
    network_of,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY, WEEK, MONTH = SIGNUP_WAITS
SECOND = timedelta(seconds=1)


def claimed(before: MailboxPace | None, signup_id: str, at: datetime, is_confirmed: bool = False) -> MailboxPace:
    return pacing.claim(before, "M", "cus_a", signup_id, at, is_confirmed=is_confirmed)


def limit(paces: Paces, at: datetime = NOW, is_confirmed: bool = False, per_day: int = 100) -> Limit | None:
    return pacing.limit(paces, "new", at, is_confirmed=is_confirmed, per_day=per_day)


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("ada@example.com", "ada@example.com"),
        ("ada+shop@example.com", "ada@example.com"),
        ("a.d.a@example.com", "a.d.a@example.com"),
        ("a.d.a+x@googlemail.com", "ada@gmail.com"),
        ("+x@example.com", "+x@example.com"),
    ],
)
def test_spellings_lead_to_one_mailbox(address: str, mailbox: str) -> None:
    assert mailbox_of(address) == mailbox


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("127.0.0.1", None),
        ("::1", None),
        ("nonsense", None),
        ("", None),
        (None, None),
    ],
)
def test_a_caller_belongs_to_a_network(ip: str | None, network: str | None) -> None:
    assert network_of(ip) == network


def test_each_try_that_nobody_confirms_makes_the_mailbox_wait_longer() -> None:
    pace, at = None, NOW
    for number, wait in enumerate((DAY, WEEK, MONTH, MONTH)):
        pace = claimed(pace, f"s{number}", at)
        assert limit(Paces(mailbox=pace), at + wait - SECOND) is Limit.MAILBOX
        assert limit(Paces(mailbox=pace), at + wait) is None
        at += wait
    assert pace is not None
    assert (pace.attempt, pace.version) == (4, 4)


def test_a_confirmed_try_lets_the_mailbox_start_anew() -> None:
    pace = claimed(claimed(None, "s1", NOW), "s2", NOW + DAY)
    assert limit(Paces(mailbox=pace), NOW + DAY + SECOND, is_confirmed=True) is None
    again = claimed(pace, "s3", NOW + DAY + SECOND, is_confirmed=True)
    assert (again.attempt, again.version) == (1, 3)


def test_a_signup_that_has_its_place_keeps_it() -> None:
    pace = claimed(None, "new", NOW)
    assert limit(Paces(mailbox=pace, day=DayPace(day="2026-11-21", expires_at=NOW, sent=100))) is None
    assert claimed(pace, "new", NOW + SECOND) == pace


def network(sent: int, confirmed: int = 0) -> Paces:
    return Paces(network=NetworkPace(network="N", expires_at=NOW, sent=sent, confirmed=confirmed, asked_at=NOW))


def test_a_network_goes_on_within_its_allowance_and_then_waits_longer_each_time() -> None:
    assert limit(network(NETWORK_ALLOWANCE - 1)) is None
    for beyond, wait in enumerate((DAY, WEEK, MONTH, MONTH)):
        assert limit(network(NETWORK_ALLOWANCE + beyond), NOW + wait - SECOND) is Limit.NETWORK
        assert limit(network(NETWORK_ALLOWANCE + beyond), NOW + wait) is None


def test_a_network_whose_signups_are_confirmed_is_never_slowed() -> None:
    assert limit(network(3_000, confirmed=1_000)) is None
    assert limit(network(3_021, confirmed=1_000)) is Limit.NETWORK


def test_a_day_ends_at_its_ceiling() -> None:
    assert limit(Paces(day=DayPace(day="2026-11-21", expires_at=NOW, sent=99))) is None
    assert limit(Paces(day=DayPace(day="2026-11-21", expires_at=NOW, sent=100))) is Limit.DAY
