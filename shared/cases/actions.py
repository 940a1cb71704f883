"""Opening cases, working on them and resolving them: read, decide by the rules, write with the facts."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from shared.cases import case
from shared.cases.case import Case, CaseRules, CaseStatus, Complaint, Origin, Outcome
from shared.cases.store import case_files, case_lists, monthly_counts
from shared.cases.store.case_lists import FollowUp
from shared.core import fact_store
from shared.core.dynamodb import Write, optimistic, transact
from shared.core.errors import NotFound
from shared.core.facts import Fact
from shared.core.months import month_of
from shared.core.shop_time import ShopTime
from shared.customers.customer import check_epoch
from shared.customers.store import contact_histories
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
    """Open a case for a complaint, once for each `complaint_id`: 5 read units, 12 write units.

    Raises NotFound for an unknown customer, SignedOut where their epoch has passed, TooManyCases where too many of
    their cases are open.
    """
    known, rules, customer = case_files.get_with_customer(case.case_id(customer_id, complaint_id), customer_id)
    if customer is None:
        raise NotFound("there is no such customer")
    check_epoch(customer, epoch)
    if known:
        return known
    case.check_open_cases(contact_histories.get(customer_id).open_cases)
    complaint = Complaint(text=text)
    after = _new(customer_id, complaint_id, Origin.COMPLAINT, complaint, rules, time)
    transact(*_open(after, time))
    return after


def after_answer(
    customer_id: str, causes: Sequence[str], complaint: Complaint, opens: bool, rules: CaseRules, time: ShopTime
) -> list[Write]:
    """The writes that an answer to a survey leads to: of a new case where it `opens` a case, or of a changed case.

    The last of the `causes` is this answer, the others are the earlier answers that it replaces, each of which may have
    opened a case. Where that case is resolved already, another is opened. Costs 1 read unit for each answer
    before, in one call, and 1 for a new case.
    """
    known = case_files.get_all([case.case_id(customer_id, cause) for cause in causes[:-1]])
    if known and not known[-1].resolved_at:
        after, fact = case.revise(known[-1], complaint, time.now)
        return [case_files.put(after), fact_store.record(fact)]
    if not opens:
        return []
    cause = causes[-1] if known else causes[0]
    return _open(_new(customer_id, cause, Origin.SURVEY, complaint, rules, time), time)


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
        contact_histories.count_cases(after.customer_id, -1),
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


def _new(customer_id: str, cause: str, origin: Origin, complaint: Complaint, rules: CaseRules, time: ShopTime) -> Case:
    card = cards.get(customer_id)
    return case.new_case(customer_id, cause, origin, complaint, card.score if card else None, rules, time.now)


def _open(after: Case, time: ShopTime) -> list[Write]:
    """The writes of a new case: itself, its place in the list, its fact, its customer, the figures, and that it is
    looked at when it is due (12 write units).
    """
    return [
        case_files.put_new(after),
        case_lists.put_open(after),
        fact_store.record(case.opened(after)),
        contact_histories.count_cases(after.customer_id, 1),
        _count(after, time, opened=1),
        *_look_when_due(after),
    ]


def _look_when_due(after: Case) -> list[Write]:
    # Not taken off when the case is resolved: that would cost more than to find it resolved.
    message = json.dumps({"case_id": after.case_id})
    return due.put(f"{OVERDUE_QUEUE}/{after.case_id}", after.due_at, OVERDUE_QUEUE, message)


def _count(after: Case, time: ShopTime, **counts: int) -> Write:
    return monthly_counts.add(month_of(time.day_of(after.opened_at)), counts)
