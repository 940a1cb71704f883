"""Changing surveys and the rules across them."""

from typing import Final

from shared.core.dynamodb import apply, optimistic
from shared.core.errors import Conflict
from shared.nps.store import definitions
from shared.nps.survey import Rules, Survey, next_version

MAX_SURVEYS: Final = 50


@optimistic
def define(proposed: Survey, changed_from: int | None) -> Survey:
    """Add a survey, or change the survey with its id: 1 read unit per 4 KB of all, 1 write unit per KB.

    Raises Conflict where there are too many, or where `changed_from` is not the version in force (`next_version`).
    """
    known = {each.survey_id: each for each in definitions.list_surveys()}
    if len(known) >= MAX_SURVEYS and proposed.survey_id not in known:
        raise Conflict(f"there are {MAX_SURVEYS} surveys, the most that there can be")
    latest = known.get(proposed.survey_id)
    survey = next_version(latest, proposed, changed_from)
    if survey != latest:
        apply(definitions.put_survey(survey))
    return survey


def change_rules(rules: Rules) -> None:
    """Replace the rules (1 write unit)."""
    apply(definitions.put_rules(rules))
