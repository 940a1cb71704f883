"""Consent per channel and topic: PENDING → SUBSCRIBED → UNSUBSCRIBED, and SUPPRESSED after a bounce or a complaint."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.core.facts import Fact


class Channel(StrEnum):
    """How a customer may be reached."""

    EMAIL = "EMAIL"
    SMS = "SMS"


class Topic(StrEnum):
    """What a customer may be written to about."""

    NEWS = "NEWS"
    OFFERS = "OFFERS"
    SURVEYS = "SURVEYS"


class Status(StrEnum):
    """Where a consent stands. Only SUBSCRIBED allows marketing."""

    PENDING = "PENDING"
    SUBSCRIBED = "SUBSCRIBED"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    SUPPRESSED = "SUPPRESSED"


class SuppressionReason(StrEnum):
    """Why an address is no longer written to."""

    BOUNCE = "BOUNCE"
    COMPLAINT = "COMPLAINT"


ALL_TOPICS: Final = tuple(Topic)


@dataclass(frozen=True, slots=True)
class Consent:
    """Where one channel and topic stands, and since when. `reason` is set while SUPPRESSED."""

    status: Status
    since: datetime
    reason: SuppressionReason | None = None


Consents = Mapping[tuple[Channel, Topic], Consent]


def pending(consents: Consents, topics: Iterable[Topic], now: datetime) -> Consents:
    """Signing up asks: what is not SUBSCRIBED or SUPPRESSED becomes PENDING; nothing is granted yet."""
    asked = {}
    for topic in topics:
        key = (Channel.EMAIL, topic)
        held = consents.get(key)
        if held is None or held.status is Status.UNSUBSCRIBED:
            asked[key] = Consent(Status.PENDING, now)
    return {**consents, **asked}


def grant(consents: Consents, channel: Channel, topics: Iterable[Topic], now: datetime) -> Consents:
    """The customer said yes with a proof that the address is hers; this also ends a suppression of the address.

    Topics that were suppressed with it and are not granted now end as UNSUBSCRIBED.
    """
    granted = list(topics)
    suppressed = [topic for topic in Topic if granted and _status(consents, channel, topic) is Status.SUPPRESSED]
    released = _move(consents, channel, suppressed, Consent(Status.UNSUBSCRIBED, now))
    return _move(released, channel, granted, Consent(Status.SUBSCRIBED, now))


def withdraw(consents: Consents, channel: Channel, topics: Iterable[Topic], now: datetime) -> Consents:
    """The customer said no. A suppression stays: the address is still unreachable, or complained."""
    held = [topic for topic in topics if _status(consents, channel, topic) is not Status.SUPPRESSED]
    return _move(consents, channel, held, Consent(Status.UNSUBSCRIBED, now))


def suppress(consents: Consents, reason: SuppressionReason, now: datetime) -> Consents:
    """No e-mail of any topic may go out any more. A complaint outlasts a later bounce."""
    if any(held.reason is SuppressionReason.COMPLAINT for held in consents.values()):
        reason = SuppressionReason.COMPLAINT
    return _move(consents, Channel.EMAIL, ALL_TOPICS, Consent(Status.SUPPRESSED, now, reason))


def granted_at(consents: Consents, channel: Channel) -> datetime | None:
    """When the newest consent that stands on this channel was given."""
    held = [one.since for (by, _), one in consents.items() if by is channel and one.status is Status.SUBSCRIBED]
    return max(held, default=None)


def allows(consents: Consents, channel: Channel, topic: Topic) -> bool:
    """Whether marketing on this topic may go out by this channel."""
    return _status(consents, channel, topic) is Status.SUBSCRIBED


def with_fact(consents: Consents, fact: Fact) -> Consents:
    """Replay one fact; facts that say nothing of consent change nothing."""
    topics = [Topic(name) for name in fact.data.get("topics", ())]
    match fact.type:
        case "CustomerSignedUp":
            return pending(consents, topics, fact.occurred_at)
        case "ConsentGranted":
            return grant(consents, Channel(fact.data["channel"]), topics, fact.occurred_at)
        case "ConsentWithdrawn":
            return withdraw(consents, Channel(fact.data["channel"]), topics, fact.occurred_at)
        case "ConsentSuppressed":
            return suppress(consents, SuppressionReason(fact.data["reason"]), fact.occurred_at)
    return consents


def _status(consents: Consents, channel: Channel, topic: Topic) -> Status | None:
    held = consents.get((channel, topic))
    return held.status if held else None


def _move(consents: Consents, channel: Channel, topics: Iterable[Topic], to: Consent) -> Consents:
    moved = {}
    for topic in topics:
        held = consents.get((channel, topic))
        if held is None or (held.status, held.reason) != (to.status, to.reason):
            moved[channel, topic] = to
    return {**consents, **moved}
