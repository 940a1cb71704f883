"""Changing surveys and the rules across them."""

from typing import Final

from shared.core.dynamodb import apply
from shared.core.errors import Conflict
from shared.nps.store import definitions
from shared.nps.survey import Rules, Survey

MAX_SURVEYS: Final = 50


def define(survey: Survey) -> None:
    """Add a survey, or replace the survey with its id: 1 read unit per 4 KB of all, 1 write unit per KB.

    Raises Conflict where there are too many.
    """
    known = {each.survey_id for each in definitions.list_surveys()}
    if len(known) >= MAX_SURVEYS and survey.survey_id not in known:
        raise Conflict(f"there are {MAX_SURVEYS} surveys, the most that there can be")
    apply(definitions.put_survey(survey))


def change_rules(rules: Rules) -> None:
    """Replace the rules (1 write unit)."""
    apply(definitions.put_rules(rules))
