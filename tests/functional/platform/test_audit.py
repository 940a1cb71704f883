"""The audit: every call with a key leaves who, what, whom, when, and how it ended; and never what was sent."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import audit
from cli.main import app
from shared.core import clock as now_of
from shared.core import environment
from shared.core.settings import Settings
from shared.customers.store import profiles
from tests.functional.aws import client
from tests.functional.scenes import Invoke, Load

Entries = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def entries(capsys: pytest.CaptureFixture[str]) -> Entries:
    """The entries that were written since the last look, without their time."""

    def read() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"AUDIT"' in line]
        assert all(line.pop("at") == "2026-11-21T12:00:00.000Z" for line in lines)
        return lines

    return read


def by_key(event: dict[str, Any], key_id: str = "key_1") -> dict[str, Any]:
    event["requestContext"]["authorizer"]["lambda"]["key_id"] = key_id
    return event


def entry(what: str, whom: dict[str, str], status: int) -> dict[str, Any]:
    return {"kind": "AUDIT", "who": "key_1", "what": what, "whom": whom, "status": status}


def test_a_call_leaves_an_entry_whatever_becomes_of_it(invoke: Invoke, load: Load, entries: Entries) -> None:
    route = "GET /customers/{customer_id}"
    invoke("record_purchase/by_customer_number")
    entries()
    invoke("view_customer", by_key(load("view_customer/by_id")))
    event = by_key(load("view_customer/by_id"))
    event["requestContext"]["authorizer"]["lambda"]["scopes"] = "purchases:write"
    invoke("view_customer", event)
    assert entries() == [entry(route, {"customer_id": "K-77"}, status) for status in (200, 403)]


def test_a_call_that_breaks_leaves_an_entry(
    invoke: Invoke, load: Load, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUSTOMERS_TABLE")
    with pytest.raises(LookupError):
        invoke("view_customer", by_key(load("view_customer/by_id")))
    # For the checks after the test.
    monkeypatch.setenv("CUSTOMERS_TABLE", "customers")
    environment.forget()
    assert entries() == [entry("GET /customers/{customer_id}", {"customer_id": "K-77"}, 500)]


def test_a_search_by_address_names_the_customer_and_not_the_address(
    invoke: Invoke, load: Load, entries: Entries
) -> None:
    invoke("register_customer/json")
    assert entries() == []
    invoke("view_customer", by_key(load("view_customer/by_email")))
    ada = profiles.get_id("ada@example.com")
    assert entries() == [entry("GET /customers", {"customer_id": str(ada)}, 200)]


def test_an_address_in_place_of_an_id_is_hidden(invoke: Invoke, load: Load, entries: Entries) -> None:
    event = by_key(load("view_customer/by_id"))
    event["pathParameters"]["customer_id"] = "ada@example.com"
    invoke("view_customer", event)
    assert entries() == [entry("GET /customers/{customer_id}", {"customer_id": "(hidden)"}, 404)]


def test_a_purchase_names_its_order_and_buyer_and_nothing_of_its_body(
    invoke: Invoke, load: Load, entries: Entries
) -> None:
    invoke("record_purchase", by_key(load("record_purchase/by_customer_number", order_id="A-1")))
    assert entries() == [entry("POST /purchases", {"order_id": "A-1", "customer_id": "K-77"}, 201)]


def written(name: str, *messages: str) -> None:
    """Lines in the log of a function, an hour ago."""
    group, moment = f"/aws/lambda/regulars-prod-{name}", now_of.now() - timedelta(hours=1)
    if not client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        client("logs").create_log_group(logGroupName=group)
        client("logs").create_log_stream(logGroupName=group, logStreamName="s")
    events = [{"timestamp": int(moment.timestamp() * 1000), "message": message} for message in messages]
    if events:
        client("logs").put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def line(who: str, customer_id: str, at: str) -> str:
    members = {"kind": "AUDIT", "at": at, "who": who, "what": "GET /x", "whom": {"customer_id": customer_id}}
    return json.dumps({**members, "status": 200}, separators=(",", ":"))


def test_the_audit_is_read_from_the_logs_by_customer_and_by_key() -> None:
    for name in audit.audited_functions():
        written(name)
    written("view_customer", "START", line("key_1", "K-77", "1"), line("key_2", "K-78", "3"))
    written("view_points", line("key_2", "K-77", "2"), '{"kind":"AUDIT" broken')
    settings, now = Settings(stage="prod"), now_of.now()

    def read(**of: str) -> list[tuple[str, str]]:
        entries, is_complete = audit.read(settings, now - timedelta(days=1), now, **of)
        assert is_complete
        return [(entry["who"], entry["whom"]["customer_id"]) for entry in entries]

    assert read() == [("key_2", "K-78"), ("key_2", "K-77"), ("key_1", "K-77")]
    assert read(customer="K-77") == [("key_2", "K-77"), ("key_1", "K-77")]
    assert read(customer="K-77", key="key_1") == [("key_1", "K-77")]


def test_what_is_asked_about_cannot_change_the_query() -> None:
    text = audit.query("a/ | limit 0 | x", None)
    assert text.count(" | ") == 4
    assert text.endswith("| sort @timestamp desc | limit 10000")


@pytest.mark.parametrize("days", [["--from", "2020-01-01"], ["--from", "2026-11-20", "--to", "2026-11-19"]])
def test_days_that_cannot_be_are_refused(days: list[str]) -> None:
    assert CliRunner().invoke(app, ["audit", *days]).exit_code == 2
