"""The answers of the HTTP contract: every route has some, and their examples fit."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from infra import ROOT, wirings
from shared.edge.answers import Answer
from tests.contract.answers import (
    ANSWERS,
    EVERY_ROUTE,
    PAGE,
    REDIRECT,
    WITH_BODY,
    WITH_FORM,
    WITH_SCOPE,
    model_named,
    names_of,
)
from tests.functional.answer_models import validator

TABLES = (*ANSWERS.values(), EVERY_ROUTE, WITH_SCOPE, WITH_BODY, WITH_FORM)
NAMES = sorted(
    {name for table in TABLES for answers in table.values() for name in names_of(answers)} - {PAGE, REDIRECT}
)


def test_every_route_declares_its_answers() -> None:
    routes = wirings.routes()
    assert set(ANSWERS) == set(routes)
    for key, route in routes.items():
        declared = {status: names_of(names) for status, names in ANSWERS[key].items() if status < 400}
        assert declared.keys() == route.answers.keys(), key
        for status, name in route.answers.items():
            assert name in declared[status] if name else set(declared[status]) <= {PAGE, REDIRECT}, key


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_has_a_valid_schema_and_an_example_that_fits(name: str) -> None:
    model = model_named(name)
    schema = model.model_json_schema(by_alias=True)
    Draft202012Validator.check_schema(schema)
    assert schema["description"]
    for example in schema["examples"] if name != "OpenApiDocument" else []:
        validator(name).validate(example)


def _models() -> Iterator[tuple[str, Any]]:
    for path in ROOT.glob("shared/*/answers.py"):
        module = import_module(f"shared.{path.parent.name}.answers")
        for name, model in vars(module).items():
            if isinstance(model, type) and issubclass(model, Answer) and model.__module__ == module.__name__:
                yield name, model


def test_the_names_of_answers_are_unique() -> None:
    names = [name for name, _ in _models()]
    assert sorted(names) == sorted(set(names))


def test_no_function_imports_models_of_answers() -> None:
    importing = [
        path
        for folder in ("functions", "shared")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "answers.py" and ".answers import" in path.read_text()
    ]
    assert importing == []
