"""A customer's profile, and the rules of signing up, confirming, choosing and leaving."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from shared.core.codec import INLINE, As
from shared.core.errors import SignedOut
from shared.core.facts import Fact, FactType
from shared.core.privacy import ADDRESS, BIRTHDAY, EVIDENCE, HOME, NAME, PHONE, REFERRAL
from shared.customers import consent, facts
from shared.customers.consent import Channel, Consents, Status, SuppressionReason, Topic
from shared.customers.pacing import wait

CONFIRMATION_LINK_DAYS: Final = 7
# Names the text of the preference centre that a choice there agrees to.
PREFERENCES_TEXT: Final = "preferences-2026-11"
PREFERENCES_LINK_DAYS: Final = 400
PAUSE_CHOICES_DAYS: Final = (30, 90)
# The facts that change a profile.
_CHANGING: Final = frozenset(
    type_.name
    for type_ in (
        *(facts.CUSTOMER_SIGNED_UP, facts.CONSENT_GRANTED, facts.CONSENT_WITHDRAWN, facts.CONSENT_SUPPRESSED),
        *(facts.MAIL_PAUSED, facts.MAIL_RESUMED, facts.CUSTOMER_SIGNED_OUT),
    )
)

# Prefix of the ids that we mint; a shop's own customer numbers may not.
MINTED_ID_PREFIX: Final = "cus_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The details of a person in a signup, all optional. `birthday` is a date; its year may be unknown to the shop."""

    name: Annotated[str | None, NAME] = None
    phone: Annotated[str | None, PHONE] = None
    birthday: Annotated[date | None, BIRTHDAY] = None
    locale: Annotated[str | None, HOME] = None
    time_zone: Annotated[str | None, HOME] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The proof of a consent: which text was agreed to, where, from which IP address and with which browser.

    `source` is the form's name or the page, `form_url` the page that the form is on, as the browser says.
    """

    source: Annotated[str, EVIDENCE]
    consent_text: Annotated[str | None, EVIDENCE] = None
    ip: Annotated[str | None, EVIDENCE] = None
    user_agent: Annotated[str | None, EVIDENCE] = None
    form_url: Annotated[str | None, EVIDENCE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvidence:
    """The evidence of a fact about a consent, apart from the fact, which never changes: this can be erased.

    `fact_type` and `fact_id` are the fact's. Of a confirmed signup, `evidence` is that of the signup with the IP
    address of who confirmed, and `requested_from_ip` is the address from which the signup came.
    """

    customer_id: str
    fact_type: str
    fact_id: str
    recorded_at: datetime
    evidence: Annotated[Evidence, INLINE]
    requested_from_ip: Annotated[str | None, EVIDENCE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signup:
    """A signup that waits for its confirmation: what was entered becomes the profile only then.

    `attempt` counts the signups since the last confirmation.
    """

    signup_id: str
    requested_at: datetime
    contact: Annotated[Contact, INLINE]
    evidence: Annotated[Evidence, INLINE]
    topics: tuple[Topic, ...] = consent.ALL_TOPICS
    referral_code: Annotated[str | None, REFERRAL] = None
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer as known now. `email` is None where the shop knows the customer by number only.

    `referral_code` is the code that they signed up with, `referred_at` the time of that confirmed signup.
    `signup` waits for its confirmation; `confirmed_signup_id` is the last confirmed signup, so that its
    link answers the same when it is opened again. `epoch` counts how often they were signed out everywhere: links
    of an earlier epoch are not valid. `changed_at` dates the last change that has a fact; `version` counts the writes.
    """

    customer_id: str
    created_at: datetime
    email: Annotated[str | None, ADDRESS] = None
    contact: Annotated[Contact, INLINE] = field(default_factory=Contact)
    consents: Consents = field(default_factory=dict)
    paused_until: date | None = None
    referral_code: Annotated[str | None, REFERRAL] = None
    referred_at: datetime | None = None
    signup: Signup | None = None
    confirmed_signup_id: str | None = None
    epoch: Annotated[int, As(lambda epoch: epoch or None, int)] = 0
    changed_at: datetime | None = None
    version: int = 1

    @property
    def locale(self) -> str | None:
        """The locale of the profile, else of the signup that waits; None where neither has one."""
        return self.contact.locale or (self.signup.contact.locale if self.signup else None)


@dataclass(frozen=True, slots=True)
class Change:
    """A customer after a change, the facts that say so, and the evidence of consents; no fact, no change."""

    customer: Customer
    facts: tuple[Fact, ...] = ()
    evidence: tuple[ConsentEvidence, ...] = ()


