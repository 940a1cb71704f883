"""The HTTP contract as OpenAPI 3.1, made from the table of routes and the models of the bodies."""

import re
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.cases import payloads as cases
from shared.customers import payloads as customers
from shared.edge.http import FORM_TYPE, JSON_TYPE
from shared.edge.routes import ROUTES, Route
from shared.loyalty import payloads as loyalty
from shared.nps import payloads as nps
from shared.purchases import payloads as purchases
from shared.scoring import payloads as scoring

_CAPABILITIES: Final = (cases, customers, loyalty, nps, purchases, scoring)

_PROBLEM: Final = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_PAGES: Final = (
    "confirm_signup",
    "manage_preferences",
    "unsubscribe_customer",
    "show_points_page",
    "answer_survey",
    "answer_anonymously",
    "take_complaint",
)


def describe() -> dict[str, Any]:
    """The OpenAPI document."""
    names = sorted({route.body for route in ROUTES if route.body})
    models: list[tuple[type[BaseModel], Literal["validation"]]] = [(_model(name), "validation") for name in names]
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Regulars",
            "version": "1",
            "description": "Amounts are integers in minor units of their currency; times are ISO 8601.",
        },
        "paths": paths,
        "components": {
            "schemas": {**definitions["$defs"], "Problem": _PROBLEM},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _model(name: str) -> type[BaseModel]:
    # Modules also import the models of others: all of them are the same class.
    models: set[type[BaseModel]] = {getattr(module, name) for module in _CAPABILITIES if hasattr(module, name)}
    (model,) = models
    return model


def _operation(route: Route) -> dict[str, Any]:
    body_type = "text/html" if route.function in _PAGES else JSON_TYPE
    operation: dict[str, Any] = {
        "operationId": f"{route.function}_{route.method.lower()}_{'_'.join(re.findall(r'[a-z_]+', route.path))}",
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": {
            str(route.success): {"description": "Done", "content": {body_type: {"schema": {}}}},
            "default": {
                "description": "Refused",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }
    if route.body:
        schema = {"schema": {"$ref": f"#/components/schemas/{route.body}"}}
        kinds = (JSON_TYPE, FORM_TYPE) if route.function == "register_customer" else (JSON_TYPE,)
        operation["requestBody"] = {
            "required": route.function != "start_rescoring",
            "content": dict.fromkeys(kinds, schema),
        }
    if route.scope:
        operation["security"] = [{"key": []}]
        operation["description"] = f"Needs a key with the scope `{route.scope}`."
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    in_query = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in route.query]
    return in_path + in_query
