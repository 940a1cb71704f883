"""What the back office sees: the single customer view, keys, the contract."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from shared.edge import api_keys
from tests.frozen_clock import FrozenClock
from tests.functional.aws import client
from tests.functional.calls import CALLS
from tests.functional.moto_patches import json_answer

Load = Callable[..., dict[str, Any]]
Invoke = Callable[..., dict[str, Any]]


def test_a_customer_can_be_read_by_address_with_consents_and_scorecard(invoke: Invoke) -> None:
    invoke("register_customer/json")
    invoke("record_purchase/by_email")
    answer = invoke("view_customer/by_email")
    assert answer["statusCode"] == 200
    view = answer["json"]
    assert (view["email"], view["consents"]["EMAIL"]["NEWS"]["status"]) == ("ada@example.com", "PENDING")
    assert (view["scorecard"]["orders"], view["scorecard"]["spent"], view["scorecard"]["currency"]) == (1, 2_900, "EUR")


def test_a_customer_can_be_read_by_id_and_an_unknown_id_is_404(invoke: Invoke, load: Load) -> None:
    assert invoke("view_customer/by_id")["statusCode"] == 404
    assert invoke("view_customer/timeline")["statusCode"] == 404
    assert invoke("view_customer/by_email")["statusCode"] == 404
    too_long = {**load("view_customer/by_id"), "pathParameters": {"customer_id": "x" * 3_000}}
    assert invoke("view_customer", too_long)["statusCode"] == 404
    invoke("record_purchase/by_customer_number")
    assert invoke("view_customer/by_id")["json"]["customer_id"] == "K-77"


def test_a_plus_in_an_address_survives_a_query_that_did_not_escape_it(invoke: Invoke, load: Load) -> None:
    invoke("record_purchase/by_email", customer={"email": "ada+shop@example.com"})
    event = load("view_customer/by_email")
    event["queryStringParameters"]["email"] = "ada shop@example.com"
    assert invoke("view_customer", event)["json"]["email"] == "ada+shop@example.com"


def test_the_timeline_is_paged_newest_first_and_complete(invoke: Invoke, load: Load) -> None:
    for day in range(1, 6):
        invoke("record_purchase/by_customer_number", order_id=f"o{day}", ordered_at=f"2026-11-0{day}")
    event, seen = load("view_customer/timeline"), []
    while True:
        page = invoke("view_customer", event)["json"]
        seen += [fact["order_id"] for fact in page["facts"]]
        if page["next"] is None:
            break
        event["queryStringParameters"]["next"] = page["next"]
    assert seen == ["o5", "o4", "o3", "o2", "o1"]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"next": "!!"}, {"next": "UFJPRklMRQ=="}]
)
def test_a_wrong_page_is_refused(invoke: Invoke, load: Load, query: dict[str, str]) -> None:
    event = {**load("view_customer/timeline"), "queryStringParameters": query}
    assert invoke("view_customer", event)["statusCode"] == 422


def test_a_key_is_known_by_its_hash_and_an_unknown_one_is_refused(invoke: Invoke) -> None:
    key = api_keys.add("rk_secret", "shop", ["purchases:write", "reports:read"], datetime(2026, 11, 21, tzinfo=UTC))
    answer = invoke("authorize_request/bearer", fill={"KEY": "rk_secret"})
    context = {"key_id": key.key_id, "key_name": "shop", "scopes": "purchases:write reports:read"}
    assert answer == {"isAuthorized": True, "context": context}
    assert invoke("authorize_request/bearer", fill={"KEY": "rk_other"}) == {"isAuthorized": False}
    assert invoke("authorize_request/bearer", fill={"Bearer KEY": "Basic rk_secret"}) == {"isAuthorized": False}
    assert "rk_secret" not in json.dumps(client("dynamodb").scan(TableName="customers")["Items"])


def test_a_revoked_key_opens_nothing(invoke: Invoke, contents: Callable[..., Any]) -> None:
    key = api_keys.add("rk_secret", "shop", ["reports:read"], datetime(2026, 11, 21, tzinfo=UTC))
    assert api_keys.revoke(key.key_id)
    assert not api_keys.revoke(key.key_id)
    assert invoke("authorize_request/bearer", fill={"KEY": "rk_secret"}) == {"isAuthorized": False}
    assert contents() == {"customers": [], "scorecards": []}


def test_a_key_opens_nothing_after_its_last_day(invoke: Invoke, clock: FrozenClock) -> None:
    api_keys.add("rk_secret", "shop", ["reports:read"], clock.now())
    clock.advance(days=api_keys.VALID_DAYS, seconds=-1)
    assert invoke("authorize_request/bearer", fill={"KEY": "rk_secret"})["isAuthorized"]
    clock.advance(seconds=1)
    assert invoke("authorize_request/bearer", fill={"KEY": "rk_secret"}) == {"isAuthorized": False}
    assert [key.name for key in api_keys.every()] == ["shop"]


def test_the_use_of_a_key_is_written_once_a_day(invoke: Invoke, clock: FrozenClock) -> None:
    api_keys.add("rk_secret", "shop", ["reports:read"], clock.now())
    assert api_keys.every()[0].last_used_on is None
    for _ in range(3):
        CALLS.changes = 0
        invoke("authorize_request/bearer", fill={"KEY": "rk_secret"})
    assert CALLS.changes == 0
    assert api_keys.every()[0].last_used_on == clock.now().date()
    clock.advance(days=1)
    invoke("authorize_request/bearer", fill={"KEY": "rk_secret"})
    assert api_keys.every()[0].last_used_on == clock.now().date()


def test_a_key_opens_the_api_where_its_use_cannot_be_written(invoke: Invoke, clock: FrozenClock) -> None:
    api_keys.add("rk_secret", "shop", ["reports:read"], clock.now())

    def fail(event_name: str, request: Any) -> AWSResponse | None:
        if not event_name.endswith("UpdateItem"):
            return None
        return json_answer(request.url, 400, {"__type": "com.amazonaws.dynamodb.v20120810#AccessDeniedException"})

    CALLS.interceptors.append(fail)
    try:
        assert invoke("authorize_request/bearer", fill={"KEY": "rk_secret"})["isAuthorized"]
    finally:
        CALLS.interceptors.remove(fail)
    assert api_keys.every()[0].last_used_on is None


def test_keys_are_listed_oldest_first(clock: FrozenClock) -> None:
    made = []
    for name in ("shop", "till"):
        made.append(api_keys.add(f"rk_{name}", name, ["reports:read"], clock.now()))
        clock.advance(days=1)
    assert api_keys.every() == made
