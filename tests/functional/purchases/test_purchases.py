"""Purchases and refunds, by HTTP and by queue: repeats, conflicts, any order of arrival, and two at once."""

import io
import itertools
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.core import fact_store
from shared.core.shop_time import ShopTime
from shared.customers.actions import new_customer
from shared.customers.ids import mint_customer_id
from shared.customers.store import profiles
from shared.edge.queues import LOGGER
from shared.purchases import actions
from shared.purchases.purchase import Order
from shared.scorecards.scorecard import Month, Scorecard, scorecard_from
from shared.scorecards.store import cards
from tests.functional.aws import as_event, make_queue, received
from tests.functional.calls import CALLS

Load = Callable[..., dict[str, Any]]
Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]

ADA = "ada@example.com"
BERLIN = ZoneInfo("Europe/Berlin")


def card_of(customer_id: str | None) -> Scorecard:
    assert customer_id is not None
    card = cards.get(customer_id)
    assert card is not None
    return card


def test_an_unknown_address_creates_a_customer_without_consents(invoke: Invoke) -> None:
    answer = invoke("record_purchase/by_email")
    assert answer["statusCode"] == 201
    known = profiles.get_by_email(ADA)
    assert known is not None
    assert answer["json"] == {"order_id": "#1001", "customer_id": known.customer_id}
    assert known.consents == {}
    assert [fact.type for fact in fact_store.every(known.customer_id)] == ["PurchaseRecorded"]


def test_a_purchase_counts_on_the_scorecard_in_the_shops_month(invoke: Invoke) -> None:
    invoke("record_purchase/by_email", ordered_at="2026-10-31T23:30:00Z")
    card = card_of(profiles.get_id(ADA))
    assert card.months == {"2026-11": Month(orders=1, spent=2_900)}
    assert card.first_order_on == card.last_order_on == date(2026, 11, 1)


def test_a_shops_customer_number_becomes_a_customer_a_malformed_id_does_not(invoke: Invoke) -> None:
    assert invoke("record_purchase/by_customer_number")["json"]["customer_id"] == "K-77"
    answer = invoke("record_purchase/by_customer_number", order_id="x", customer={"customer_id": "cus_unknown"})
    assert answer["statusCode"] == 404


def test_the_same_order_again_is_200_and_changes_nothing(invoke: Invoke, contents: Contents) -> None:
    first = invoke("record_purchase/by_email")
    before = contents()
    again = invoke("record_purchase/by_email", ordered_at="2026-11-20T09:00:00Z")
    assert (again["statusCode"], again["json"]) == (200, first["json"])
    assert contents() == before


