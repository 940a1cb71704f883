"""Signing up, confirming, choosing and leaving: read the customer, decide by the rules, write with the facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.core import fact_store
from shared.core.differences import Difference, differences
from shared.core.dynamodb import Cancelled, Write, apply, optimistic, transact
from shared.core.shop_time import ShopTime
from shared.customers import customer, pacing
from shared.customers.consent import Channel, SuppressionReason, Topic
from shared.customers.customer import Change, Customer, Evidence, Signup
from shared.customers.ids import mailbox_digest, mint_customer_id, network_digest
from shared.customers.pacing import Limit, Paces
from shared.customers.store import paces, profiles, proofs

# The evidence names the text that the customer was shown, which depends on their language.
EvidenceOf = Callable[[Customer], Evidence]


def new_customer(email: str, now: datetime) -> Customer:
    """A customer for a new address, not yet written (1 read unit, 1 more for each id that is in use by others)."""
    taken = 0
    while profiles.get(customer_id := mint_customer_id(email, taken)):
        taken += 1
    return Customer(customer_id=customer_id, email=email, created_at=now)


@optimistic
def sign_up(email: str, signup: Signup, per_day: int) -> Limit | None:
    """Note a signup for an address: 4 write units, 6 where the address is new and its customer is created.

    2 where it is too soon for another mail, and none where it says the same as the last, or nobody waits for it. Then
    the limit that it has reached is answered, which the caller keeps to themselves. `per_day`: how many mails signups
    may have sent in a day. Costs 5 read units, 1 more where the mailbox is known in another spelling.

    Raises Busy where others keep changing the customer.
    """
    known = profiles.get_by_email(email)
    limit = _limit(email, known, signup, per_day)
    if limit and known is None:
        return limit
    change = customer.sign_up(known or new_customer(email, signup.requested_at), signup, may_ask=limit is None)
    if known and change.facts:
        _save(change)
    elif known and change.customer != known:
        transact(profiles.put(replace(change.customer, version=known.version + 1)))
    elif not known:
        transact(*profiles.create(change.customer), *map(fact_store.record, change.facts))
    return limit


@optimistic
def claim_mail(asked: Customer, signup: Signup, per_day: int) -> Limit | None:
    """Take the place of a signup's mail in the paces of its mailbox, its network and its day, once (3 write units).

    None where the mail may be sent, also where it was to be sent before and is tried again; else the limit that was
    reached meanwhile: two spellings of a mailbox may sign up at the same moment. Costs 3 read units and more. Ended
    between its writes it counts a mail too few, which only the crash of a sender can bring about.
    """
    assert asked.email is not None
    before, is_confirmed = _paces(asked.email, asked, signup)
    if limit := pacing.limit(before, signup.signup_id, signup.requested_at, is_confirmed=is_confirmed, per_day=per_day):
        return limit
    claimed = pacing.claim(
        before.mailbox,
        mailbox_digest(asked.email),
        asked.customer_id,
        signup.signup_id,
        signup.requested_at,
        is_confirmed=is_confirmed,
    )
    if claimed == before.mailbox:
        return None
    apply(paces.put_mailbox(claimed))
    if network := network_digest(signup.evidence.ip):
        apply(paces.count_sent(network, signup.requested_at))
    apply(paces.count_day(signup.requested_at.date(), signup.requested_at))
    return None


def _limit(email: str, known: Customer | None, signup: Signup, per_day: int) -> Limit | None:
    before, is_confirmed = _paces(email, known, signup)
    return pacing.limit(before, signup.signup_id, signup.requested_at, is_confirmed=is_confirmed, per_day=per_day)


def _paces(email: str, known: Customer | None, signup: Signup) -> tuple[Paces, bool]:
    """The paces of a signup, and whether the mailbox's last signup was confirmed, by whichever of its customers."""
    before = paces.get(mailbox_digest(email), network_digest(signup.evidence.ip), signup.requested_at.date())
    last = before.mailbox
    if last is None:
        return before, False
    by_other = known is None or known.customer_id != last.customer_id
    asked = profiles.get(last.customer_id) if by_other else known
    return before, asked is not None and asked.confirmed_signup_id == last.signup_id


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
    """Confirm a signup, together with `also`: 1 read unit, 8 write units and more; None for an unknown customer.

    Raises LinkReplaced or LinkClosed where the signup no longer waits, ShownOtherwise where it says something else than
    the page with the fingerprint `shown`, SignedOut where the epoch has passed.
    """
    known = _get(customer_id, epoch)
    if known is None:
        return None
    network = network_digest(known.signup.evidence.ip) if known.signup else None
    counted = [paces.count_confirmed(network, now)] if network else []
    return _save(customer.confirm(known, signup_id, now, ip, shown), [*also, *counted])


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
    Costs 1 read unit, and 6 write units where a consent changes. Raises SignedOut where the epoch has passed.
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
    """Withdraw topics on every channel; None for an unknown customer (1 read unit, 6 write units for a change).

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
    evidence = map(proofs.put, change.evidence)
    transact(profiles.put(saved), *map(fact_store.record, change.facts), *evidence, *also)
    return saved
