"""The answers of the HTTP contract: every route that answers data names a model, and examples fit."""

from collections.abc import Iterator
from importlib import import_module

import pytest
from jsonschema import Draft202012Validator

from infra import ROOT, wirings
from shared.edge.answers import Answer
from shared.edge.openapi import model_of
from tests.functional.answer_models import validator

NAMED = {name for route in wirings.routes().values() for name in route.answers.values() if name}
NAMES = sorted(NAMED | {"Problem", "GatewayMessage"})


def test_every_route_names_the_models_of_its_answers() -> None:
    for key, route in wirings.routes().items():
        for status, name in route.answers.items():
            assert bool(name) != (route.page or status == 303), (key, status)
        assert all(400 <= status < 600 for status in route.refusals), key


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_has_a_valid_schema_and_an_example_that_fits(name: str) -> None:
    schema = model_of("answers", name).model_json_schema(by_alias=True)
    Draft202012Validator.check_schema(schema)
    assert schema["description"]
    for example in schema["examples"] if name != "OpenApiDocument" else []:
        validator(name).validate(example)


def _models() -> Iterator[str]:
    for path in ROOT.glob("shared/*/answers.py"):
        module = import_module(f"shared.{path.parent.name}.answers")
        for name, one in vars(module).items():
            if isinstance(one, type) and issubclass(one, Answer) and one.__module__ == module.__name__:
                yield name


def test_the_names_of_answers_are_unique() -> None:
    names = list(_models())
    assert sorted(names) == sorted(set(names))


def test_no_function_imports_models_of_answers() -> None:
    importing = [
        path
        for folder in ("functions", "shared")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "answers.py" and ".answers import" in path.read_text()
    ]
    assert importing == []
