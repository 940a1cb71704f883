"""GET, PUT /nps/surveys, /nps/rules → surveys as data; GET …/link → the anonymous link of a place."""

import re
from dataclasses import asdict
from typing import Final

from shared.core import environment
from shared.core.errors import Invalid, NotFound
from shared.edge.http import Request, Response, respond, serve
from shared.nps.links import feedback_path
from shared.nps.payloads import RulesPayload, SurveyPayload
from shared.nps.store import definitions as surveys

_SURVEY_ID: Final = r"[a-z0-9][a-z0-9-]{0,39}"
_PLACE: Final = r"[a-z0-9][a-z0-9-]{0,39}"
_RESERVED: Final = frozenset({"recovery"})


def show_surveys(_request: Request) -> Response:
    """All surveys."""
    return respond(200, {"surveys": [surveys.to_members(one) for one in surveys.every()]})


def change_survey(request: Request) -> Response:
    """Make a survey what the body says; what is left out has its default."""
    survey_id = request.path["survey_id"]
    if not re.fullmatch(_SURVEY_ID, survey_id) or survey_id in _RESERVED:
        raise Invalid("survey_id: want up to 40 lower-case letters, digits and hyphens, and not 'recovery'")
    wanted = request.json(SurveyPayload).to_survey(survey_id)
    surveys.define(wanted)
    return respond(200, surveys.to_members(wanted))


def show_link(request: Request) -> Response:
    """The link to print at a place; its answers are counted by the place."""
    found = surveys.find(request.path["survey_id"][:60])
    if found is None:
        raise NotFound("there is no such survey")
    place = request.query.get("place", "")
    if not re.fullmatch(_PLACE, place):
        raise Invalid("place: want up to 40 lower-case letters, digits and hyphens, as in ?place=counter")
    root = environment.public_url()
    body = {
        "survey_id": found.survey_id,
        "place": place,
        "url": f"{root}/{feedback_path(found.survey_id, place)}",
    }
    return respond(200, {**body, "answers_per_day": found.anonymous_per_day})


def show_rules(_request: Request) -> Response:
    """What holds across surveys and cases."""
    return respond(200, asdict(surveys.rules()))


def change_rules(request: Request) -> Response:
    """Change it; what is left out has its default."""
    wanted = request.json(RulesPayload).to_rules()
    surveys.set_rules(wanted)
    return respond(200, asdict(wanted))


handler = serve(
    {
        "GET /nps/surveys": show_surveys,
        "PUT /nps/surveys/{survey_id}": change_survey,
        "GET /nps/surveys/{survey_id}/link": show_link,
        "GET /nps/rules": show_rules,
        "PUT /nps/rules": change_rules,
    }
)
