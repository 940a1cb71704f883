"""Answers to surveys: on the invitation, pk `CUST#<customer_id>`; anonymous ones at pk `FEEDBACK#<survey_id>`."""

from datetime import datetime, tzinfo

from shared.domain import survey
from shared.domain.facts import to_timestamp
from shared.domain.nps import Group, group_of
from shared.domain.survey import RECOVERY, Answer, Invitation
from shared.store import cases, facts, figures, surveys, table


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
        writes = [surveys.put_answer(after), facts.record(fact), *figures.count_answer(after, asked.answer, zone)]
        if group_of(score) is Group.DETRACTOR and asked.survey_id != RECOVERY:
            writes += cases.for_answer(after, surveys.rules(), now, zone)
        try:
            table.transact(writes)
        except table.Cancelled:
            continue
        return after
    raise AssertionError("tries() ends by raising")


def answer_anonymously(
    survey_id: str, place: str, answer_id: str, given: Answer, limit: int, now: datetime, zone: tzinfo
) -> bool:
    """Record an answer by an anonymous link, once for each `answer_id`; False where the day has had its `limit`."""
    day = now.astimezone(zone).date().isoformat()
    item = {
        "pk": f"FEEDBACK#{survey_id}",
        "sk": f"ANSWER#{answer_id}",
        "place": place,
        "score": given.score,
        "comment": given.comment,
        "sentiment": given.sentiment,
        "themes": list(given.themes),
        "answered_at": to_timestamp(given.answered_at),
    }
    count = table.update(
        table.customers_table(),
        {"pk": f"FEEDBACK#{survey_id}", "sk": f"DAY#{place}#{day}"},
        "ADD answers :one",
        "attribute_not_exists(answers) OR answers < :limit",
        {":one": 1, ":limit": limit},
    )
    for _ in table.tries():
        counted = figures.count_anonymous(survey_id, place, given, zone)
        try:
            table.transact([table.put_new(table.customers_table(), item), count, *counted])
        except table.Cancelled as cancelled:
            if cancelled.refused(0):
                return True
            if cancelled.refused(1):
                return False
            continue
        return True
    raise AssertionError("tries() ends by raising")
