"""Signing up, confirming, choosing and leaving: read the customer, decide by the rules, write with the facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.core import fact_store
from shared.core.differences import Difference, differences
from shared.core.dynamodb import Cancelled, Write, apply, optimistic, transact
from shared.core.shop_time import ShopTime
from shared.customers import customer
from shared.customers.consent import Channel, SuppressionReason, Topic
from shared.customers.customer import Change, Customer, Evidence, Signup
from shared.customers.ids import mint_customer_id
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

    2 where it is too soon for another mail, and none where it says the same as the last.

    Raises Busy where others keep changing the customer.
    """
    # For known addresses, too: a cold start fetches the key for it, and the time must not show which are known.
    mint_customer_id(email, 0)
    known = profiles.get_by_email(email)
    change = customer.sign_up(known or new_customer(email, signup.requested_at), signup)
    if known and change.facts:
        _save(change)
    elif known and change.customer != known:
        transact(profiles.put(replace(change.customer, version=known.version + 1)))
    elif not known:
        transact(*profiles.create(change.customer), *map(fact_store.record, change.facts))


@optimistic
def confirm(
    customer_id: str,
    epoch: int,
    signup_id: str,
    shown: str | None,
    now: datetime,
    ip: str | None,
    also: Sequence[Write] = (),
) -> Customer | None:
    """Confirm a signup, together with `also`: 1 read unit, 4 write units and more; None for an unknown customer.

    Raises LinkReplaced or LinkClosed where the signup no longer waits, ShownOtherwise where it says something else than
    the page with the fingerprint `shown`, SignedOut where the epoch has passed.
    """
    known = _get(customer_id, epoch)
    return _save(customer.confirm(known, signup_id, now, ip, shown), also) if known else None


@optimistic
def choose(
    customer_id: str,
    epoch: int,
    topics: Mapping[Channel, Iterable[Topic]],
    pause_days: int | None,
    time: ShopTime,
    evidence: EvidenceOf,
) -> Customer | None:
    """Save the topics chosen on each channel that is offered, and a pause; None for an unknown customer.

    What the page does not offer is left as it is: e-mail on a suppressed address, texts without a number.
    Costs 1 read unit, and 4 write units where something changes. Raises SignedOut where the epoch has passed.
    """
    known = _get(customer_id, epoch)
    if known is None:
        return None
    offered = {channel: topics.get(channel, ()) for channel in customer.offered_channels(known)}
    return _save(customer.choose(known, offered, pause_days, time.now, time.today, evidence(known)))


@optimistic
def leave(
    customer_id: str, epoch: int, topics: Iterable[Topic], now: datetime, evidence: EvidenceOf
) -> Customer | None:
    """Withdraw topics on every channel; None for an unknown customer (1 read unit, 4 write units for a change).

    Raises SignedOut where the epoch has passed.
    """
    known = _get(customer_id, epoch)
    return _save(customer.leave(known, topics, now, evidence(known))) if known else None


@optimistic
def suppress(
    customer_id: str, reason: SuppressionReason, feedback_id: str, about: datetime, now: datetime
) -> Customer | None:
    """Stop all e-mail after a hard bounce or a complaint (1 read unit, 4 write units for a change)."""
    known = profiles.get(customer_id)
    return _save(customer.suppress(known, reason, feedback_id, about, now)) if known else None


@optimistic
def sign_out_everywhere(customer_id: str, now: datetime) -> Customer | None:
    """End all links of a customer, those in old mails included (1 read unit, 4 write units); None if unknown."""
    known = profiles.get(customer_id)
    return _save(customer.sign_out_everywhere(known, now)) if known else None


@optimistic
def rebuild(customer_id: str, *, write: bool) -> tuple[Difference, ...] | None:
    """Compare a profile with what its customer's facts say, and `write` that; None where there is no profile.

    Costs 1 read unit, 1 per 4 KB of the customer's facts, and a write unit per KB of a profile that differs.
    Raises Busy where others keep changing the customer.
    """
    profile = profiles.get(customer_id)
    if profile is None:
        return None
    # The facts are read after the profile: one that came in between changed its version, too.
    rebuilt = customer.rebuilt(profile, fact_store.every(customer_id))
    different = differences(profile, rebuilt)
    if different and write:
        apply(profiles.put(replace(rebuilt, version=profile.version + 1)))
    elif different and profiles.get(customer_id) != profile:
        raise Cancelled(["changed meanwhile"], [{}])
    return different


def _get(customer_id: str, epoch: int) -> Customer | None:
    known = profiles.get(customer_id)
    if known:
        customer.check_epoch(known, epoch)
    return known


def _save(change: Change, also: Sequence[Write] = ()) -> Customer:
    if not change.facts:
        return change.customer
    saved = replace(change.customer, version=change.customer.version + 1)
    transact(profiles.put(saved), *map(fact_store.record, change.facts), *also)
    return saved