class NotWaiting(Exception):
    """The signup of a link waits no more; `locale` is the customer's, for the page that says so."""

    def __init__(self, locale: str | None) -> None:
        super().__init__()
        self.locale = locale


class LinkReplaced(NotWaiting):
    """The link belongs to a signup that a newer signup has replaced."""


class LinkClosed(NotWaiting):
    """The link belongs to a signup that was confirmed by another link since, or withdrawn."""


class ShownOtherwise(Exception):
    """The page showed something else than what a confirmation would save now."""


def sign_up(customer: Customer, signup: Signup, *, may_ask: bool = True) -> Change:
    """Ask for the confirmation of a signup.

    Too soon after the last signup, or where no mail may go out (not `may_ask`), there is no other mail: the link in the
    last mail is then for what was entered now, or who types in an address first would decide what its owner confirms.
    Nothing of it reaches the profile before it is confirmed: anybody may type in any address.
    """
    waiting, now = customer.signup, _after(customer, signup.requested_at)
    if waiting:
        if not may_ask or signup.requested_at - waiting.requested_at < wait(waiting.attempt):
            kept = replace(
                signup, signup_id=waiting.signup_id, requested_at=waiting.requested_at, attempt=waiting.attempt
            )
            return Change(replace(customer, signup=kept))
        signup = replace(signup, attempt=waiting.attempt + 1)
    elif not may_ask:
        return Change(customer)
    consents = consent.pending(customer.consents, signup.topics, now)
    changed = replace(customer, consents=consents, signup=signup, changed_at=now)
    data = {
        "signup_id": signup.signup_id,
        "topics": list(signup.topics),
        "locale": signup.contact.locale,
    }
    return Change(changed, (_fact(customer, facts.CUSTOMER_SIGNED_UP, signup.signup_id, now, data),))


def mail_for_signup(customer: Customer, signup_id: str) -> str | None:
    """Which mail answers a signup: `confirm_signup`, `already_subscribed`, or None (replaced or complained)."""
    signup = customer.signup
    if signup is None or signup.signup_id != signup_id:
        return None
    current = [customer.consents.get((Channel.EMAIL, topic)) for topic in signup.topics]
    if any(state and state.reason is SuppressionReason.COMPLAINT for state in current):
        return None
    if all(state and state.status is Status.SUBSCRIBED for state in current):
        return "already_subscribed"
    return "confirm_signup"


def confirm(customer: Customer, signup_id: str, now: datetime, ip: str | None, shown: str | None = None) -> Change:
    """Turn a waiting signup into consent and profile. The same link again changes nothing.

    `shown` is the fingerprint of what the page showed; None where there was no page. A consent to text messages is for
    the number it was given for: another number ends it. Raises LinkReplaced or LinkClosed where this signup does not
    wait any more, ShownOtherwise where something else was shown than what would be saved.
    """
    if customer.confirmed_signup_id == signup_id:
        return Change(customer)
    signup = waiting(customer, signup_id)
    if shown is not None and shown != fingerprint(signup):
        raise ShownOtherwise
    now = _after(customer, now)
    contact = _merge(customer.contact, signup.contact)
    consents = customer.consents
    new_facts: list[Fact] = []
    proofs: list[ConsentEvidence] = []
    texted = [t for t in Topic if (Channel.SMS, t) in consents]
    if contact.phone != customer.contact.phone and texted:
        consents = consent.withdraw(consents, Channel.SMS, texted, now)
        new_facts.append(_consent_fact(customer, facts.CONSENT_WITHDRAWN, Channel.SMS, texted, now))
        proofs.append(_proof(new_facts[-1], Evidence(source="another phone number", ip=ip)))
    changed = replace(
        customer,
        contact=contact,
        consents=consent.grant(consents, Channel.EMAIL, signup.topics, now),
        **_referral(customer, signup),
        signup=None,
        confirmed_signup_id=signup_id,
        changed_at=now,
    )
    data = {"channel": Channel.EMAIL, "topics": list(signup.topics), "signup_id": signup_id}
    new_facts.append(_fact(customer, facts.CONSENT_GRANTED, signup_id, now, data))
    proofs.append(_proof(new_facts[-1], replace(signup.evidence, ip=ip), requested_from_ip=signup.evidence.ip))
    return Change(changed, tuple(new_facts), tuple(proofs))


def waiting(customer: Customer, signup_id: str) -> Signup:
    """The signup with this id, if it waits for its confirmation. Raises LinkReplaced or LinkClosed if not."""
    if customer.signup is None:
        raise LinkClosed(customer.locale)
    if customer.signup.signup_id != signup_id:
        raise LinkReplaced(customer.locale)
    return customer.signup


