"""GET, PUT /nps/surveys, /nps/rules → surveys as data; GET …/link → the anonymous link of a place."""

import re
from typing import Final

from functions.nps.wiring import NPS
from shared.core import environment
from shared.core.codec import to_members
from shared.core.errors import Invalid, NotFound
from shared.edge.http import Request, Response, respond, serve
from shared.nps.actions import configuring
from shared.nps.links import feedback_path
from shared.nps.payloads import RulesPayload, SurveyPayload
from shared.nps.store import definitions
from shared.nps.survey import RECOVERY

_SURVEY_ID: Final = r"[a-z0-9][a-z0-9-]{0,39}"
_PLACE: Final = r"[a-z0-9][a-z0-9-]{0,39}"


def show_surveys(_request: Request) -> Response:
    """All surveys."""
    return respond(200, {"surveys": [to_members(survey) for survey in definitions.list_surveys()]})


def change_survey(request: Request) -> Response:
    """Add or change a survey; members left out have their defaults. The same content again makes no version."""
    survey_id = request.path["survey_id"]
    if not re.fullmatch(_SURVEY_ID, survey_id) or survey_id == RECOVERY:
        raise Invalid("survey_id: want up to 40 lower-case letters, digits and hyphens, and not 'recovery'")
    payload = request.json(SurveyPayload)
    return respond(200, to_members(configuring.define(payload.to_survey(survey_id), payload.version)))


def show_link(request: Request) -> Response:
    """The link to print at a place; its answers are counted by the place."""
    survey = definitions.get_survey(request.path["survey_id"][:60])
    if survey is None:
        raise NotFound("there is no such survey")
    place = request.query.get("place", "")
    if not re.fullmatch(_PLACE, place):
        raise Invalid("place: want up to 40 lower-case letters, digits and hyphens, as in ?place=counter")
    root = environment.public_url()
    body = {
        "survey_id": survey.survey_id,
        "place": place,
        "url": f"{root}/{feedback_path(survey.survey_id, place)}",
    }
    return respond(200, {**body, "answers_per_day": survey.anonymous_per_day})


def show_rules(_request: Request) -> Response:
    """The rules across surveys and cases."""
    return respond(200, to_members(definitions.get_rules()))


def change_rules(request: Request) -> Response:
    """Replace the rules; members left out have their defaults."""
    rules = request.json(RulesPayload).to_rules()
    configuring.change_rules(rules)
    return respond(200, to_members(rules))


handler = serve(
    NPS,
    {
        "GET /nps/surveys": show_surveys,
        "PUT /nps/surveys/{survey_id}": change_survey,
        "GET /nps/surveys/{survey_id}/link": show_link,
        "GET /nps/rules": show_rules,
        "PUT /nps/rules": change_rules,
    },
)
