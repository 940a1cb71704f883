"""Surveys at pk `NPS#SURVEYS`; invitations at pk `CUST#<customer_id>`, sk `INVITATION#<id>`, with `CARE` beside."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from shared.core import fact_store as facts
from shared.core import old_table as table
from shared.core.errors import Conflict
from shared.core.facts import from_timestamp, to_timestamp
from shared.customers.customer import Customer
from shared.customers.store import contact_histories
from shared.customers.store import profiles as customers
from shared.nps import survey
from shared.nps.margin import Group
from shared.nps.store import figures
from shared.nps.survey import Answer, Invitation, Refusal, Rules, Survey, Texts, Trigger

MAX_SURVEYS: Final = 50
# How long it is known that somebody was not asked; the fact stays.
SKIPPED_DAYS: Final = 30
_PARTITION: Final = "NPS#SURVEYS"
_PREFIX: Final = "SURVEY#"
_RULES: Final = "RULES"
_INVITATION: Final = "INVITATION#"
_PLAIN: Final = (
    "survey_id",
    "enabled",
    "days_after",
    "percent",
    "cooldown_days",
    "link_days",
    "edit_hours",
    "points",
    "anonymous_per_day",
)


def every() -> list[Survey]:
    """All surveys by id (1 read unit per 4 KB; one in one language has some 900 bytes)."""
    return [from_members(item) for item in table.query(table.customers_table(), _PARTITION, _PREFIX)]


def find(survey_id: str) -> Survey | None:
    """The survey with this id (1 read unit)."""
    item = table.get(table.customers_table(), {"pk": _PARTITION, "sk": f"{_PREFIX}{survey_id}"})
    return from_members(item) if item else None


def define(wanted: Survey) -> None:
    """Make a survey what is described (1 write unit per KB). Raises Conflict where there are too many."""
    known = every()
    if len(known) >= MAX_SURVEYS and all(one.survey_id != wanted.survey_id for one in known):
        raise Conflict(f"there are {MAX_SURVEYS} surveys, the most that there can be")
    item = {"pk": _PARTITION, "sk": f"{_PREFIX}{wanted.survey_id}", **to_members(wanted)}
    table.apply(table.put(table.customers_table(), item))


def rules() -> Rules:
    """What holds across surveys (1 read unit)."""
    item = table.get(table.customers_table(), {"pk": _PARTITION, "sk": _RULES})
    return Rules(**{f.name: item[f.name] for f in fields(Rules) if f.name in item}) if item else Rules()


def set_rules(wanted: Rules) -> None:
    """Change what holds across surveys (1 write unit)."""
    table.apply(table.put(table.customers_table(), {"pk": _PARTITION, "sk": _RULES, **asdict(wanted)}))


def find_invitation(customer_id: str, invitation_id: str) -> Invitation | None:
    """The invitation with this id, unless it records that she was not asked (1 read unit)."""
    item = table.get(table.customers_table(), _invitation_key(customer_id, invitation_id))
    return _invitation_from(item) if item and "refusal" not in item else None


def decide(
    customer_id: str,
    wanted: Survey,
    held: Rules,
    run: str,
    about: Callable[[], Mapping[str, str]],
    now: datetime,
    zone: tzinfo,
) -> Refusal | None:
    """Invite a candidate of a run, or record why not; decided once, the first decision stands.

    `about` tells what an invitation is counted by. Of a nightly survey a refusal is not written here: nearly everybody
    is refused every night, and the run's file in the bucket says why. Costs 10 write units for an invitation, 4 for a
    refusal.
    """
    identity = survey.invitation_id(wanted.survey_id, run)
    for _ in table.tries():
        item = table.get(table.customers_table(), _invitation_key(customer_id, identity))
        if item:
            return Refusal(item["refusal"]) if "refusal" in item else None
        customer, care = customers.get(customer_id), contact_histories.get(customer_id)
        reason = survey.refusal(customer, care, wanted, held, run, now, zone)
        if reason and wanted.trigger is Trigger.NIGHTLY:
            return reason
        if reason:
            writes = _refused(customer_id, wanted, run, reason, now)
        else:
            after, asked, fact = survey.invite(care, wanted, held, run, about(), now, home_of(customer, zone))
            writes = [
                table.put_new(table.customers_table(), _invitation_item(asked)),
                facts.record(fact),
                contact_histories.put_invitation(care, after),
                figures.count_invitation(asked, zone),
            ]
        try:
            table.transact(writes)
        except table.Cancelled:
            continue
        return reason
    raise AssertionError("tries() ends by raising")


def home_of(customer: Customer | None, zone: tzinfo) -> tzinfo:
    """The time zone in which a customer lives, the shop's where she has told none."""
    return ZoneInfo(customer.contact.time_zone) if customer and customer.contact.time_zone else zone