def home_of(customer: Customer | None, shop_zone: tzinfo) -> tzinfo:
    """The time zone in which a customer lives, the shop's where that is not known."""
    return ZoneInfo(customer.contact.time_zone) if customer and customer.contact.time_zone else shop_zone


def address_for_answers(customer: Customer | None) -> str | None:
    """Where mail goes that answers the customer's own request; it needs no consent.

    None where no address is known, or where mail to it has bounced or was complained about.
    """
    if customer is None or any(state.status is Status.SUPPRESSED for state in customer.consents.values()):
        return None
    return customer.email


def fingerprint(signup: Signup) -> str:
    """A hash of what a confirmation of this signup saves: equal where that is equal."""
    saved = (signup.contact, signup.topics, signup.referral_code)
    return hashlib.sha256(repr(saved).encode()).hexdigest()


def check_epoch(customer: Customer, epoch: int) -> None:
    """Raises SignedOut where the customer was signed out everywhere since this epoch."""
    if customer.epoch != epoch:
        raise SignedOut(customer.locale)


def sign_out_everywhere(customer: Customer, now: datetime) -> Change:
    """End all links of the customer that were made until now."""
    now, epoch = _after(customer, now), customer.epoch + 1
    fact = _fact(customer, facts.CUSTOMER_SIGNED_OUT, str(epoch), now, {"epoch": epoch})
    return Change(replace(customer, epoch=epoch, changed_at=now), (fact,))


def offered_channels(customer: Customer) -> list[Channel]:
    """The channels on which the preference centre offers a choice: no suppressed address, no texts without a number."""
    suppressed = any(consent.status is Status.SUPPRESSED for consent in customer.consents.values())
    offered = {Channel.EMAIL: not suppressed, Channel.SMS: customer.contact.phone is not None}
    return [channel for channel in Channel if offered[channel]]


def choose(
    customer: Customer,
    choices: Mapping[Channel, Iterable[Topic]],
    pause_days: int | None,
    now: datetime,
    today: date,
    evidence: Evidence,
) -> Change:
    """Save the preference centre: per channel exactly the chosen topics; `pause_days` 0 ends a pause, None keeps it."""
    now = _after(customer, now)
    consents = customer.consents
    new_facts: list[Fact] = []
    for channel, topics in choices.items():
        chosen = set(topics)
        granted = [t for t in Topic if t in chosen and not consent.allows(consents, channel, t)]
        withdrawn = [t for t in Topic if t not in chosen and (channel, t) in consents]
        after = consent.grant(consents, channel, granted, now)
        if after != consents:
            new_facts.append(_consent_fact(customer, facts.CONSENT_GRANTED, channel, granted, now))
        consents, before = after, after
        after = consent.withdraw(before, channel, withdrawn, now)
        if after != before:
            changed = [t for t in withdrawn if after[channel, t] != before[channel, t]]
            new_facts.append(_consent_fact(customer, facts.CONSENT_WITHDRAWN, channel, changed, now))
        consents = after
    paused_until = customer.paused_until
    if pause_days is not None:
        paused_until = today + timedelta(days=pause_days) if pause_days else None
        if paused_until != customer.paused_until:
            until = paused_until.isoformat() if paused_until else None
            type_ = facts.MAIL_PAUSED if until else facts.MAIL_RESUMED
            new_facts.append(_fact(customer, type_, _moment(now), now, {"until": until}))
    if not new_facts:
        return Change(customer)
    changed_customer = replace(customer, consents=consents, paused_until=paused_until, changed_at=now)
    return Change(changed_customer, tuple(new_facts), _proofs(new_facts, evidence))


def leave(customer: Customer, topics: Iterable[Topic], now: datetime, evidence: Evidence) -> Change:
    """Withdraw the topics on every channel on which they stand, and from a signup that waits."""
    now, topics = _after(customer, now), set(topics)
    consents = customer.consents
    new_facts: list[Fact] = []
    for channel in Channel:
        present = [t for t in Topic if t in topics and (channel, t) in consents]
        after = consent.withdraw(consents, channel, present, now)
        if after != consents:
            changed = [t for t in present if after[channel, t] != consents[channel, t]]
            new_facts.append(_consent_fact(customer, facts.CONSENT_WITHDRAWN, channel, changed, now))
        consents = after
    if not new_facts:
        return Change(customer)
    signup = customer.signup
    if signup:
        kept = tuple(topic for topic in signup.topics if topic not in topics)
        signup = replace(signup, topics=kept) if kept else None
    changed_customer = replace(customer, consents=consents, signup=signup, changed_at=now)
    return Change(changed_customer, tuple(new_facts), _proofs(new_facts, evidence))


