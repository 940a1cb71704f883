"""How often strangers may have mails sent: to a mailbox, from a network, and in a day; pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Annotated, Final

from shared.core.codec import SECONDS

# How long after a try the next is ignored: after the first, the second and every later one that nobody confirmed.
SIGNUP_WAITS: Final = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
# So many mails of a network may stay unconfirmed, and two more for each that was confirmed: a shop's tablet and a
# company behind one address go on, a list of strangers' addresses does not.
NETWORK_ALLOWANCE: Final = 20
NETWORK_ALLOWANCE_PER_CONFIRMED: Final = 2
# Longer than the longest wait.
PACE_DAYS: Final = 60
_IPV4_PREFIX: Final = 24
_IPV6_PREFIX: Final = 48


class Limit(StrEnum):
    """The reason why a signup has no mail sent. The stranger is not told."""

    MAILBOX = "MAILBOX"
    NETWORK = "NETWORK"
    DAY = "DAY"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxPace:
    """The last mail that a signup had sent to a mailbox in any spelling: for which customer and signup, and when.

    `mailbox` is a digest. `attempt` counts the tries since the last that was confirmed. `version` counts the writes.
    """

    mailbox: str
    customer_id: str
    signup_id: str
    asked_at: datetime
    expires_at: Annotated[datetime, SECONDS]
    attempt: int = 1
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPace:
    """The mails that signups from a network had sent, and how many of them were confirmed; `network` is a digest."""

    network: str
    expires_at: Annotated[datetime, SECONDS]
    sent: int = 0
    confirmed: int = 0
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPace:
    """The mails that all signups of a day by UTC had sent."""

    day: str
    expires_at: Annotated[datetime, SECONDS]
    sent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paces:
    """What is on record of a signup's mailbox, network and day; None where nothing is."""

    mailbox: MailboxPace | None = None
    network: NetworkPace | None = None
    day: DayPace | None = None


def network_of(ip: str | None) -> str | None:
    """The network of a caller: `203.0.113.7` → `203.0.113.0/24`, `2001:db8:1:2::3` → `2001:db8:1::/48`.

    None for what is no address, and for the own machine, from which a local deployment is called.
    """
    try:
        address: IPv4Address | IPv6Address = ip_address(ip or "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return None
    prefix = _IPV4_PREFIX if isinstance(address, IPv4Address) else _IPV6_PREFIX
    return str(ip_network((address, prefix), strict=False))


def limit(paces: Paces, signup_id: str, requested_at: datetime, *, is_confirmed: bool, per_day: int) -> Limit | None:
    """The limit that a signup has reached; None where its mail may go out.

    `is_confirmed`: whether the last signup of the mailbox was confirmed. `per_day`: the ceiling of all mails of a day.
    A signup that has its place already keeps it: its mail may be tried again.
    """
    mailbox, network, day = paces.mailbox, paces.network, paces.day
    if mailbox and mailbox.signup_id == signup_id:
        return None
    if mailbox and not is_confirmed and requested_at - mailbox.asked_at < wait(mailbox.attempt):
        return Limit.MAILBOX
    if network and network.asked_at and requested_at - network.asked_at < network_wait(network):
        return Limit.NETWORK
    if day and day.sent >= per_day:
        return Limit.DAY
    return None


def wait(attempt: int) -> timedelta:
    """How long the next try has to wait after so many that were not confirmed."""
    return SIGNUP_WAITS[min(attempt, len(SIGNUP_WAITS)) - 1]


def network_wait(pace: NetworkPace) -> timedelta:
    """How long the next signup from a network has to wait after the last: nothing within its allowance."""
    allowance = NETWORK_ALLOWANCE + NETWORK_ALLOWANCE_PER_CONFIRMED * pace.confirmed
    beyond = pace.sent - pace.confirmed - allowance
    return wait(beyond + 1) if beyond >= 0 else timedelta(0)


def claim(
    before: MailboxPace | None,
    mailbox: str,
    customer_id: str,
    signup_id: str,
    requested_at: datetime,
    *,
    is_confirmed: bool,
) -> MailboxPace:
    """The pace of a mailbox once a signup has its mail; the same where it has it already."""
    if before and before.signup_id == signup_id:
        return before
    pace = MailboxPace(
        mailbox=mailbox,
        customer_id=customer_id,
        signup_id=signup_id,
        asked_at=requested_at,
        expires_at=requested_at + timedelta(days=PACE_DAYS),
    )
    if before is None:
        return pace
    attempt = 1 if is_confirmed else before.attempt + 1
    return replace(pace, attempt=attempt, version=before.version + 1)
