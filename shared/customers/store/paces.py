"""Paces of signups: pk `PACE#<digest>` or `PACE#<day by UTC>`, sk `MAILBOX`, `NETWORK` or `DAY`; they expire."""

from datetime import date, datetime, timedelta
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.facts import to_timestamp
from shared.core.kind import Kind
from shared.customers.pacing import PACE_DAYS, DayPace, MailboxPace, NetworkPace, Paces

MAILBOXES: Final = Kind(MailboxPace, CUSTOMERS, "PACE#{mailbox}", "MAILBOX", in_key=("mailbox",))
NETWORKS: Final = Kind(NetworkPace, CUSTOMERS, "PACE#{network}", "NETWORK", in_key=("network",))
DAYS: Final = Kind(DayPace, CUSTOMERS, "PACE#{day}", "DAY", in_key=("day",))


def get(mailbox: str, network: str | None, day: date) -> Paces:
    """What is on record of a mailbox and a network, both by their digests, and of a day: one call, 3 read units."""
    keys = [MAILBOXES.key(mailbox=mailbox), DAYS.key(day=day)]
    if network:
        keys.append(NETWORKS.key(network=network))
    items = [*CUSTOMERS.get_together(*keys), None]
    return Paces(
        mailbox=MAILBOXES.entity_if_any(items[0]),
        day=DAYS.entity_if_any(items[1]),
        network=NETWORKS.entity_if_any(items[2]),
    )


def put_mailbox(pace: MailboxPace) -> Write:
    """The write of version n of a mailbox's pace over its version n − 1 (1 write unit)."""
    return MAILBOXES.put_version(pace)


def count_sent(network: str, now: datetime) -> Write:
    """The write that counts a mail that a signup from a network has sent (1 write unit)."""
    change = "SET asked_at = :now, expires_at = :until, sent = if_not_exists(sent, :none) + :one"
    change += ", confirmed = if_not_exists(confirmed, :none)"
    return CUSTOMERS.update(NETWORKS.key(network=network), change, "", {**_counted(now), ":now": to_timestamp(now)})


def count_confirmed(network: str, now: datetime) -> Write:
    """The write that counts a signup from a network as confirmed (1 write unit; 2 in a transaction)."""
    change = "SET expires_at = :until, confirmed = if_not_exists(confirmed, :none) + :one"
    change += ", sent = if_not_exists(sent, :one)"
    return CUSTOMERS.update(NETWORKS.key(network=network), change, "", _counted(now))


def count_day(day: date, now: datetime) -> Write:
    """The write that counts a mail of a day (1 write unit)."""
    # A single item is enough: signups are throttled to a few a second.
    change = "SET expires_at = :until, sent = if_not_exists(sent, :none) + :one"
    return CUSTOMERS.update(DAYS.key(day=day), change, "", _counted(now))


def _counted(now: datetime) -> dict[str, int]:
    return {":none": 0, ":one": 1, ":until": int((now + timedelta(days=PACE_DAYS)).timestamp())}
