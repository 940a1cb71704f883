"""Customers: pk `CUST#<customer_id>`, sk `PROFILE`; an address is unique by pk `EMAIL#<address>`, sk `GUARD`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from shared.core import fact_store as facts
from shared.core import old_table as table
from shared.core.facts import from_timestamp, to_timestamp
from shared.customers.consent import Channel, Consent, Consents, Status, SuppressionReason, Topic
from shared.customers.customer import Change, Contact, Customer, Evidence, Signup

PROFILE = "PROFILE"
Mint = Callable[[str, int], str]


def find(customer_id: str) -> Customer | None:
    """The customer with this id (1 read unit)."""
    item = table.get(table.customers_table(), {"pk": facts.partition(customer_id), "sk": PROFILE})
    return _from_item(item) if item else None


def find_id(email: str) -> str | None:
    """The id of the customer with this normalised address (1 read unit)."""
    item = table.get(table.customers_table(), _guard_key(email))
    return str(item["customer_id"]) if item else None


def find_by_email(email: str) -> Customer | None:
    """The customer with this normalised address (2 read units)."""
    customer_id = find_id(email)
    return find(customer_id) if customer_id else None


def birthdays(customer_ids: Sequence[str]) -> dict[str, date]:
    """The birthdays that are known of these customers (½ read unit each; possibly a moment old)."""
    keys = [{"pk": facts.partition(customer_id), "sk": PROFILE} for customer_id in customer_ids]
    items = table.batch_get(table.customers_table(), keys)
    return {item["customer_id"]: date.fromisoformat(item["birthday"]) for item in items if "birthday" in item}


def create(customer: Customer) -> list[table.Write]:
    """The writes of a new customer: the profile, and the guard where there is an address (2 write units each)."""
    writes = [table.put_version(table.customers_table(), _to_item(customer))]
    if customer.email:
        guard = {**_guard_key(customer.email), "customer_id": customer.customer_id}
        writes.append(table.put_new(table.customers_table(), guard))
    return writes


def new(email: str, mint: Mint, now: datetime) -> Customer:
    """A customer for a new address, not yet written; `mint(email, n)` makes the id, n counts those that were taken."""
    taken = 0
    while find(customer_id := mint(email, taken)):
        taken += 1
    return Customer(customer_id=customer_id, email=email, created_at=now)


def register(email: str, mint: Mint, now: datetime, decide: Callable[[Customer], Change]) -> None:
    """Apply a decision to the customer with this address, who is created where it is new (6 write units then)."""
    # For known addresses, too: a cold start fetches the key for it, and the time must not tell them apart.
    mint(email, 0)
    for _ in table.tries():
        known = find_by_email(email)
        change_made = decide(known or new(email, mint, now))
        try:
            if known:
                _save(change_made)
            else:
                table.transact([*create(change_made.customer), *map(facts.record, change_made.facts)])
        except table.Cancelled:
            continue
        return


def change(customer_id: str, decide: Callable[[Customer], Change], also: Sequence[table.Write] = ()) -> Customer | None:
    """Apply a decision to a customer, with its facts and what else belongs to them, in one transaction.

    The decision is made anew on what is then known where somebody else was faster. None for an unknown id.
    """
    for _ in table.tries():
        customer = find(customer_id)
        if customer is None:
            return None
        try:
            return _save(decide(customer), also)
        except table.Cancelled:
            continue
    raise AssertionError("tries() ends by raising")


def _save(change_made: Change, also: Sequence[table.Write] = ()) -> Customer:
    if not change_made.facts:
        return change_made.customer
    customer = replace(change_made.customer, version=change_made.customer.version + 1)
    profile = table.put_version(table.customers_table(), _to_item(customer))
    table.transact([profile, *map(facts.record, change_made.facts), *also])
    return customer


def _guard_key(email: str) -> dict[str, str]:
    return {"pk": f"EMAIL#{email}", "sk": "GUARD"}


def _to_item(customer: Customer) -> dict[str, Any]:
    return {
        "pk": facts.partition(customer.customer_id),
        "sk": PROFILE,
        "customer_id": customer.customer_id,
        "email": customer.email,
        "created_at": to_timestamp(customer.created_at),
        **_contact_members(customer.contact),
        "consents": _consent_members(customer.consents),
        "paused_until": customer.paused_until.isoformat() if customer.paused_until else None,
        "referral_code": customer.referral_code,
        "referred_at": to_timestamp(customer.referred_at) if customer.referred_at else None,
        "signup": _signup_members(customer.signup) if customer.signup else None,
        "confirmed_signup_id": customer.confirmed_signup_id,
        "changed_at": to_timestamp(customer.changed_at) if customer.changed_at else None,
        "version": customer.version,
    }


def _from_item(item: dict[str, Any]) -> Customer:
    return Customer(
        customer_id=item["customer_id"],
        created_at=from_timestamp(item["created_at"]),
        email=item.get("email"),
        contact=_contact_from(item),
        consents=_consents_from(item.get("consents", {})),
        paused_until=_date_from(item.get("paused_until")),
        referral_code=item.get("referral_code"),
        referred_at=from_timestamp(item["referred_at"]) if "referred_at" in item else None,
        signup=_signup_from(item["signup"]) if "signup" in item else None,
        confirmed_signup_id=item.get("confirmed_signup_id"),
        changed_at=from_timestamp(item["changed_at"]) if "changed_at" in item else None,
        version=item["version"],
    )


def _contact_members(contact: Contact) -> dict[str, Any]:
    return {
        "name": contact.name,
        "phone": contact.phone,
        "birthday": contact.birthday.isoformat() if contact.birthday else None,
        "locale": contact.locale,
        "time_zone": contact.time_zone,
    }


def _contact_from(item: dict[str, Any]) -> Contact:
    return Contact(
        name=item.get("name"),
        phone=item.get("phone"),
        birthday=_date_from(item.get("birthday")),
        locale=item.get("locale"),
        time_zone=item.get("time_zone"),
    )


def _consent_members(consents: Consents) -> dict[str, dict[str, dict[str, str | None]]]:
    members: dict[str, dict[str, dict[str, str | None]]] = {}
    for (channel, topic), held in consents.items():
        members.setdefault(channel, {})[topic] = {
            "status": held.status,
            "since": to_timestamp(held.since),
            "reason": held.reason,
        }
    return members


def _consents_from(members: dict[str, dict[str, dict[str, str]]]) -> Consents:
    return {
        (Channel(channel), Topic(topic)): Consent(
            Status(held["status"]),
            from_timestamp(held["since"]),
            SuppressionReason(held["reason"]) if "reason" in held else None,
        )
        for channel, topics in members.items()
        for topic, held in topics.items()
    }


def _signup_members(signup: Signup) -> dict[str, Any]:
    return {
        "signup_id": signup.signup_id,
        "requested_at": to_timestamp(signup.requested_at),
        **_contact_members(signup.contact),
        **signup.evidence.as_data(),
        "topics": list(signup.topics),
        "referral_code": signup.referral_code,
        "attempt": signup.attempt,
    }


def _signup_from(item: dict[str, Any]) -> Signup:
    return Signup(
        signup_id=item["signup_id"],
        requested_at=from_timestamp(item["requested_at"]),
        contact=_contact_from(item),
        evidence=Evidence(source=item["source"], consent_text=item.get("consent_text"), ip=item.get("ip")),
        topics=tuple(Topic(topic) for topic in item["topics"]),
        referral_code=item.get("referral_code"),
        attempt=item["attempt"],
    )


def _date_from(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
