"""Profiles: pk `CUST#<customer_id>`, sk `PROFILE`; an address is unique by pk `EMAIL#<digest>`, sk `GUARD`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.customers.customer import Customer
from shared.customers.ids import address_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressGuard:
    """The customer of an address, of which the key holds the digest alone."""

    digest: str
    customer_id: str


PROFILES: Final = Kind(Customer, CUSTOMERS, "CUST#{customer_id}", "PROFILE")
GUARDS: Final = Kind(AddressGuard, CUSTOMERS, "EMAIL#{digest}", "GUARD", in_key=("digest",))


def get(customer_id: str) -> Customer | None:
    """The customer with this id (1 read unit)."""
    return PROFILES.get(customer_id=customer_id)


def get_id(email: str) -> str | None:
    """The id of the customer with this normalised address (1 read unit)."""
    guard = GUARDS.get(digest=address_digest(email))
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
        guard = AddressGuard(digest=address_digest(customer.email), customer_id=customer.customer_id)
        writes.append(GUARDS.put_new(guard))
    return writes


def put(customer: Customer) -> Write:
    """The write of version n of a profile over its version n − 1 (2 write units)."""
    return PROFILES.put_version(customer)
