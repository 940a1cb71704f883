"""Signing up, confirming, choosing and leaving: read the customer, decide by the rules, write with the facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.core import fact_store
from shared.core.dynamodb import Write, optimistic, transact
from shared.core.shop_time import ShopTime
from shared.customers import customer as rules
from shared.customers.consent import Channel, SuppressionReason, Topic
from shared.customers.customer import Change, Customer, Evidence, Signup
from shared.customers.ids import mint_customer_id
from shared.customers.store import evidence as evidence_store
from shared.customers.store import profiles

# The evidence names the text that the customer was shown, which depends on their language.
EvidenceOf = Callable[[Customer], Evidence]


def new_customer(email: str, now: datetime) -> Customer:
    """A customer for a new address, not yet written (1 read unit, 1 more for each id that is in use by others)."""
    taken = 0
    while profiles.get(customer_id := mint_customer_id(email, taken)):
        taken += 1
    return Customer(customer_id=customer_id, email=email, created_at=now)


@optimistic
def sign_up(email: str, signup: Signup) -> None:
    """Note a signup for an address: 4 write units, 6 where the address is new and its customer is created.

    Raises Busy where others keep changing the customer.
    """
    # For known addresses, too: a cold start fetches the key for it, and the time must not show which are known.
    mint_customer_id(email, 0)
    known = profiles.get_by_email(email)
    change = rules.sign_up(known or new_customer(email, signup.requested_at), signup)
    if known:
        _save(change)
    else:
        transact(*profiles.create(change.customer), *map(fact_store.record, change.facts))


@optimistic
def confirm(
    customer_id: str, signup_id: str, now: datetime, ip: str | None, also: Sequence[Write] = ()
) -> Customer | None:
    """Confirm a signup, together with `also`: 1 read unit, 6 write units and more; None for an unknown customer.

    Raises LinkReplaced or LinkClosed where the signup no longer waits.
    """
    customer = profiles.get(customer_id)
    return _save(rules.confirm(customer, signup_id, now, ip), also) if customer else None


@optimistic
def choose(
    customer_id: str,
    topics: Mapping[Channel, Iterable[Topic]],
    pause_days: int | None,
    time: ShopTime,
    evidence: EvidenceOf,
) -> Customer | None:
    """Save the topics chosen on each channel that is offered, and a pause; None for an unknown customer.

    What the page does not offer is left as it is: e-mail on a suppressed address, texts without a number.
    Costs 1 read unit, and 6 write units where a consent changes.
    """
    customer = profiles.get(customer_id)
    if customer is None:
        return None
    offered = {channel: topics.get(channel, ()) for channel in rules.offered_channels(customer)}
    return _save(rules.choose(customer, offered, pause_days, time.now, time.today, evidence(customer)))


@optimistic
def leave(customer_id: str, topics: Iterable[Topic], now: datetime, evidence: EvidenceOf) -> Customer | None:
    """Withdraw topics on every channel; None for an unknown customer (1 read unit, 6 write units for a change)."""
    customer = profiles.get(customer_id)
    return _save(rules.leave(customer, topics, now, evidence(customer))) if customer else None


@optimistic
def suppress(
    customer_id: str, reason: SuppressionReason, feedback_id: str, about: datetime, now: datetime
) -> Customer | None:
    """Stop all e-mail after a hard bounce or a complaint (1 read unit, 4 write units for a change)."""
    customer = profiles.get(customer_id)
    return _save(rules.suppress(customer, reason, feedback_id, about, now)) if customer else None


def _save(change: Change, also: Sequence[Write] = ()) -> Customer:
    if not change.facts:
        return change.customer
    customer = replace(change.customer, version=change.customer.version + 1)
    proofs = map(evidence_store.put, change.evidence)
    transact(profiles.put(customer), *map(fact_store.record, change.facts), *proofs, *also)
    return customer