def ask_again(asked: Invitation) -> list[table.Write]:
    """The writes of an invitation that no throttle holds back, and that holds back others: whether a case helped."""
    asked_at = table.update(
        table.customers_table(),
        contact_histories.HISTORIES.key(customer_id=asked.customer_id),
        "SET invited_at = :now",
        "",
        {":now": to_timestamp(asked.invited_at)},
    )
    return [
        table.put_new(table.customers_table(), _invitation_item(asked)),
        facts.record(survey.invited_fact(asked)),
        asked_at,
    ]


def put_answer(asked: Invitation) -> table.Write:
    """The write of an answered invitation over the version before."""
    return table.put_version(table.customers_table(), _invitation_item(asked))


def to_members(one: Survey) -> dict[str, Any]:
    """A survey as the members of an item or an answer; what is not set is None."""
    return {
        **{name: getattr(one, name) for name in _PLAIN},
        "trigger": one.trigger,
        "texts": {
            locale: {"question": texts.question, "follow_ups": dict(texts.follow_ups), "thanks": dict(texts.thanks)}
            for locale, texts in one.texts.items()
        },
    }


def from_members(members: Mapping[str, Any]) -> Survey:
    """The survey of an item."""
    plain: dict[str, Any] = {name: members.get(name) for name in _PLAIN}
    return Survey(
        **plain,
        trigger=Trigger(members["trigger"]),
        texts={
            locale: Texts(
                question=texts["question"],
                follow_ups={Group(group): text for group, text in texts["follow_ups"].items()},
                thanks={Group(group): text for group, text in texts["thanks"].items()},
            )
            for locale, texts in members["texts"].items()
        },
    )


def _refused(customer_id: str, wanted: Survey, run: str, reason: Refusal, now: datetime) -> list[table.Write]:
    item = {
        **_invitation_key(customer_id, survey.invitation_id(wanted.survey_id, run)),
        "refusal": reason,
        "expires_at": int((now + timedelta(days=SKIPPED_DAYS)).timestamp()),
    }
    fact = survey.skipped_fact(customer_id, wanted, run, reason, now)
    return [table.put_new(table.customers_table(), item), facts.record(fact)]


def _invitation_key(customer_id: str, invitation_id: str) -> dict[str, str]:
    return {"pk": facts.partition(customer_id), "sk": f"{_INVITATION}{invitation_id}"}


def _invitation_item(one: Invitation) -> dict[str, Any]:
    given = one.answer
    return {
        **_invitation_key(one.customer_id, one.invitation_id),
        "invitation_id": one.invitation_id,
        "customer_id": one.customer_id,
        "survey_id": one.survey_id,
        "run": one.run,
        "invited_at": to_timestamp(one.invited_at),
        "send_at": to_timestamp(one.send_at),
        # Not the TTL's attribute: an answer is kept.
        "open_until": to_timestamp(one.expires_at),
        "about": one.about,
        "case_id": one.case_id,
        "answer": {**asdict(given), "themes": list(given.themes), "answered_at": to_timestamp(given.answered_at)}
        if given
        else None,
        "version": one.version,
    }


def _invitation_from(item: Mapping[str, Any]) -> Invitation:
    names = ("invitation_id", "customer_id", "survey_id", "run", "about", "version")
    return Invitation(
        **{name: item[name] for name in names},
        invited_at=from_timestamp(item["invited_at"]),
        send_at=from_timestamp(item["send_at"]),
        expires_at=from_timestamp(item["open_until"]),
        case_id=item.get("case_id"),
        answer=_answer_from(item["answer"]) if "answer" in item else None,
    )


def _answer_from(members: Mapping[str, Any]) -> Answer:
    return Answer(
        score=members["score"],
        answered_at=from_timestamp(members["answered_at"]),
        comment=members["comment"],
        sentiment=members.get("sentiment"),
        themes=tuple(members["themes"]),
        changes=members["changes"],
    )
