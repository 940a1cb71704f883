"""The OpenAPI document: valid, and its examples fit their schemas."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from infra import wirings
from shared.edge import openapi
from tests.contract.answers import model_named

DOCUMENT: Final = openapi.describe(wirings.capabilities())
SCHEMAS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
BODIES: Final = sorted({route.body for route in wirings.routes().values() if route.body})


def test_the_document_is_valid_openapi() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


@pytest.mark.parametrize("name", BODIES)
def test_a_body_has_an_example_that_fits_its_schema(name: str) -> None:
    validator = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}})
    assert SCHEMAS[name]["examples"]
    for example in SCHEMAS[name]["examples"]:
        validator.validate(example)


@pytest.mark.parametrize("name", BODIES)
def test_the_example_of_a_body_is_taken(name: str) -> None:
    for example in SCHEMAS[name]["examples"]:
        openapi.model_of("payloads", name).model_validate(example)


def _amounts(schema: Any) -> Iterator[tuple[str, Any]]:
    for name, member in schema.get("properties", {}).items():
        if name in {"amount", "discount", "monetary", "price", "revenue", "shipping", "spent", "tax", "total"}:
            yield name, member


def test_members_that_are_amounts_say_that_they_are_in_minor_units() -> None:
    answers = ("RefundTaken", "CustomerView", "SegmentReport", "LifecycleReport", "ForecastReport")
    schemas = [*SCHEMAS.values(), *(defined for name in answers for defined in _definitions(name))]
    for schema in schemas:
        for name, member in _amounts(schema):
            words = member.get("description", "") + schema["description"]
            of_money = "points" not in words
            assert "$ref" in member or not of_money or "minor units" in words, f"{schema['title']}.{name}"


def _definitions(name: str) -> list[Any]:
    schema = model_named(name).model_json_schema()
    return [schema, *schema.get("$defs", {}).values()]
