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


def open_case(before: ContactHistory, case_id: str) -> Write:
    """The write that counts a new case, if no other was opened meanwhile (2 write units)."""
    condition = "last_case = :before" if before.last_case else "attribute_not_exists(last_case)"
    change = "SET open_cases = if_not_exists(open_cases, :zero) + :one, "
    change += "cases = if_not_exists(cases, :zero) + :one, last_case = :case"
    values = {":one": 1, ":zero": 0, ":case": case_id, ":before": before.last_case}
    return CUSTOMERS.update(HISTORIES.key(customer_id=before.customer_id), change, condition, values)


def close_case(customer_id: str) -> Write:
    """The write that counts a case as resolved (2 write units)."""
    key = HISTORIES.key(customer_id=customer_id)
    return CUSTOMERS.update(key, "SET open_cases = open_cases - :one", "", {":one": 1})


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
