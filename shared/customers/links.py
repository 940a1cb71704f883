"""Links of customers: to confirm a signup, to the preference centre, to unsubscribe."""

from datetime import datetime, timedelta
from typing import Final

from shared.customers.consent import Topic
from shared.customers.customer import CONFIRMATION_LINK_DAYS, PREFERENCES_LINK_DAYS, Signup
from shared.edge.links import claims_of, path
from shared.edge.tokens import Purpose

# How long a mail's link to the preference centre is valid.
PREFERENCES_LINK: Final = timedelta(days=PREFERENCES_LINK_DAYS)


def confirmation_path(customer_id: str, epoch: int, signup: Signup) -> str:
    """The path that confirms a signup, for CONFIRMATION_LINK_DAYS after it."""
    expires_at = signup.requested_at + timedelta(days=CONFIRMATION_LINK_DAYS)
    return path(
        "signups/confirm", Purpose.CONFIRM, {**claims_of(customer_id, epoch), "signup": signup.signup_id}, expires_at
    )


def preferences_path(customer_id: str, epoch: int, expires_at: datetime) -> str:
    """The path of a customer's preference centre."""
    return path("preferences", Purpose.PREFERENCES, claims_of(customer_id, epoch), expires_at)


def unsubscribe_path(customer_id: str, epoch: int, topic: Topic | None) -> str:
    """The path that unsubscribes from a topic, or from all; it is valid for good: links in old mails have to work."""
    claims = {**claims_of(customer_id, epoch), **({"topic": topic} if topic else {})}
    return path("unsubscribe", Purpose.UNSUBSCRIBE, claims)
