"""Opening cases, working on them and resolving them: read, decide by the rules, write with the facts."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from shared.cases import case
from shared.cases.case import Case, CaseRules, CaseStatus, Complaint, Origin, Outcome
from shared.cases.store import case_files, case_lists, monthly_counts
from shared.cases.store.case_files import CASES, JOINED, RULES
from shared.cases.store.case_lists import FollowUp
from shared.core import fact_store
from shared.core.dynamodb import CUSTOMERS, Write, optimistic, transact
from shared.core.errors import NotFound
from shared.core.facts import Fact
from shared.core.months import month_of
from shared.core.shop_time import ShopTime
from shared.customers.contact_history import ContactHistory
from shared.customers.customer import check_epoch
from shared.customers.store import contact_histories
from shared.customers.store.contact_histories import HISTORIES
from shared.customers.store.profiles import PROFILES
from shared.edge import due
from shared.scorecards.store import cards

# The queue, by its name in the wiring, to which a case comes when it is due.
OVERDUE_QUEUE: Final = "overdue"

# A case after a step, and its fact; None where there was nothing to change.
Step = Callable[[Case], tuple[Case, Fact] | None]


def get(case_id: str) -> Case:
    """The case with this id (1 read unit per 4 KB). Raises NotFound."""
    return _existing(case_files.get(case_id))


def list_cases(status: CaseStatus, limit: int, after: str | None = None) -> tuple[list[Case], str | None]:
    """Open cases, the most urgent first, or resolved ones, the newest first; and the key to go on from.

    Two calls for up to 100 cases (1 read unit per 4 KB of each).
    """
    case_ids, more = case_lists.page(status, limit, after)
    return case_files.get_all(case_ids), more


@optimistic
def complain(customer_id: str, epoch: int, text: str, complaint_id: str, time: ShopTime) -> Case:
    """Open a case for a complaint, or add it to the open case about the same incident; once for each `complaint_id`.

    Costs 7 read units, and 12 write units for a new case or 6 and more for an open one. Raises NotFound for an unknown
    customer, SignedOut where their epoch has passed, TooManyCases where too many of their cases are open.
    """
    own_id = case.case_id(customer_id, complaint_id)
    known, joined, rules, history, profile = CUSTOMERS.get_together(
        CASES.key(case_id=own_id),
        JOINED.key(message_id=own_id),
        RULES.key(),
        HISTORIES.key(customer_id=customer_id),
        PROFILES.key(customer_id=customer_id),
    )
    if profile is None:
        raise NotFound("there is no such customer")
    check_epoch(PROFILES.entity(profile), epoch)
    if known:
        return CASES.entity(known)
    if joined:
        return get(JOINED.entity(joined).case_id)
    before = HISTORIES.entity_if_any(history) or ContactHistory(customer_id=customer_id)
    complaint = Complaint(text=text)
    after, writes = _take(
        before, complaint_id, Origin.COMPLAINT, complaint, RULES.entity_if_any(rules) or CaseRules(), time
    )
    transact(*writes)
    return after


def after_answer(
    customer_id: str, causes: Sequence[str], complaint: Complaint, opens: bool, rules: CaseRules, time: ShopTime
) -> list[Write]:
    """The writes that an answer to a survey leads to: of a new case where it `opens` a case, or of a changed case.

    The last of the `causes` is this answer, the others are the earlier answers that it replaces, each of which may have
    opened a case or been added to an open case. Where that case is resolved already, the answer counts as a new one.
    Costs 2 read units for each answer before, in one call, and 3 for a case.
    """
    message_ids = [case.case_id(customer_id, cause) for cause in causes[:-1]]
    known = _cases_of(message_ids)
    if known and not known[-1].resolved_at:
        after, fact = case.revise(known[-1], message_ids, complaint, time.now)
        return [case_files.put(after), fact_store.record(fact)]
    if not opens:
        return []
    cause = causes[-1] if known else causes[0]
    return _take(contact_histories.get(customer_id), cause, Origin.SURVEY, complaint, rules, time)[1]


def assign(case_id: str, owner: str, now: datetime) -> Case:
    """Give a case to somebody: 1 read unit, 4 write units. Raises NotFound, and Conflict for a resolved case."""
    return take_step(case_id, lambda before: case.assign(before, owner, now))


def comment(case_id: str, author: str, text: str, now: datetime) -> Case:
    """Write a note into a case: 1 read unit, 4 write units and more for a long case.

    Raises NotFound, and Conflict where there are too many notes.
    """
    return take_step(case_id, lambda before: case.comment(before, author, text, now))


@optimistic
def take_step(case_id: str, step: Step) -> Case:
    """Take a step with a case, in one transaction with its fact: 1 read unit, 4 write units. Raises NotFound."""
    before = _existing(case_files.get(case_id))
    change = step(before)
    if change is None:
        return before
    after, fact = change
    transact(case_files.put(after), fact_store.record(fact))
    return after


@optimistic
def resolve(case_id: str, outcome: Outcome, time: ShopTime) -> Case:
    """Close a case, and have its customer asked later whether it helped: 2 read units, 14 write units.

    Raises NotFound, and Conflict where it is closed with another outcome.
    """
    known, rules = case_files.get_with_rules(case_id)
    before = _existing(known)
    change = case.resolve(before, outcome, time.now)
    if change is None:
        return before
    after, fact = change
    transact(
        case_files.put(after),
        fact_store.record(fact),
        case_lists.delete_open(after),
        case_lists.put_resolved(case_id, time.now),
        case_lists.put_follow_up(FollowUp(ask_on=case.follow_up_on(rules, time), case_id=case_id)),
        contact_histories.close_case(after.customer_id),
        _count(after, time, resolved=1, minutes=fact.data["minutes"]),
    )
    return after


def escalate(case_id: str, now: datetime) -> datetime | None:
    """Report a case that is overdue, once; its due time where that has not come yet.

    A case that is resolved, or is gone, is left alone. Costs 1 read unit, and 4 write units where it is reported.
    """
    try:
        after = take_step(case_id, lambda before: case.escalate(before, now))
    except NotFound:
        return None
    return after.due_at if not after.resolved_at and now < after.due_at else None


def _existing(stored: Case | None) -> Case:
    if stored is None:
        raise NotFound("there is no such case")
    return stored


def _cases_of(message_ids: Sequence[str]) -> list[Case]:
    """The cases that messages opened or were added to, in the order of the messages."""
    keys = [key for message in message_ids for key in (CASES.key(case_id=message), JOINED.key(message_id=message))]
    items = CUSTOMERS.get_together(*keys)
    places = [
        JOINED.entity(joined).case_id if joined else message
        for message, joined in zip(message_ids, items[1::2], strict=True)
    ]
    cases = {known.case_id: known for known in map(CASES.entity, filter(None, items[::2]))}
    others = {place for place in places if place not in message_ids}
    cases |= {other.case_id: other for other in case_files.get_all(sorted(others))}
    return [cases[place] for place in places if place in cases]


def _take(
    before: ContactHistory, cause: str, origin: Origin, complaint: Complaint, rules: CaseRules, time: ShopTime
) -> tuple[Case, list[Write]]:
    """The case that takes a customer's message, the last opened or a new case, and the writes (2 read units)."""
    customer_id, message_id = before.customer_id, case.case_id(before.customer_id, cause)
    card = cards.get(customer_id)
    score = card.score if card else None
    last = case_files.get(before.last_case) if before.last_case else None
    if last and case.is_same_incident(last, origin, complaint, time.now):
        after, fact = case.continue_case(last, message_id, origin, complaint, score, rules, time.now)
        writes = [case_files.put(after), fact_store.record(fact), case_files.put_joined(message_id, after.case_id)]
        if after.due_at != last.due_at:
            writes += [case_lists.delete_open(last), case_lists.put_open(after), *_look_when_due(after)]
        return after, writes
    if origin is Origin.COMPLAINT:
        case.check_open_cases(before.open_cases)
    after = case.new_case(customer_id, cause, origin, complaint, score, rules, time.now)
    return after, _open(before, after, time)


def _open(before: ContactHistory, after: Case, time: ShopTime) -> list[Write]:
    """The writes of a new case: itself, its place in the list, its fact, its customer, the figures, and that it is
    looked at when it is due (12 write units).
    """
    return [
        case_files.put_new(after),
        case_lists.put_open(after),
        fact_store.record(case.opened(after)),
        contact_histories.open_case(before, after.case_id),
        _count(after, time, opened=1),
        *_look_when_due(after),
    ]


def _look_when_due(after: Case) -> list[Write]:
    # Not taken off when the case is resolved: that would cost more than to find it resolved.
    message = json.dumps({"case_id": after.case_id})
    return due.put(f"{OVERDUE_QUEUE}/{after.case_id}", after.due_at, OVERDUE_QUEUE, message)


def _count(after: Case, time: ShopTime, **counts: int) -> Write:
    return monthly_counts.add(month_of(time.day_of(after.opened_at)), counts)
