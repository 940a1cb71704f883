"""Answers by anonymous links: pk `FEEDBACK#<survey_id>`, sk `ANSWER#<form's id>`; by day sk `DAY#<place>#<day>`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.core.privacy import FREE_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousAnswer:
    """An answer by somebody at a place; `answer_id` is the form's."""

    survey_id: str
    answer_id: str
    place: str
    score: int
    comment: Annotated[str, FREE_TEXT]
    sentiment: str | None
    themes: tuple[str, ...]
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfAnswers:
    """How many answers a place has had on a day of the shop."""

    survey_id: str
    place: str
    day: date
    answers: int


ANSWERS: Final = Kind(
    AnonymousAnswer, CUSTOMERS, "FEEDBACK#{survey_id}", "ANSWER#{answer_id}", in_key=("survey_id", "answer_id")
)
DAYS: Final = Kind(
    DayOfAnswers, CUSTOMERS, "FEEDBACK#{survey_id}", "DAY#{place}#{day}", in_key=("survey_id", "place", "day")
)


def put_new(answer: AnonymousAnswer) -> Write:
    """The write of an answer, once for each form (2 write units)."""
    return ANSWERS.put_new(answer)


def count(survey_id: str, place: str, day: date, limit: int) -> Write:
    """The write that counts an answer, if the place has not had `limit` of them on that day (2 write units)."""
    return CUSTOMERS.update(
        DAYS.key(survey_id=survey_id, place=place, day=day.isoformat()),
        "ADD answers :count",
        "attribute_not_exists(answers) OR answers < :limit",
        {":count": 1, ":limit": limit},
    )
