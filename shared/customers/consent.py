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
    """The topics of mails and texts to customers."""

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
    """The reason why an address gets no more mail."""

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
        consent = consents.get(key)
        if consent is None or consent.status is Status.UNSUBSCRIBED:
            asked[key] = Consent(Status.PENDING, now)
    return {**consents, **asked}


def grant(consents: Consents, channel: Channel, topics: Iterable[Topic], now: datetime) -> Consents:
    """The customer agreed and has proved that the address is theirs; this also ends a suppression of the address.

    Topics that were suppressed with it and are not granted now end as UNSUBSCRIBED.
    """
    granted = list(topics)
    suppressed = [topic for topic in Topic if granted and _status(consents, channel, topic) is Status.SUPPRESSED]
    released = _move(consents, channel, suppressed, Consent(Status.UNSUBSCRIBED, now))
    return _move(released, channel, granted, Consent(Status.SUBSCRIBED, now))


def withdraw(consents: Consents, channel: Channel, topics: Iterable[Topic], now: datetime) -> Consents:
    """The customer withdrew. A suppression stays: the address is still unreachable, or has complained."""
    withdrawn = [topic for topic in topics if _status(consents, channel, topic) is not Status.SUPPRESSED]
    return _move(consents, channel, withdrawn, Consent(Status.UNSUBSCRIBED, now))


def suppress(consents: Consents, reason: SuppressionReason, now: datetime) -> Consents:
    """No e-mail of any topic may go out any more. A complaint outlasts a later bounce."""
    if any(consent.reason is SuppressionReason.COMPLAINT for consent in consents.values()):
        reason = SuppressionReason.COMPLAINT
    return _move(consents, Channel.EMAIL, ALL_TOPICS, Consent(Status.SUPPRESSED, now, reason))


def granted_at(consents: Consents, channel: Channel) -> datetime | None:
    """When the newest consent in force on this channel was given."""
    granted = [
        consent.since for (by, _), consent in consents.items() if by is channel and consent.status is Status.SUBSCRIBED
    ]
    return max(granted, default=None)


def allows(consents: Consents, channel: Channel, topic: Topic) -> bool:
    """Whether marketing on this topic may go out by this channel."""
    return _status(consents, channel, topic) is Status.SUBSCRIBED


def with_fact(consents: Consents, fact: Fact) -> Consents:
    """Replay one fact; facts that do not concern consent change nothing."""
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
    consent = consents.get((channel, topic))
    return consent.status if consent else None


def _move(consents: Consents, channel: Channel, topics: Iterable[Topic], to: Consent) -> Consents:
    moved = {}
    for topic in topics:
        consent = consents.get((channel, topic))
        if consent is None or (consent.status, consent.reason) != (to.status, to.reason):
            moved[channel, topic] = to
    return {**consents, **moved}