@pytest.mark.parametrize("changes", [{"coupon": "OTHER"}, {"customer": {"email": "eve@example.com"}}])
def test_the_same_id_with_other_content_is_409(invoke: Invoke, contents: Contents, changes: dict[str, object]) -> None:
    invoke("record_purchase/by_email")
    before = contents()
    assert invoke("record_purchase/by_email", **changes)["statusCode"] == 409
    assert contents() == before


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"total": 1}, 422), ({"currency": "USD"}, 422), ({"ordered_at": "2999-01-01"}, 422), ({"customer": {}}, 422)],
)
def test_a_wrong_purchase_is_refused_and_nothing_is_stored(
    invoke: Invoke, contents: Contents, changes: dict[str, object], status: int
) -> None:
    answer = invoke("record_purchase/by_email", **changes)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (status, "application/problem+json")
    assert contents() == {"customers": [], "scorecards": []}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"body": "{"}, 400),
        ({"body": "[]"}, 422),
        ({"body": "x" * 140_000}, 413),
        ({"headers": {"content-type": "text/plain"}}, 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(invoke: Invoke, load: Load, change: dict[str, Any], status: int) -> None:
    event = {**load("record_purchase/by_email"), **change}
    assert invoke("record_purchase", event)["statusCode"] == status


def test_a_key_without_the_scope_is_refused(invoke: Invoke, load: Load) -> None:
    event = load("record_purchase/by_email")
    event["requestContext"]["authorizer"]["lambda"]["scopes"] = "customers:read reports:read"
    assert invoke("record_purchase", event)["statusCode"] == 403
    del event["requestContext"]["authorizer"]
    assert invoke("record_purchase", event)["statusCode"] == 403


def test_a_refund_by_amount_is_taken_off_once(invoke: Invoke, contents: Contents) -> None:
    invoke("record_purchase/by_email")
    answer = invoke("refund_purchase/amount")
    assert (answer["statusCode"], answer["json"]["status"], answer["json"]["amount"]) == (201, "APPLIED", 900)
    assert card_of(profiles.get_id(ADA)).spent == 2_000
    before = contents()
    assert invoke("refund_purchase/amount")["statusCode"] == 200
    assert invoke("refund_purchase/amount", amount=901)["statusCode"] == 409
    assert contents() == before


def test_a_refund_of_all_lines_means_the_order_no_longer_counts(invoke: Invoke) -> None:
    invoke("record_purchase/by_email")
    assert invoke("refund_purchase/products")["json"]["amount"] == 800
    rest = invoke("refund_purchase/amount", refund_id="rest", amount=2_100)
    assert rest["statusCode"] == 201
    card = card_of(profiles.get_id(ADA))
    assert (card.orders, card.spent, card.months) == (0, 0, {})


def test_more_than_is_left_is_422_and_says_what_is_left(invoke: Invoke, contents: Contents) -> None:
    invoke("record_purchase/by_email")
    invoke("refund_purchase/amount")
    before = contents()
    answer = invoke("refund_purchase/amount", refund_id="more", amount=2_001)
    assert (answer["statusCode"], answer["json"]["refundable"]) == (422, 2_000)
    assert contents() == before


def test_any_order_of_arrival_of_an_order_and_its_refunds_ends_the_same(
    invoke: Invoke, contents: Contents, empty_tables: Callable[[], None]
) -> None:
    calls = ["record_purchase/by_email", "refund_purchase/amount", "refund_purchase/products"]
    ends = []
    for arrival in itertools.permutations(calls):
        empty_tables()
        for call in arrival:
            assert invoke(call)["statusCode"] == 201
        for call in arrival:
            assert invoke(call)["statusCode"] == 200
        # How often a record was written depends on the way; what it says does not.
        ends.append(contents(leave_out={"version"}))
    assert all(end == ends[0] for end in ends)
    assert card_of(profiles.get_id(ADA)).spent == 2_900 - 900 - 800


def test_a_refund_that_waited_and_is_too_much_is_rejected_where_it_can_be_seen(invoke: Invoke) -> None:
    invoke("refund_purchase/amount", amount=2_500)
    invoke("refund_purchase/amount", refund_id="second", amount=2_500, refunded_at="2026-11-22")
    invoke("record_purchase/by_email")
    customer_id = profiles.get_id(ADA)
    assert card_of(customer_id).spent == 400
    assert [fact.type for fact in fact_store.every(customer_id or "")] == [
        "PurchaseRecorded",
        "PurchaseRefunded",
        "RefundRejected",
    ]
    again = invoke("refund_purchase/amount", refund_id="second", amount=2_500, refunded_at="2026-11-22")
    assert again["json"]["status"] == "REJECTED"


def record(number: int) -> str:
    ordered_at = datetime(2026, 1 + number % 9, 1 + number, tzinfo=UTC)
    order = Order(order_id=str(number), ordered_at=ordered_at, currency="EUR", total=number)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    return actions.record_order(order, None, ADA, ShopTime(now, BERLIN)).customer_id


def test_a_purchase_that_another_overtakes_after_it_has_read_is_decided_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    overtaken = iter([True])

    def mint(email: str, taken: int) -> str:
        # Called after the reads: between them and the write, another purchase creates the same customer.
        if next(overtaken, False):
            record(2)
        return mint_customer_id(email, taken)

    monkeypatch.setattr("shared.customers.actions.mint_customer_id", mint)
    customer_id = record(1)
    assert (card_of(customer_id).orders, card_of(customer_id).spent) == (2, 3)


def test_the_scorecard_is_what_the_customers_facts_add_up_to(invoke: Invoke) -> None:
    customer_id = {record(number) for number in range(1, 13)}.pop()
    invoke("record_purchase/by_email")
    invoke("refund_purchase/products")
    card = card_of(customer_id)
    rebuilt = scorecard_from(customer_id, fact_store.every(customer_id), BERLIN)
    assert rebuilt == card
    assert card.orders == 13


def test_an_id_that_is_in_use_is_not_given_to_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    first = record(1)

    def mint(_email: str, taken: int) -> str:
        return first if taken == 0 else "cus_other"

    monkeypatch.setattr("shared.customers.actions.mint_customer_id", mint)
    assert new_customer("eve@example.com", datetime(2026, 11, 21, tzinfo=UTC)).customer_id == "cus_other"


def test_the_queue_takes_what_is_right_and_gives_up_what_is_wrong(invoke: Invoke, load: Load) -> None:
    make_queue("purchases")
    records = load("ingest_purchases/mixed")["Records"]
    assert invoke("ingest_purchases/mixed") == {"batchItemFailures": []}
    given_up = received("purchases-failed")
    assert [message["Body"] for message in given_up] == [record["body"] for record in records[2:]]
    assert [reason_of(message) for message in given_up] == [
        "total is 1, but products − discount + tax + shipping is 3000 − 1000 + 400 + 500 = 2900",
        "the message is no JSON object",
    ]
    assert card_of(profiles.get_id(ADA)).spent == 2_000


def reason_of(message: dict[str, Any]) -> str:
    return str(message["MessageAttributes"]["reason"]["StringValue"])


def test_a_failed_message_is_logged_without_what_it_says_of_a_person(
    invoke: Invoke, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = io.StringIO()
    for handler in LOGGER.handlers:
        monkeypatch.setattr(handler, "stream", output)
    event = load("ingest_purchases/mixed")
    wrong = json.loads(event["Records"][1]["body"])
    for record, address in zip(event["Records"], ["not an address", "a@b", "ada@example.com", ""], strict=True):
        record["body"] = json.dumps({**wrong, "customer": {"email": address}, "coupon": "x" * 99})
    make_queue("purchases")
    assert invoke("ingest_purchases", event) == {"batchItemFailures": []}
    logged = output.getvalue()
    assert (logged.count("message given up"), len(logged.splitlines()), "Traceback" in logged) == (4, 4, False)
    assert "coupon" in logged
    assert "@" not in logged
    assert "not an address" not in logged


def test_unknown_and_repeated_members_are_refused_and_not_named_in_the_log(
    invoke: Invoke, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = io.StringIO()
    for handler in LOGGER.handlers:
        monkeypatch.setattr(handler, "stream", output)
    event = load("ingest_purchases/mixed")
    event["Records"] = event["Records"][:2]
    for record, name in zip(event["Records"], ("Ada Lovelace", "order_id"), strict=True):
        record["body"] = record["body"].rstrip()[:-1] + f', "{name}": "A-1"}}'
    assert len(invoke("ingest_purchases", event)["batchItemFailures"]) == 2
    logged = output.getvalue()
    assert "(an unknown member): Extra inputs are not permitted" in logged
    assert "two members of the same name" in logged
    assert "Lovelace" not in logged


def test_a_message_that_cannot_be_given_up_comes_again(invoke: Invoke, load: Load) -> None:
    event = load("ingest_purchases/mixed")
    event["Records"] = event["Records"][2:]
    # There is no queue for it.
    assert len(invoke("ingest_purchases", event)["batchItemFailures"]) == 2


def test_the_queue_and_http_lead_to_the_same_records(
    invoke: Invoke, load: Load, contents: Contents, empty_tables: Callable[[], None]
) -> None:
    invoke("refund_purchase/amount")
    invoke("record_purchase/by_email")
    by_http = contents()
    empty_tables()
    event = load("ingest_purchases/mixed")
    event["Records"] = event["Records"][:2]
    invoke("ingest_purchases", event)
    assert contents() == by_http
    assert json.loads(event["Records"][1]["body"]) == json.loads(load("record_purchase/by_email")["body"])


def long_refund(invoke: Invoke, number: int, lines: int) -> dict[str, Any]:
    """A refund of many products with long names, 280 bytes for each."""
    products = [{"sku": f"{line:03d}{'😀' * 60}", "quantity": 1} for line in range(lines)]
    return invoke("refund_purchase/products", refund_id=f"rf-{number}", products=products)


def test_refunds_that_wait_are_bounded_so_that_their_order_can_be_recorded(invoke: Invoke) -> None:
    answers = [long_refund(invoke, number, lines=50) for number in range(12)]
    statuses = [answer["statusCode"] for answer in answers]
    assert statuses == [201] * statuses.count(201) + [409] * statuses.count(409)
    assert 2 < statuses.count(201) < 12
    assert "send this refund again after the order" in answers[-1]["json"]["detail"]
    # A refused refund is forgotten, one that waits is not, and the same again is no further one.
    assert long_refund(invoke, 0, lines=50)["statusCode"] == 200
    sizes: list[int] = []

    def measure(event_name: str, request: Any) -> None:
        if event_name.endswith("TransactWriteItems"):
            sizes.append(len(json.dumps(json.loads(request.body), ensure_ascii=False).encode()))

    CALLS.interceptors.append(measure)
    try:
        assert invoke("record_purchase/by_email")["statusCode"] == 201
    finally:
        CALLS.interceptors.remove(measure)
    # DynamoDB takes 4 MB in one transaction, and 1,000 write units in a second of one customer.
    assert max(sizes) < 400_000
    types = [fact.type for fact in fact_store.every(str(profiles.get_id(ADA)))]
    assert types.count("RefundRejected") == statuses.count(201)
    assert long_refund(invoke, 11, lines=50)["statusCode"] == 422


def test_a_refund_that_is_too_long_to_wait_is_given_up_by_the_queue_with_its_reason(invoke: Invoke) -> None:
    make_queue("purchases")
    assert [long_refund(invoke, number, lines=80)["statusCode"] for number in range(4)] == [201, 201, 201, 201]
    products = [{"sku": f"{line:03d}{'😀' * 60}", "quantity": 1} for line in range(200)]
    body = json.dumps(
        {"refund_id": "rf-9", "order_id": "#1001", "refunded_at": "2026-11-21T10:00:00Z", "products": products}
    )
    event = as_event("purchases", [{"MessageId": "1", "Body": body}])
    assert invoke("ingest_purchases", event) == {"batchItemFailures": []}
    (given_up,) = received("purchases-failed")
    assert "send this refund again" in reason_of(given_up)
    assert given_up["Body"] == body
