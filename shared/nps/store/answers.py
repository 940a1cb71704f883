"""Answers: on invitations, anonymous ones at pk `FEEDBACK#<survey_id>`; comments at pk `COMMENTS#<month>`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo

from shared.cases.store import records as cases
from shared.core import fact_store as facts
from shared.core import old_table as table
from shared.core.facts import to_timestamp
from shared.core.months import month_of
from shared.nps import survey
from shared.nps.store import definitions as surveys
from shared.nps.store import figures
from shared.nps.survey import Answer, Invitation


def answer(
    customer_id: str, invitation_id: str, score: int, comment: str, now: datetime, zone: tzinfo, locale: str | None
) -> Invitation | None:
    """Record or change an answer, count it, and open a case for a detractor, in one transaction; None if not invited.

    Raises TooLate where it can no longer be changed.
    """
    for _ in table.tries():
        asked = surveys.find_invitation(customer_id, invitation_id)
        if asked is None:
            return None
        wanted = surveys.find(asked.survey_id) or survey.Survey(
            survey_id=asked.survey_id, trigger=survey.Trigger.NIGHTLY, points=0
        )
        done = survey.answer(asked, wanted, score, comment, now, locale)
        if done is None:
            return asked
        after, fact = done
        writes = [
            surveys.put_answer(after),
            facts.record(fact),
            *figures.count_answer(after, asked.answer, zone),
            *cases.for_answer(after, surveys.rules(), now, zone),
            *_kept_comment(after, asked.answer, zone),
        ]
        try:
            table.transact(writes)
        except table.Cancelled:
            continue
        return after
    raise AssertionError("tries() ends by raising")


def answer_anonymously(
    survey_id: str, place: str, answer_id: str, given: Answer, limit: int, now: datetime, zone: tzinfo
) -> Answer | None:
    """Record an answer by an anonymous link, once for each `answer_id`; None where the day has had its `limit`.

    The answer that is on record: of a form that is sent again, the first.
    """
    day = now.astimezone(zone).date().isoformat()
    item = {"pk": f"FEEDBACK#{survey_id}", "sk": f"ANSWER#{answer_id}", "place": place, **_members(given)}
    count = table.update(
        table.customers_table(),
        {"pk": f"FEEDBACK#{survey_id}", "sk": f"DAY#{place}#{day}"},
        "ADD answers :one",
        "attribute_not_exists(answers) OR answers < :limit",
        {":one": 1, ":limit": limit},
    )
    about = {"survey_id": survey_id, "place": place}
    comment = [_comment(given, about, answer_id, zone)] if given.comment else []
    for _ in table.tries():
        counted = figures.count_anonymous(survey_id, place, answer_id, given, zone)
        try:
            table.transact([table.put_new(table.customers_table(), item), count, *counted, *comment])
        except table.Cancelled as cancelled:
            if cancelled.refused(0):
                return replace(given, score=cancelled.items[0]["score"])
            if cancelled.refused(1):
                return None
            continue
        return given
    raise AssertionError("tries() ends by raising")


def comments(month: str, limit: int, after: str | None) -> tuple[list[table.Item], str | None]:
    """What customers wrote in a month, newest first, and where to go on (1 read unit per 4 KB)."""
    items = table.query(table.customers_table(), f"COMMENTS#{month}", limit=limit + 1, newest_first=True, after=after)
    more = str(items[limit - 1]["sk"]) if len(items) > limit else None
    # Emptied ones leave an item behind: what a customer changes by her link may not delete.
    kept = [item for item in items[:limit] if item["comment"]]
    return [{k: v for k, v in item.items() if k not in ("pk", "sk")} for item in kept], more


def _kept_comment(asked: Invitation, before: Answer | None, zone: tzinfo) -> list[table.Write]:
    assert asked.answer is not None
    if not asked.answer.comment and not (before and before.comment):
        return []
    about = {"survey_id": asked.survey_id, "customer_id": asked.customer_id, **asked.about}
    return [_comment(asked.answer, about, f"{asked.customer_id}#{asked.invitation_id}", zone)]


def _comment(given: Answer, about: Mapping[str, str], identity: str, zone: tzinfo) -> table.Write:
    """The write that lists a comment in its month; a changed one takes the place of what was written first."""
    month = month_of(given.answered_at.astimezone(zone).date())
    key = {"pk": f"COMMENTS#{month}", "sk": f"{to_timestamp(given.answered_at)}#{identity}"}
    return table.put(table.customers_table(), {**key, **about, **_members(given)})


def _members(given: Answer) -> dict[str, object]:
    return {
        "score": given.score,
        "comment": given.comment,
        "sentiment": given.sentiment,
        "themes": list(given.themes),
        "answered_at": to_timestamp(given.answered_at),
    }
