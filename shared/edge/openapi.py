"""The HTTP contract as OpenAPI 3.1, made from the wirings and the models that they name; built as stacks are."""

import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.edge import answers
from shared.edge.http import FORM_TYPE, JSON_TYPE, PROBLEM_TYPE
from shared.edge.wiring import Capability, Function, Route

_SHARED: Final = Path(__file__).parents[1]
_PAGE_TYPE: Final = "text/html"
_DESCRIPTIONS: Final = {
    200: "What was asked for",
    201: "It was made",
    202: "It was taken, and happens afterwards",
    303: "The form was taken; on to the address that it names",
}
_AGAIN: Final = "It was made before: the same again changes nothing"

# By the name of a model, and whether it is read or written.
_Key = tuple[str, Literal["validation", "serialization"]]
Models = dict[_Key, type[BaseModel]]
# The schema of each, and whether it has members without a default.
Schemas = Mapping[_Key, tuple[Mapping[str, Any], bool]]


def describe(capabilities: Iterable[Capability]) -> dict[str, Any]:
    """The OpenAPI document of these capabilities.

    Raises LookupError where a route names a model that does not exist.
    """
    capabilities = list(capabilities)
    models = _models(capabilities)
    schemas, definitions = models_json_schema(
        [(model, mode) for (_, mode), model in models.items()], ref_template="#/components/schemas/{model}"
    )
    named = {key: (schemas[model, key[1]], _is_required(model)) for key, model in models.items()}
    paths: dict[str, dict[str, Any]] = {}
    for capability in capabilities:
        for function in capability.functions:
            for route in function.routes:
                operation = {**_operation(function, route, named), "tags": [capability.name]}
                paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Regulars",
            "version": "1",
            "description": "Amounts are integers in minor units of their currency; times are ISO 8601.",
        },
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _models(capabilities: Iterable[Capability]) -> Models:
    """The models that routes name, and that of a refusal."""
    models: Models = {("Problem", "serialization"): answers.Problem}
    for capability in capabilities:
        for function in capability.functions:
            for route in function.routes:
                if route.body:
                    models[route.body, "validation"] = model_of("payloads", route.body)
                for name in filter(None, route.answers.values()):
                    models[name, "serialization"] = model_of("answers", name)
    return models


def model_of(kind: str, name: str) -> type[BaseModel]:
    """The model of this name in a module `shared/<capability>/<kind>.py`; the function's capability may be another.

    Raises LookupError where there is no such model, or several.
    """
    modules = [import_module(f"shared.{path.parent.name}.{kind}") for path in sorted(_SHARED.glob(f"*/{kind}.py"))]
    # Modules also import the models of others.
    members = [(module, vars(module).get(name)) for module in modules]
    models = [member for module, member in members if member is not None and member.__module__ == module.__name__]
    if len(models) != 1:
        raise LookupError(f"{name}: want one model of this name in shared/*/{kind}.py, there are {len(models)}")
    model: type[BaseModel] = models[0]
    return model


def _is_required(model: type[BaseModel]) -> bool:
    """Whether an empty object is no body of this model."""
    return any(field.is_required() for field in model.model_fields.values())


def _operation(function: Function, route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": function.operation(route),
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": {
            **{str(status): _answer(route, status, schemas) for status in sorted(route.answers)},
            "default": {"description": "Refused", "content": _refusal(route)},
        },
    }
    body = _body(route, schemas)
    if body:
        operation["requestBody"] = body
    if route.scope:
        operation["security"] = [{"key": []}]
        operation["description"] = f"Needs a key with the scope `{route.scope}`."
    return operation


def _answer(route: Route, status: int, schemas: Schemas) -> dict[str, Any]:
    description = _AGAIN if status == 200 and 201 in route.answers else _DESCRIPTIONS[status]
    if status == 303:
        return {
            "description": description,
            "headers": {"location": {"required": True, "schema": {"type": "string", "format": "uri"}}},
        }
    model = route.answers[status]
    schema, _ = schemas[model, "serialization"] if model else ({}, False)
    data = {} if route.page else {JSON_TYPE: {"schema": schema}}
    return {"description": description, "content": {**data, **_page(route)}}


def _refusal(route: Route) -> dict[str, Any]:
    data = {} if route.page else {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {**data, **_page(route)}


def _page(route: Route) -> dict[str, Any]:
    """The HTML content of an answer: pages, and all answers to forms."""
    return {_PAGE_TYPE: {"schema": {"type": "string"}}} if route.page or route.form else {}


def _body(route: Route, schemas: Schemas) -> dict[str, Any]:
    if route.body:
        schema, is_required = schemas[route.body, "validation"]
        kinds = (JSON_TYPE, FORM_TYPE) if route.form else (JSON_TYPE,)
        # A PUT without a body would set whatever has a default: it is refused.
        return {
            "required": is_required or route.method == "PUT",
            "content": {kind: {"schema": schema} for kind in kinds},
        }
    if route.fields:
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in route.fields}}
        return {"content": {FORM_TYPE: {"schema": schema}}}
    return {}


def _parameters(route: Route) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    in_query = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in route.query]
    return in_path + in_query
