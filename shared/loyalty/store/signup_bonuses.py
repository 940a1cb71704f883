"""Bonuses of signup: whose they are, at pk `BONUS#<digest of the mailbox>`, sk `GUARD`."""

from dataclasses import dataclass
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupBonus:
    """The customer who has the bonuses of signup of a mailbox; `mailbox` is a digest."""

    mailbox: str
    customer_id: str


BONUSES: Final = Kind(SignupBonus, CUSTOMERS, "BONUS#{mailbox}", "GUARD", in_key=("mailbox",))


def get_owner(mailbox: str) -> str | None:
    """The id of the customer who has the bonuses of this mailbox (1 read unit)."""
    bonus = BONUSES.get(mailbox=mailbox)
    return bonus.customer_id if bonus else None


def put(mailbox: str, customer_id: str) -> Write:
    """The write that gives a customer the bonuses of a mailbox that nobody has yet (1 write unit)."""
    return BONUSES.put_new(SignupBonus(mailbox=mailbox, customer_id=customer_id))
