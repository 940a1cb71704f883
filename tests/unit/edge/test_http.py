"""What comes in from outside: amounts, addresses, settings, payloads."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.core.addresses import normalise_email
from shared.core.errors import Invalid
from shared.core.facts import from_timestamp, to_timestamp
from shared.core.json_text import repeats_member
from shared.core.money import format_amount, parse_amount
from shared.core.settings import Settings
from shared.customers.consent import Topic
from shared.customers.payloads import SignupPayload
from shared.edge.http import Problem, Request, Response, respond, serve
from shared.edge.wiring import Capability, Function, Route
from shared.purchases.payloads import PurchasePayload, RefundPayload

# Hypothesis draws times without zone between these.
EARLY, LATE = datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2100-01-01")
PURCHASE: dict[str, Any] = {
    "order_id": "#1001",
    "customer": {"email": "ada@example.com"},
    "ordered_at": "2026-11-20T10:00:00+01:00",
    "currency": "EUR",
    "total": 1_500,
    "products": [{"sku": "cup", "quantity": 3, "price": 500}],
}


@pytest.mark.parametrize(
    ("body", "repeats"),
    [
        ('{"a": 1, "b": {"a": 1}}', False),
        ('{"a": 1, "a": 1}', True),
        ('{"a": [{"b": 1, "c": 2, "b": 3}]}', True),
        ('{"a": 1, "\\u0061": 2}', True),
        ("[]", False),
    ],
)
def test_two_members_of_the_same_name_are_noticed_at_any_depth(body: str, repeats: bool) -> None:
    assert repeats_member(body) == repeats_member(body.encode()) == repeats


def test_a_body_with_two_members_of_the_same_name_is_refused() -> None:
    text = json.dumps(PURCHASE).replace('"price": 500', '"price": 1, "price": 500')
    request = Request(path={}, query={}, content_type="application/json", body=text.encode(), ip=None)
    with pytest.raises(Problem, match="two members of the same name") as refused:
        request.json(PurchasePayload)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("12.5", "EUR", 1250), ("0", "EUR", 0), (" 1200 ", "JPY", 1200), ("1.234", "KWD", 1234), ("1e2", "EUR", 10000)],
)
def test_amounts_become_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [("1.005", "EUR"), ("1.5", "JPY"), ("-1", "EUR"), ("NaN", "EUR"), ("1,50", "EUR"), ("", "EUR")],
)
def test_amounts_that_are_none_are_refused(text: str, currency: str) -> None:
    with pytest.raises(Invalid):
        parse_amount(text, currency)


@given(st.integers(0, 10**12), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_what_is_shown_of_an_amount_reads_back_the_same(minor: int, currency: str) -> None:
    shown, _, code = format_amount(minor, currency).rpartition(" ")
    assert (parse_amount(shown.replace(",", ""), code), code) == (minor, currency)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("ada+tag@example.com", "ada+tag@example.com"),
        ("o'brien@example.ie", "o'brien@example.ie"),
        ("post@Bücher.example", "post@xn--bcher-kva.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),
        ("a@example.com.", "a@example.com"),
    ],
)
def test_an_address_has_one_form(text: str, address: str) -> None:
    assert normalise_email(text) == address
    assert normalise_email(address) == address


@pytest.mark.parametrize(
    "text",
    ["", "ada", "@example.com", "ada@", "a b@example.com", "a..b@example.com", "ada@localhost", "ada@192.168.0.1",
     "ada@-x.example", "ü@example.com", "a@b.com\nBcc: x@y.com", "a" * 65 + "@example.com", "a@" + "b." * 127 + "com",
     '"a b"@example.com', "a@exa_mple.com"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        normalise_email(text)


@given(st.datetimes(EARLY, LATE))
def test_timestamps_sort_as_text_and_read_back(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    assert from_timestamp(to_timestamp(moment)) == moment
    assert len(to_timestamp(moment)) == 24


def test_settings_read_back_from_the_environment_that_they_write() -> None:
    settings = Settings(
        stage="prod",
        shop_name="Tea & Cups",
        allowed_origins=("https://a.example", "https://b.example:8443"),
        allowed_redirects=("https://a.example/thanks",),
        time_zone="Europe/Berlin",
        account_concurrency=1000,
        tracing=True,
    )
    assert Settings.from_environment(settings.to_environment()) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STAGE", "Prod!"),
        ("SENDER", "nobody"),
        ("CURRENCY", "EURO"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("ALLOWED_ORIGINS", "https://a.example/path"),
        ("ALLOWED_REDIRECTS", "javascript:alert(1)"),
        ("PUBLIC_URL", "shop.example"),
        ("ALARM_EMAIL", "me"),
        ("ACCOUNT_CONCURRENCY", "9"),
        ("ACCOUNT_CONCURRENCY", "many"),
        ("TRACING", "True"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name.lower()):
        Settings.from_environment({name: value})


def purchase_with(**changes: object) -> PurchasePayload:
    return PurchasePayload.model_validate_json(json.dumps({**PURCHASE, **changes}))


def test_a_purchase_is_understood() -> None:
    order = purchase_with().to_order(UTC)
    assert (order.ordered_at, order.total) == (datetime(2026, 11, 20, 9, tzinfo=UTC), 1_500)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-01", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-07-01T10:00:00", datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("2026-07-01T10:00:00.123456Z", datetime(2026, 7, 1, 10, 0, 0, 123_000, tzinfo=UTC)),
    ],
)
def test_a_time_without_offset_is_the_shops(text: str, moment: datetime) -> None:
    assert purchase_with(ordered_at=text).to_order(ZoneInfo("Europe/Berlin")).ordered_at == moment


@pytest.mark.parametrize(
    "changes",
    [
        {"order_id": ""},
        {"order_id": "a b"},
        {"order_id": "a/b"},
        {"order_id": "a?b"},
        {"order_id": "x" * 65},
        {"customer": {}},
        {"customer": {"email": "a@b.de", "customer_id": "1"}},
        {"customer": {"customer_id": "../x"}},
        {"ordered_at": "yesterday"},
        {"ordered_at": "1969-12-31"},
        {"ordered_at": 123},
        {"ordered_at": "9999-12-31T23:00:00-05:00"},
        {"currency": "EURO"},
        {"total": 1_499},
        {"total": -1},
        {"total": 15.5},
        {"total": "1500"},
        {"total": 10**13},
        {"products": [{"sku": "cup", "quantity": 0, "price": 500}]},
        {"products": [{"sku": "cup", "quantity": 1, "price": 1}] * 201},
        {"coupon": "x" * 61},
        {"channel": "a\u0000b"},
        {"tota": 1},
    ],
)
def test_a_wrong_purchase_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        purchase_with(**changes)


def test_a_sku_may_have_blanks_within() -> None:
    payload = purchase_with(products=[{"sku": " blue cup ", "quantity": 3, "price": 500}])
    assert payload.to_order(UTC).products[0].sku == "blue cup"


def test_refunded_lines_of_one_sku_add_up() -> None:
    lines = [{"sku": "cup", "quantity": 1}, {"sku": "cup", "quantity": 2}]
    payload = RefundPayload.model_validate({"refund_id": "r", "refunded_at": "2026-01-01", "products": lines})
    assert payload.to_refund("#1", UTC).products == {"cup": 3}


@pytest.mark.parametrize("what", [{}, {"amount": 0}, {"amount": 1, "products": [{"sku": "a", "quantity": 1}]}])
def test_a_refund_of_nothing_or_of_both_is_refused(what: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RefundPayload.model_validate({"refund_id": "r", "refunded_at": "2026-01-01", **what})


def test_a_form_with_blank_fields_is_a_signup() -> None:
    payload = SignupPayload.model_validate(
        {"email": "Ada@Example.com", "consent": "on", "name": " ", "phone": "", "birthday": "", "locale": ""}
    )
    signup = payload.to_signup(signup_id="s", now=datetime(2026, 1, 1, tzinfo=UTC), ip=None)
    assert (payload.email, signup.contact.name, signup.evidence.source) == ("ada@example.com", None, "form")
    assert signup.topics == (Topic.NEWS, Topic.OFFERS, Topic.SURVEYS)


@pytest.mark.parametrize(
    "changes",
    [
        {"consent": False},
        {"consent": "no"},
        {"birthday": date(2999, 1, 1)},
        {"birthday": "31.12.1990"},
        {"time_zone": "Berlin"},
        {"locale": "english"},
        {"phone": "call me"},
        {"name": "x" * 121},
        {"topics": []},
        {"topics": ["GOSSIP"]},
    ],
)
def test_a_wrong_signup_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SignupPayload.model_validate({"email": "ada@example.com", "consent": True, **changes})


def test_routes_that_are_not_exactly_those_of_one_function_fail_as_it_is_imported() -> None:
    shop = Capability(
        "shop",
        Function("open_shop", Route("POST /shop", scope="shop:write", summary="s"), Route("GET /shop", summary="s")),
        Function("close_shop", Route("DELETE /shop", summary="s")),
    )

    def answer(_request: Request) -> Response:
        return respond(200, {})

    serve(shop, {"POST /shop": answer, "GET /shop": answer})
    for keys in ((), ("GET /shop",), ("GET /shop", "DELETE /shop"), ("GET /shop", "POST /shop", "GET /shops")):
        with pytest.raises(LookupError):
            serve(shop, dict.fromkeys(keys, answer))


def test_a_route_answers_only_a_key_with_its_scope() -> None:
    shop = Capability("shop", Function("open_shop", Route("POST /shop", scope="shop:write", summary="s")))
    handler = serve(shop, {"POST /shop": lambda _: respond(200, {})})

    def status(scopes: str) -> int:
        context = {"authorizer": {"lambda": {"scopes": scopes}}}
        code: int = handler({"routeKey": "POST /shop", "requestContext": context}, None)["statusCode"]
        return code

    assert [status("shop:write"), status("shop:read other:write"), status("")] == [200, 403, 403]


def test_an_operation_is_called_as_its_function_where_that_has_one_route() -> None:
    route = Route("POST /shop", summary="s")
    assert Function("open_shop", route).operation(route) == "openShop"
    assert Function("open_shop", route).operation(replace(route, operation="unlock")) == "unlock"
