"""Invitations, and candidates who were not invited: pk `CUST#<customer_id>`, sk `INVITATION#<invitation_id>`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from shared.contact.check import Reason
from shared.core.codec import SECONDS
from shared.core.dynamodb import CUSTOMERS, Item, Write
from shared.core.kind import Kind
from shared.nps.survey import Invitation


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A candidate who was not asked; kept until `expires_at`, while the fact stays."""

    customer_id: str
    invitation_id: str
    refusal: Reason
    expires_at: Annotated[datetime, SECONDS]


INVITATIONS: Final = Kind(Invitation, CUSTOMERS, "CUST#{customer_id}", "INVITATION#{invitation_id}")
REFUSED: Final = Kind(
    Refused,
    CUSTOMERS,
    "CUST#{customer_id}",
    "INVITATION#{invitation_id}",
    in_key=("customer_id", "invitation_id"),
)


def get(customer_id: str, invitation_id: str) -> Invitation | None:
    """The invitation with this id; None where there is none, also because the customer was not asked (1 read unit)."""
    return invitation_of(CUSTOMERS.get(INVITATIONS.key(customer_id=customer_id, invitation_id=invitation_id)))


def invitation_of(item: Item | None) -> Invitation | None:
    """The invitation of an item, None where it says that the customer was not asked."""
    return INVITATIONS.entity(item) if item and "refusal" not in item else None


def refusal_of(item: Item) -> Reason | None:
    """Why the customer was not asked, None where the item is an invitation."""
    return REFUSED.entity(item).refusal if "refusal" in item else None


def put_new(invitation: Invitation) -> Write:
    """The write of an invitation that is not there yet (2 write units)."""
    return INVITATIONS.put_new(invitation)


def put(invitation: Invitation) -> Write:
    """The write of version n of an invitation over its version n − 1 (2 write units per KB)."""
    return INVITATIONS.put_version(invitation)


def put_refused(refused: Refused) -> Write:
    """The write that says why a candidate was not asked, if nothing was decided yet (2 write units)."""
    return REFUSED.put_new(refused)
