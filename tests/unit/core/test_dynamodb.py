"""Reaching a table: what is tried again, and what becomes of refusals and throttling."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from shared.core import dynamodb
from shared.core.dynamodb import CUSTOMERS, MAX_TRIES, Cancelled, apply, optimistic, transact
from shared.core.errors import Busy

KEY = {"pk": "CUST#ada", "sk": "PROFILE"}
PACKED = {"pk": {"S": "CUST#ada"}, "sk": {"S": "PROFILE"}}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """DynamoDB's answers, in the order in which they are asked for; nobody waits between tries."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("CUSTOMERS_TABLE", "customers")
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    client = dynamodb.new_client()
    monkeypatch.setattr(dynamodb, "client", lambda: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_an_action_is_run_again_until_its_write_holds() -> None:
    runs: list[int] = []

    @optimistic
    def action() -> str:
        runs.append(1)
        if len(runs) < 3:
            raise Cancelled(["ConditionalCheckFailed"], [{}])
        return "written"

    assert action() == "written"
    assert len(runs) == 3


def test_an_action_that_never_gets_through_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)

    @optimistic
    def action() -> None:
        raise Cancelled(["TransactionConflict"], [{}])

    with pytest.raises(Busy, match="changed by others"):
        action()
    assert len(waits) == MAX_TRIES - 1
    assert max(waits) <= 0.02 * 2 ** (MAX_TRIES - 1)


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"]
)
def test_a_read_that_stays_throttled_is_busy(answers: Stubber, code: str) -> None:
    answers.add_client_error("get_item", code, http_status_code=400)
    with pytest.raises(Busy, match="database is busy"):
        CUSTOMERS.get(KEY)


def test_a_write_that_stays_throttled_is_busy(answers: Stubber) -> None:
    answers.add_client_error("put_item", "ThrottlingException")
    with pytest.raises(Busy):
        apply(CUSTOMERS.put({**KEY, "version": 1}))


def test_a_write_beside_a_transaction_on_the_same_item_is_cancelled(answers: Stubber) -> None:
    answers.add_client_error("put_item", "TransactionConflictException")
    with pytest.raises(Cancelled) as cancelled:
        apply(CUSTOMERS.put({**KEY, "version": 1}))
    assert cancelled.value.codes == ["TransactionConflict"]
    assert not cancelled.value.refused(0)


def test_a_refused_write_shows_the_item_that_refused_it(answers: Stubber) -> None:
    answers.add_client_error(
        "put_item", "ConditionalCheckFailedException", modeled_fields={"Item": {"version": {"N": "7"}}}
    )
    with pytest.raises(Cancelled) as cancelled:
        apply(CUSTOMERS.put_new({**KEY, "version": 1}))
    assert cancelled.value.refused(0)
    assert cancelled.value.items == [{"version": 7}]


def test_a_transaction_in_progress_is_cancelled_and_may_be_decided_anew(answers: Stubber) -> None:
    answers.add_client_error("transact_write_items", "TransactionInProgressException")
    with pytest.raises(Cancelled) as cancelled:
        transact(CUSTOMERS.put(dict(KEY)), CUSTOMERS.put(dict(KEY)))
    assert cancelled.value.codes == ["TransactionInProgress"] * 2


def test_keys_that_a_batch_leaves_out_are_asked_for_again(answers: Stubber) -> None:
    left: dict[str, Any] = {"customers": {"Keys": [PACKED]}}
    answers.add_response("batch_get_item", {"Responses": {"customers": []}, "UnprocessedKeys": left})
    answers.add_response("batch_get_item", {"Responses": {"customers": [PACKED]}, "UnprocessedKeys": {}})
    assert CUSTOMERS.batch_get([KEY]) == [KEY]


def test_a_batch_that_is_never_finished_is_busy(answers: Stubber) -> None:
    left: dict[str, Any] = {"customers": {"Keys": [PACKED]}}
    for _ in range(MAX_TRIES):
        answers.add_response("batch_get_item", {"Responses": {"customers": []}, "UnprocessedKeys": left})
    with pytest.raises(Busy):
        CUSTOMERS.batch_get([KEY])


def test_a_query_stops_at_its_limit_and_goes_on_over_pages(answers: Stubber) -> None:
    items = [{"pk": {"S": "p"}, "sk": {"S": sk}} for sk in "abc"]
    answers.add_response("query", {"Items": items[:2], "LastEvaluatedKey": items[1]})
    answers.add_response("query", {"Items": items[2:], "LastEvaluatedKey": items[2]})
    assert [item["sk"] for item in CUSTOMERS.query("p", limit=3)] == ["a", "b", "c"]


def test_a_name_that_the_environment_lacks_is_named() -> None:
    with pytest.raises(LookupError, match="CUSTOMERS_TABLE"):
        _ = CUSTOMERS.name
