"""Cases: pk `CASE#<case_id>`, sk `CASE`; open ones listed at pk `CASES#OPEN`, sk `<due_at>#<case_id>`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from shared.cases import case
from shared.cases.case import Case, CaseStatus, Note, Origin, Outcome, Priority
from shared.cases.store import monthly_counts
from shared.core import fact_store as facts
from shared.core import old_table as table
from shared.core.facts import Fact, from_timestamp, to_timestamp
from shared.customers.store import contact_histories
from shared.nps import survey
from shared.nps.margin import Group, group_of
from shared.nps.store import definitions as surveys
from shared.nps.store import figures
from shared.nps.survey import RECOVERY, Invitation, Rules
from shared.scorecards.store import cards as scorecards

_OPEN: Final = "CASES#OPEN"
_RESOLVED: Final = "CASES#RESOLVED"
_RECOVERY: Final = "CASES#RECOVERY"
Step = Callable[[Case], tuple[Case, Fact] | None]


def find(case_id: str) -> Case | None:
    """The case with this id (1 read unit)."""
    item = table.get(table.customers_table(), _key(case_id))
    return _from_item(item) if item else None


def listed(status: CaseStatus, limit: int, after: str | None = None) -> tuple[list[Case], str | None]:
    """Open cases, the most urgent first, or resolved ones, the newest first; and where to go on (1 read unit each)."""
    partition = _OPEN if status is CaseStatus.OPEN else _RESOLVED
    items = table.query(
        table.customers_table(), partition, limit=limit + 1, newest_first=status is CaseStatus.RESOLVED, after=after
    )
    found = [find(item["case_id"]) for item in items[:limit]]
    more = items[limit - 1]["sk"] if len(items) > limit else None
    return [one for one in found if one], more


def overdue(now: datetime) -> list[Case]:
    """Open cases that are due and have not been told of (1 read unit each)."""
    items = table.query(table.customers_table(), _OPEN)
    due = [find(item["case_id"]) for item in items if item["sk"] < to_timestamp(now)]
    return [one for one in due if one and not one.escalated_at]


def open_case(one: Case, zone: tzinfo) -> list[table.Write]:
    """The writes of a new case: itself, its place in the list, its fact, its customer, the figures."""
    listed_at = {"pk": _OPEN, "sk": f"{to_timestamp(one.due_at)}#{one.case_id}", "case_id": one.case_id}
    return [
        table.put_new(table.customers_table(), _to_item(one)),
        table.put(table.customers_table(), listed_at),
        facts.record(case.opened(one)),
        contact_histories.count_cases(one.customer_id, 1),
        monthly_counts.add(one.opened_at.astimezone(zone).date(), {"opened": 1}),
    ]


def complain(customer_id: str, text: str, complaint_id: str, rules: Rules, now: datetime, zone: tzinfo) -> Case:
    """Open a case for a complaint, once for each `complaint_id`."""
    identity = case.case_id(customer_id, complaint_id)
    for _ in table.tries():
        known = find(identity)
        if known:
            return known
        one = new(customer_id, identity, Origin.COMPLAINT, rules, now)
        one = replace(one, text=text)
        try:
            table.transact(open_case(one, zone))
        except table.Cancelled:
            continue
        return one
    raise AssertionError("tries() ends by raising")


def for_answer(asked: Invitation, rules: Rules, now: datetime, zone: tzinfo) -> list[table.Write]:
    """The writes that an answer leads to: of a detractor's case, or of the one it has opened before (2 read units).

    Where that is resolved already, a detractor's changed answer opens another.
    """
    given = asked.answer
    assert given is not None
    causes = [asked.invitation_id, *(f"{asked.invitation_id}/{number + 1}" for number in range(given.changes))]
    known = next((one for cause in reversed(causes) if (one := find(case.case_id(asked.customer_id, cause)))), None)
    if known and not known.resolved_at:
        after, fact = case.hear(known, given.score, given.comment, given.sentiment, given.themes, now)
        return [_put(after), facts.record(fact)]
    if group_of(given.score) is not Group.DETRACTOR:
        return []
    identity = case.case_id(asked.customer_id, causes[-1] if known else causes[0])
    one = new(asked.customer_id, identity, Origin.SURVEY, rules, now)
    one = replace(
        one,
        text=given.comment,
        score=given.score,
        sentiment=given.sentiment,
        themes=given.themes,
        about=asked.about,
    )
    return open_case(one, zone)


def new(customer_id: str, identity: str, origin: Origin, rules: Rules, now: datetime) -> Case:
    """A case, not yet written, with the priority of its customer (1 read unit)."""
    card = scorecards.get(customer_id)
    priority = case.priority_of(card.score if card else None)
    return Case(
        case_id=identity,
        customer_id=customer_id,
        origin=origin,
        opened_at=now,
        due_at=case.due(priority, rules, now),
        priority=priority,
        owner=rules.owner,
    )


def change(case_id: str, step: Step) -> Case | None:
    """Take a step with a case, in one transaction with its fact (4 write units); None for an unknown case."""
    for _ in table.tries():
        one = find(case_id)
        if one is None:
            return None
        done = step(one)
        if done is None:
            return one
        after, fact = done
        try:
            table.transact([_put(after), facts.record(fact)])
        except table.Cancelled:
            continue
        return after
    raise AssertionError("tries() ends by raising")


def resolve(case_id: str, outcome: Outcome, rules: Rules, now: datetime, zone: tzinfo) -> Case | None:
    """Close a case: off the list, on to the question whether it helped; None for an unknown case (12 write units)."""
    for _ in table.tries():
        one = find(case_id)
        if one is None:
            return None
        done = case.resolve(one, outcome, now)
        if done is None:
            return one
        after, fact = done
        ask_on = (now + timedelta(days=rules.recovery_after_days)).astimezone(zone).date()
        table_name = table.customers_table()
        writes = [
            _put(after),
            facts.record(fact),
            table.delete(table_name, {"pk": _OPEN, "sk": f"{to_timestamp(one.due_at)}#{one.case_id}"}),
            table.put(table_name, {"pk": _RESOLVED, "sk": f"{to_timestamp(now)}#{case_id}", "case_id": case_id}),
            table.put(table_name, {"pk": _RECOVERY, "sk": f"{ask_on}#{case_id}", "case_id": case_id}),
            contact_histories.count_cases(one.customer_id, -1),
            monthly_counts.add(one.opened_at.astimezone(zone).date(), {"resolved": 1, "minutes": fact.data["minutes"]}),
        ]
        try:
            table.transact(writes)
        except table.Cancelled:
            continue
        return after
    raise AssertionError("tries() ends by raising")


def ask_whether_it_helped(now: datetime, rules: Rules, zone: tzinfo, link_days: int) -> int:
    """Invite those whose cases were resolved long enough ago, once each; how many."""
    today, asked = now.astimezone(zone).date(), 0
    for item in table.query(table.customers_table(), _RECOVERY):
        if item["sk"][:10] > today.isoformat():
            break
        done = table.delete(table.customers_table(), {"pk": _RECOVERY, "sk": item["sk"]})
        one = find(item["case_id"])
        if one is None:
            table.apply(done)
            continue
        held = contact_histories.get(one.customer_id)
        if held.invited_at and now - held.invited_at < timedelta(days=1):
            # Two of her cases were resolved, or a survey came first: one question a day.
            continue
        send_at = survey.out_of_quiet_hours(now, rules, zone)
        invitation = Invitation(
            invitation_id=survey.invitation_id(RECOVERY, one.case_id),
            customer_id=one.customer_id,
            survey_id=RECOVERY,
            run=one.case_id,
            invited_at=now,
            send_at=send_at,
            expires_at=send_at + timedelta(days=link_days),
            case_id=one.case_id,
        )
        try:
            table.transact([*surveys.ask_again(invitation), figures.count_invitation(invitation, zone), done])
        except table.Cancelled as cancelled:
            if cancelled.refused(0):
                table.apply(done)
            # Else somebody else was at it: the next hour asks.
            continue
        asked += 1
    return asked


def members(one: Case) -> dict[str, Any]:
    """A case as the members of an item or an answer."""
    return {
        "case_id": one.case_id,
        "customer_id": one.customer_id,
        "status": one.status,
        "origin": one.origin,
        "priority": one.priority,
        "owner": one.owner,
        "opened_at": to_timestamp(one.opened_at),
        "due_at": to_timestamp(one.due_at),
        "text": one.text,
        "score": one.score,
        "sentiment": one.sentiment,
        "themes": list(one.themes),
        "notes": [{"at": to_timestamp(note.at), "author": note.author, "text": note.text} for note in one.notes],
        "outcome": one.outcome,
        "resolved_at": to_timestamp(one.resolved_at) if one.resolved_at else None,
        "escalated_at": to_timestamp(one.escalated_at) if one.escalated_at else None,
        "about": one.about,
    }


def _key(case_id: str) -> dict[str, str]:
    return {"pk": f"CASE#{case_id}", "sk": "CASE"}


def _put(one: Case) -> table.Write:
    return table.put_version(table.customers_table(), _to_item(one))


def _to_item(one: Case) -> dict[str, Any]:
    return {**_key(one.case_id), **members(one), "version": one.version}


def _from_item(item: Mapping[str, Any]) -> Case:
    return Case(
        case_id=item["case_id"],
        customer_id=item["customer_id"],
        origin=Origin(item["origin"]),
        opened_at=from_timestamp(item["opened_at"]),
        due_at=from_timestamp(item["due_at"]),
        priority=Priority(item["priority"]),
        text=item["text"],
        score=item.get("score"),
        sentiment=item.get("sentiment"),
        themes=tuple(item["themes"]),
        owner=item.get("owner"),
        notes=tuple(
            Note(at=from_timestamp(note["at"]), author=note["author"], text=note["text"]) for note in item["notes"]
        ),
        outcome=Outcome(item["outcome"]) if "outcome" in item else None,
        resolved_at=from_timestamp(item["resolved_at"]) if "resolved_at" in item else None,
        escalated_at=from_timestamp(item["escalated_at"]) if "escalated_at" in item else None,
        about=item["about"],
        version=item["version"],
    )