def suppress(customer: Customer, reason: SuppressionReason, feedback_id: str, about: datetime, now: datetime) -> Change:
    """Stop all e-mail after a hard bounce or a complaint. The same feedback again changes nothing.

    `about` is when the mail that bounced was sent, or when the complaint was made: a consent
    given since then stays.
    """
    granted_at = consent.granted_at(customer.consents, Channel.EMAIL)
    if granted_at and about <= granted_at:
        return Change(customer)
    now = _after(customer, now)
    consents = consent.suppress(customer.consents, reason, now)
    if consents == customer.consents:
        return Change(customer)
    data = {"channel": Channel.EMAIL, "reason": reason, "feedback_id": feedback_id}
    fact = _fact(customer, facts.CONSENT_SUPPRESSED, feedback_id, now, data)
    return Change(replace(customer, consents=consents, changed_at=now), (fact,))


def consents_from(facts: Iterable[Fact]) -> Consents:
    """The consents that a customer's facts, in any order, add up to."""
    consents: Consents = {}
    for fact in sorted(facts, key=lambda f: f.occurred_at):
        consents = consent.with_fact(consents, fact)
    return consents


def rebuilt(customer: Customer, facts: Iterable[Fact]) -> Customer:
    """The customer as their facts, in any order, have it: consents, pause, epoch, the last confirmed signup and change.

    The epoch is never lower than it stands, or links that have ended would be valid again. All else stays
    as it is, for no fact has it: the address, what was entered, a signup that waits.
    """
    changes = sorted((fact for fact in facts if fact.type in _CHANGING), key=lambda fact: fact.occurred_at)
    paused_until, confirmed, epoch = None, None, customer.epoch
    for fact in changes:
        match fact.type:
            case "MailPaused":
                paused_until = date.fromisoformat(fact.data["until"])
            case "MailResumed":
                paused_until = None
            case "ConsentGranted":
                confirmed = fact.data.get("signup_id", confirmed)
            case "CustomerSignedOut":
                epoch = max(epoch, fact.data["epoch"])
    return replace(
        customer,
        consents=consents_from(changes),
        paused_until=paused_until,
        confirmed_signup_id=confirmed,
        epoch=epoch,
        changed_at=changes[-1].occurred_at if changes else None,
    )


def _after(customer: Customer, now: datetime) -> datetime:
    """Now, or just after the last change: clocks differ, and facts have to sort as they were decided."""
    return max(now, customer.changed_at + timedelta(milliseconds=1)) if customer.changed_at else now


def _merge(old: Contact, new: Contact) -> Contact:
    return Contact(
        name=new.name or old.name,
        phone=new.phone or old.phone,
        birthday=new.birthday or old.birthday,
        locale=new.locale or old.locale,
        time_zone=new.time_zone or old.time_zone,
    )


def _referral(customer: Customer, signup: Signup) -> dict[str, Any]:
    if customer.referral_code or not signup.referral_code:
        return {}
    return {"referral_code": signup.referral_code, "referred_at": signup.requested_at}


def _moment(now: datetime) -> str:
    return now.strftime("%Y%m%d%H%M%S%f")


def _fact(customer: Customer, type_: FactType, fact_id: str, now: datetime, data: dict[str, Any]) -> Fact:
    return type_.fact(id=fact_id, customer_id=customer.customer_id, now=now, data=data)


def _consent_fact(customer: Customer, type_: FactType, channel: Channel, topics: list[Topic], now: datetime) -> Fact:
    return _fact(customer, type_, f"{channel}-{_moment(now)}", now, {"channel": channel, "topics": topics})


def _proof(fact: Fact, evidence: Evidence, requested_from_ip: str | None = None) -> ConsentEvidence:
    return ConsentEvidence(
        customer_id=fact.customer_id,
        fact_type=fact.type,
        fact_id=fact.id,
        recorded_at=fact.recorded_at,
        evidence=evidence,
        requested_from_ip=requested_from_ip,
    )


def _proofs(changes: Iterable[Fact], evidence: Evidence) -> tuple[ConsentEvidence, ...]:
    consents = (facts.CONSENT_GRANTED.name, facts.CONSENT_WITHDRAWN.name)
    return tuple(_proof(fact, evidence) for fact in changes if fact.type in consents)
