"""Every fact that a test leaves in the table fits the schema of its type, and has no member that is not declared."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft7Validator

from infra.event_docs import fact_types, schema_of
from shared.core import dynamodb, fact_store


@pytest.fixture(autouse=True)
def facts_fit_their_schemas(aws: None) -> Iterator[None]:
    """Holds the facts against their schemas after the test."""
    yield
    pages = dynamodb.client().get_paginator("scan").paginate(TableName=dynamodb.CUSTOMERS.name)
    for item in (dynamodb.unpack(packed) for page in pages for packed in page["Items"]):
        if item["sk"].startswith(fact_store.PREFIX):
            check_fact({name: value for name, value in item.items() if name not in ("pk", "sk")})


def check_fact(members: Mapping[str, Any]) -> None:
    """Raises ValidationError where a fact does not fit the schema of its type."""
    validator(members["type"]).validate(dict(members))


@cache
def validator(name: str) -> Draft7Validator:
    """The published schema of a type of fact, closed to members that it does not name."""
    return Draft7Validator(closed(schema_of(fact_types()[name])))


def closed(schema: Any) -> Any:
    """A schema that refuses members which it does not name, unless it says that it takes any."""
    if isinstance(schema, list):
        return [closed(element) for element in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: value if name == "examples" else closed(value) for name, value in schema.items()}
    return {"additionalProperties": False, **inner} if isinstance(schema.get("properties"), dict) else inner
