"""Contact histories: pk `CUST#<customer_id>`, sk `CARE`."""

from datetime import datetime
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.facts import to_timestamp
from shared.core.kind import Kind
from shared.customers.contact_history import ContactHistory

HISTORIES: Final = Kind(ContactHistory, CUSTOMERS, "CUST#{customer_id}", "CARE", in_key=("customer_id",))


def get(customer_id: str) -> ContactHistory:
    """The customer's history, an empty history where there is none (1 read unit)."""
    return HISTORIES.get(customer_id=customer_id) or ContactHistory(customer_id=customer_id)


def count_cases(customer_id: str, count: int) -> Write:
    """The write that counts a case as opened (1) or resolved (−1) on its customer (2 write units)."""
    change = "SET open_cases = if_not_exists(open_cases, :zero) + :count"
    return CUSTOMERS.update(HISTORIES.key(customer_id=customer_id), change, "", {":count": count, ":zero": 0})


def put_invitation(before: ContactHistory, after: ContactHistory) -> Write:
    """The write of a new invitation, if no other came meanwhile and no case is open (2 write units)."""
    condition = "invited_at = :before" if before.invited_at else "attribute_not_exists(invited_at)"
    condition += " AND (attribute_not_exists(open_cases) OR open_cases = :none)"
    values = {
        ":now": to_timestamp(after.invited_at) if after.invited_at else None,
        ":invited": after.invited,
        ":none": 0,
        ":before": to_timestamp(before.invited_at) if before.invited_at else None,
    }
    key = HISTORIES.key(customer_id=after.customer_id)
    return CUSTOMERS.update(key, "SET invited_at = :now, invited = :invited", condition, values)


def put_question(customer_id: str, asked_at: datetime) -> Write:
    """The write that records a question that no throttle delays (2 write units)."""
    key = HISTORIES.key(customer_id=customer_id)
    return CUSTOMERS.update(key, "SET invited_at = :now", "", {":now": to_timestamp(asked_at)})
