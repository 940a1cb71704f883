"""Every answer of a route that a test sees is a declared one, and has no member that its model does not name."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from infra import wirings
from shared.edge.http import JSON_TYPE, PROBLEM_TYPE
from shared.edge.openapi import ANYWHERE, model_of, refusals
from tests.functional.fact_schemas import closed


def check_answer(event: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Raises AssertionError for a status or content type that the route does not declare, ValidationError for a body
    that does not fit; what a function answers to others than callers of the API is not looked at.
    """
    key = event.get("routeKey")
    if key is None or "statusCode" not in answer:
        return
    route, status = wirings.routes()[key], answer["statusCode"]
    kind = answer["headers"].get("content-type", "")
    assert status in (*route.answers, *refusals(route), *ANYWHERE), f"{key} does not declare the status {status}"
    if kind.startswith("text/html"):
        assert route.page or route.form, f"{key} does not declare pages"
    elif kind == PROBLEM_TYPE:
        assert status >= 400
        assert not route.page or route.fields or status in ANYWHERE, f"{key} declares pages only for {status}"
        validator("Problem").validate(json.loads(answer["body"]))
    elif kind == JSON_TYPE:
        validator(route.answers[status] or "").validate(json.loads(answer["body"]))
    else:
        assert status == 303
        assert answer["headers"]["location"]


@cache
def validator(name: str) -> Draft202012Validator:
    """The schema of an answer as it is published, closed to members that it does not name."""
    return Draft202012Validator(closed(model_of("answers", name).model_json_schema(by_alias=True)))
