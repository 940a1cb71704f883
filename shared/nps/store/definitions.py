"""Surveys and the rules across them: pk `NPS#SURVEYS`, sk `SURVEY#<survey_id>`, `RULES`."""

from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.nps.survey import Rules, Survey

SURVEYS: Final = Kind(Survey, CUSTOMERS, "NPS#SURVEYS", "SURVEY#{survey_id}")
RULES: Final = Kind(Rules, CUSTOMERS, "NPS#SURVEYS", "RULES")


def get_survey(survey_id: str) -> Survey | None:
    """The survey with this id (1 read unit)."""
    return SURVEYS.get(survey_id=survey_id)


def list_surveys() -> list[Survey]:
    """All surveys by id (1 read unit per 4 KB; a survey in one language has some 900 bytes)."""
    return SURVEYS.query()


def get_rules() -> Rules:
    """The rules (1 read unit)."""
    return RULES.get() or Rules()


def get_all() -> tuple[Rules, list[Survey]]:
    """The rules and all surveys by id, in one call (1 read unit per 4 KB)."""
    items = CUSTOMERS.query("NPS#SURVEYS")
    rules = next((RULES.entity(item) for item in items if RULES.owns(item)), Rules())
    return rules, [SURVEYS.entity(item) for item in items if SURVEYS.owns(item)]


def put_survey(survey: Survey) -> Write:
    """The write of a survey over the version before it (1 write unit per KB by itself)."""
    return SURVEYS.put_version(survey)


def put_rules(rules: Rules) -> Write:
    """The write of the rules (1 write unit by itself)."""
    return RULES.put(rules)
