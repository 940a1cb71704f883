"""Every answer of a route that a test sees is a declared one, and has no member that its model does not name."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from infra import wirings
from tests.contract.answers import (
    ANSWERS,
    EVERY_ROUTE,
    PAGE,
    PROBLEM,
    REDIRECT,
    WITH_BODY,
    WITH_FORM,
    WITH_SCOPE,
    model_named,
    names_of,
)
from tests.functional.fact_schemas import closed


def check_answer(event: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Raises AssertionError for a status or content type that the route does not declare, ValidationError for a body
    that does not fit; what a function answers to others than callers of the API is not looked at.
    """
    key = event.get("routeKey")
    if key is None or "statusCode" not in answer:
        return
    status, kind = answer["statusCode"], answer["headers"].get("content-type", "")
    names = declared(key, status)
    assert names, f"{key} does not declare the status {status}"
    if kind.startswith("text/html"):
        assert PAGE in names, f"{key} does not declare a page for {status}"
    elif kind == "application/problem+json":
        assert PROBLEM in names, f"{key} does not declare a problem for {status}"
        validator(PROBLEM).validate(json.loads(answer["body"]))
    elif kind == "application/json":
        (name,) = [name for name in names if name not in (PAGE, PROBLEM, REDIRECT, "GatewayMessage")]
        validator(name).validate(json.loads(answer["body"]))
    else:
        assert REDIRECT in names
        assert answer["headers"]["location"]


def declared(key: str, status: int) -> set[str]:
    """What a route may answer with this status, by name."""
    route = wirings.routes()[key]
    tables = [ANSWERS[key], EVERY_ROUTE]
    tables += [WITH_SCOPE] if route.scope else []
    tables += [WITH_BODY] if route.body else []
    tables += [WITH_FORM] if route.method == "POST" and route.scope is None else []
    return {name for table in tables if status in table for name in names_of(table[status])}


@cache
def validator(name: str) -> Draft202012Validator:
    """The schema of an answer as it is published, closed to members that it does not name."""
    return Draft202012Validator(closed(model_named(name).model_json_schema(by_alias=True)))
