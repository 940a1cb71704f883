"""The HTTP contract: what the deployed function answers, with nothing but its zip."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from functions.platform.describe_api import handler as describe_api
from infra import ROOT, wirings
from infra.constructs.code import stage_code
from shared.edge import openapi
from shared.edge.wiring import Capability, Function, Route

EVENT: Final = "describe_api/get"
ROUTES: Final = {route.key: route for function in wirings.functions().values() for route in function.routes}


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document, from the function's zip by its handler."""
    folder = tmp_path_factory.mktemp("describe_api")
    stage_code("describe_api", folder)
    event = json.loads((ROOT / "events" / f"{EVENT}.json").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(describe_api, "_CONTRACT", folder / "functions/platform/describe_api/openapi.json")
        answer = describe_api.handler(event, None)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "application/json")
    document: dict[str, Any] = json.loads(answer["body"])
    return document


def _operation(contract: dict[str, Any], key: str) -> dict[str, Any]:
    method, path = key.split(" ")
    operation: dict[str, Any] = contract["paths"][path][method.lower()]
    return operation


def test_the_contract_describes_every_route_and_no_other(contract: dict[str, Any]) -> None:
    assert contract["openapi"] == "3.1.0"
    described = {f"{method.upper()} {path}" for path, methods in contract["paths"].items() for method in methods}
    assert described == set(ROUTES)
    for key, route in ROUTES.items():
        operation = _operation(contract, key)
        assert operation.get("security") == ([{"key": []}] if route.scope else None), key


def test_operations_have_ids_of_their_own_that_read_as_what_they_do(contract: dict[str, Any]) -> None:
    ids = [operation["operationId"] for methods in contract["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)
    assert all(name.isalpha() and name[0].islower() for name in ids)
    assert _operation(contract, "POST /purchases")["operationId"] == "recordPurchase"


def test_every_schema_that_is_named_is_there(contract: dict[str, Any]) -> None:
    named = {part.split('"')[0] for part in json.dumps(contract).split("#/components/schemas/")[1:]}
    assert named == set(contract["components"]["schemas"])
    assert contract["components"]["schemas"]["PurchasePayload"]["required"] == [
        "order_id", "customer", "ordered_at", "currency", "total",
    ]  # fmt: skip


def test_the_same_again_is_described_as_well(contract: dict[str, Any]) -> None:
    for key in ("POST /purchases", "POST /purchases/{order_id}/refunds", "POST /customers/{customer_id}/redemptions"):
        assert {"200", "201"} <= _operation(contract, key)["responses"].keys()


def test_a_signup_takes_json_or_a_form_and_may_send_the_browser_on(contract: dict[str, Any]) -> None:
    signup = _operation(contract, "POST /signups")
    kinds = {"application/json", "application/x-www-form-urlencoded"}
    assert signup["requestBody"]["content"].keys() == kinds
    assert signup["requestBody"]["required"]
    assert signup["responses"].keys() == {"202", "303", "default"}
    assert "location" in signup["responses"]["303"]["headers"]
    assert signup["responses"]["202"]["content"].keys() == {"application/json", "text/html"}


def test_pages_are_html_and_their_forms_name_their_fields(contract: dict[str, Any]) -> None:
    page = _operation(contract, "GET /surveys/{token}")
    answer = _operation(contract, "POST /surveys/{token}")
    for operation in (page, answer):
        assert [operation["responses"][status]["content"].keys() for status in ("200", "default")] == [
            {"text/html"}
        ] * 2
    (form,) = answer["requestBody"]["content"].items()
    assert form[0] == "application/x-www-form-urlencoded"
    assert form[1]["schema"]["properties"].keys() == {"token", "score", "comment"}


def test_a_body_of_defaults_may_be_left_out(contract: dict[str, Any]) -> None:
    assert not _operation(contract, "POST /rescorings")["requestBody"]["required"]


def test_a_model_that_there_is_not_is_refused() -> None:
    route = Route("POST /x", body="NoSuchPayload", summary="x")
    with pytest.raises(LookupError, match="NoSuchPayload"):
        openapi.describe([Capability("purchases", Function("x", route))])


def test_the_zip_has_its_contract_and_needs_no_pydantic(tmp_path: Path) -> None:
    stage_code("describe_api", tmp_path)
    assert (tmp_path / "functions/platform/describe_api/openapi.json").is_file()
    assert "import pydantic" not in (tmp_path / "functions/platform/describe_api/handler.py").read_text()
