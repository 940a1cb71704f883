"""Profiles: pk `CUST#<customer_id>`, sk `PROFILE`; an address is unique by pk `EMAIL#<address>`, sk `GUARD`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.core.privacy import ADDRESS
from shared.customers.customer import Customer


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressGuard:
    """The customer of an address."""

    email: Annotated[str, ADDRESS]
    customer_id: str


PROFILES: Final = Kind(Customer, CUSTOMERS, "CUST#{customer_id}", "PROFILE")
GUARDS: Final = Kind(AddressGuard, CUSTOMERS, "EMAIL#{email}", "GUARD", in_key=("email",))


def get(customer_id: str) -> Customer | None:
    """The customer with this id (1 read unit)."""
    return PROFILES.get(customer_id=customer_id)


def get_id(email: str) -> str | None:
    """The id of the customer with this normalised address (1 read unit)."""
    guard = GUARDS.get(email=email)
    return guard.customer_id if guard else None


def get_by_email(email: str) -> Customer | None:
    """The customer with this normalised address (2 read units)."""
    customer_id = get_id(email)
    return get(customer_id) if customer_id else None


def birthdays(customer_ids: Sequence[str]) -> dict[str, date]:
    """The birthdays that are known of these customers (½ read unit each; possibly a moment old)."""
    items = CUSTOMERS.batch_get([PROFILES.key(customer_id=customer_id) for customer_id in customer_ids])
    return {item["customer_id"]: date.fromisoformat(item["birthday"]) for item in items if "birthday" in item}


def create(customer: Customer) -> list[Write]:
    """The writes of a new customer: the profile, and the guard where there is an address (2 write units each)."""
    writes = [PROFILES.put_version(customer)]
    if customer.email:
        writes.append(GUARDS.put_new(AddressGuard(email=customer.email, customer_id=customer.customer_id)))
    return writes


def put(customer: Customer) -> Write:
    """The write of version n of a profile over its version n − 1 (2 write units)."""
    return PROFILES.put_version(customer)
