"""The contact check, the same for every contact: may we write to a customer about this, on this channel, now?"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.customers.consent import Channel, Status, Topic, allows
from shared.customers.contact_history import ContactHistory
from shared.customers.customer import Customer


class Reason(StrEnum):
    """Why a customer is not contacted."""

    NO_ADDRESS = "NO_ADDRESS"
    NO_CONSENT = "NO_CONSENT"
    SUPPRESSED = "SUPPRESSED"
    PAUSED = "PAUSED"
    OPEN_CASE = "OPEN_CASE"
    OUTDATED = "OUTDATED"
    NOT_SAMPLED = "NOT_SAMPLED"
    ASKED_THIS_BEFORE = "ASKED_THIS_BEFORE"
    ASKED_RECENTLY = "ASKED_RECENTLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """A contact that is about a topic. `despite_case`: also while the customer has an open case."""

    topic: Topic
    channel: Channel = Channel.EMAIL
    despite_case: bool = False


def refusal(customer: Customer | None, history: ContactHistory, occasion: Occasion, today: date) -> Reason | None:
    """Why this customer may not be contacted on this occasion, None where they may; `today` is the shop's day."""
    return refusal_by_profile(customer, occasion, today) or refusal_by_history(history, occasion)


def refusal_by_profile(customer: Customer | None, occasion: Occasion, today: date) -> Reason | None:
    """The first half of the check, which needs the profile alone."""
    if customer is None or _address(customer, occasion.channel) is None:
        return Reason.NO_ADDRESS
    if not allows(customer.consents, occasion.channel, occasion.topic):
        consent = customer.consents.get((occasion.channel, occasion.topic))
        return Reason.SUPPRESSED if consent and consent.status is Status.SUPPRESSED else Reason.NO_CONSENT
    if customer.paused_until and customer.paused_until > today:
        return Reason.PAUSED
    return None


def refusal_by_history(history: ContactHistory, occasion: Occasion) -> Reason | None:
    """The second half of the check, for a customer whose profile allows the contact."""
    return Reason.OPEN_CASE if history.open_cases and not occasion.despite_case else None


def _address(customer: Customer, channel: Channel) -> str | None:
    return customer.email if channel is Channel.EMAIL else customer.contact.phone
