"""The due index: what waits for its time is sent to its queue then, in order, and can be listed and taken off."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.core import clock
from shared.core.dynamodb import CUSTOMERS, apply
from shared.core.facts import to_timestamp
from shared.edge import due
from tests.frozen_clock import FrozenClock
from tests.functional.aws import client, contents, make_queue, received
from tests.functional.calls import CALLS, is_killed
from tests.functional.scenes import Invoke

ADA, BEN = "cus_ada", "cus_ben"


@pytest.fixture(autouse=True)
def queues() -> None:
    """Two queues whose messages may wait."""
    for name in ("surveys", "reminders"):
        make_queue(name)


def later(**time: float) -> datetime:
    return clock.now() + timedelta(**time)


def wait(number: int, due_at: datetime, queue: str = "surveys", customer_id: str | None = ADA) -> str:
    """Put a message on the index; its id."""
    due_id = f"{queue}/{number}"
    for write in due.put(due_id, due_at, queue, json.dumps(number), customer_id=customer_id):
        apply(write)
    return due_id


def drain(invoke: Invoke, now: datetime | None = None) -> int:
    sent: int = invoke("send_due_messages", {"now": to_timestamp(now)} if now else {"source": "scheduler"})["sent"]
    return sent


def bodies(queue: str = "surveys") -> list[int]:
    return [json.loads(message["Body"]) for message in received(queue)]


def waiting() -> list[dict[str, Any]]:
    """What lies on the index, pointers included."""
    return [item for item in contents()["customers"] if "DUE#" in item["pk"] + item["sk"]]


def test_a_message_comes_when_it_is_due_and_not_before(invoke: Invoke) -> None:
    wait(1, later(minutes=2))
    assert (drain(invoke, later(seconds=119.999)), bodies()) == (0, [])
    assert (drain(invoke, later(minutes=2)), bodies()) == (1, [1])
    assert (drain(invoke, later(minutes=3)), bodies(), waiting()) == (0, [], [])


def test_each_queue_gets_its_own_messages(invoke: Invoke) -> None:
    for number in range(12):
        wait(number, later(minutes=1), "reminders" if number % 3 else "surveys")
    assert drain(invoke, later(minutes=1)) == 12
    assert sorted(bodies()) == [0, 3, 6, 9]
    assert sorted(bodies("reminders")) == [1, 2, 4, 5, 7, 8, 10, 11]


def test_an_hour_without_a_run_is_caught_up_in_order(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "SHARDS", 1)
    monkeypatch.setattr(due, "MAX_PER_RUN", 30)
    for minute in range(70):
        wait(minute, later(minutes=minute))
    # A run takes so many and no more; the next goes on from there.
    assert [drain(invoke, later(hours=1)) for _ in range(4)] == [30, 30, 1, 0]
    assert bodies() == list(range(61))


def test_a_message_that_was_put_too_late_for_its_time_comes_all_the_same(invoke: Invoke) -> None:
    drain(invoke, later(hours=1))
    wait(1, later(minutes=-5))
    assert (drain(invoke, later(hours=1)), bodies()) == (1, [1])


def test_to_put_a_message_twice_is_harmless(invoke: Invoke) -> None:
    for _ in range(3):
        wait(1, later(minutes=1))
    assert (drain(invoke, later(minutes=1)), bodies()) == (1, [1])


@pytest.mark.parametrize("changes", range(1, 4))
def test_a_run_that_is_ended_on_its_way_loses_nothing(invoke: Invoke, changes: int) -> None:
    wait(1, later(minutes=1))
    assert is_killed(lambda: drain(invoke, later(minutes=1)), changes)
    drain(invoke, later(minutes=1))
    # At least once: what was sent before it was taken off is sent again.
    assert (set(bodies()), waiting()) == ({1}, [])


def test_two_runs_at_once_lose_nothing_and_end(invoke: Invoke) -> None:
    for number in range(25):
        wait(number, later(minutes=1))
    met = iter([True])

    def meet(event_name: str, _request: Any) -> None:
        if event_name.endswith("SendMessageBatch") and next(met, False):
            due.send_due(later(minutes=1))

    CALLS.interceptors.append(meet)
    try:
        drain(invoke, later(minutes=1))
    finally:
        CALLS.interceptors.remove(meet)
    assert (set(bodies()), waiting()) == (set(range(25)), [])


def test_a_customers_messages_are_listed_and_erased(invoke: Invoke) -> None:
    first, second = wait(1, later(hours=1)), wait(2, later(hours=2))
    wait(3, later(hours=1), customer_id=BEN)
    assert [(pointer.due_id, pointer.due_at) for pointer in due.list_of(ADA)] == [
        (first, later(hours=1)),
        (second, later(hours=2)),
    ]
    assert [due.erase(ADA), due.erase(ADA)] == [2, 0]
    assert (drain(invoke, later(hours=3)), bodies(), waiting()) == (1, [3], [])


def test_a_message_is_cancelled_by_its_id(invoke: Invoke) -> None:
    first, _ = wait(1, later(hours=1)), wait(2, later(hours=1))
    assert [due.cancel(ADA, first), due.cancel(ADA, first)] == [True, False]
    assert (drain(invoke, later(hours=1)), bodies()) == (1, [2])


def test_a_message_that_waits_again_while_it_is_taken_off_stays_listed() -> None:
    due_id = wait(1, later(minutes=1))

    def again(event_name: str, _request: Any) -> None:
        if event_name.endswith("DeleteItem"):
            CALLS.interceptors.remove(again)
            wait(1, later(minutes=9))

    CALLS.interceptors.append(again)
    due.send_due(later(minutes=1))
    assert [pointer.due_at for pointer in due.list_of(ADA)] == [later(minutes=9)]
    assert due.cancel(ADA, due_id)
    assert waiting() == []


def test_a_message_without_a_customer_has_no_pointer(invoke: Invoke) -> None:
    wait(1, later(minutes=1), customer_id=None)
    assert len(waiting()) == 1
    assert (drain(invoke, later(minutes=1)), bodies(), waiting()) == (1, [1], [])


def test_a_queue_that_is_gone_keeps_no_other_from_its_messages(invoke: Invoke, clock: FrozenClock) -> None:
    for number in range(8):
        wait(number, later(minutes=1), "gone" if number % 2 else "surveys")
    clock.advance(minutes=1)
    with pytest.raises(RuntimeError, match="could not be sent"):
        drain(invoke)
    assert (sorted(bodies()), {item["queue"] for item in waiting() if "queue" in item}) == ([0, 2, 4, 6], {"gone"})


def test_a_minute_without_messages_costs_a_query_for_each_shard(invoke: Invoke) -> None:
    wait(1, later(hours=1))
    queries: list[str] = []

    def count(event_name: str, _request: Any) -> None:
        queries.append(event_name.rpartition(".")[2])

    CALLS.interceptors.append(count)
    try:
        drain(invoke)
    finally:
        CALLS.interceptors.remove(count)
    assert queries == ["Query"] * due.SHARDS


def test_a_message_that_is_too_long_for_ten_in_one_call_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes"):
        due.put("1", later(minutes=1), "surveys", "x" * (due.MAX_BYTES + 1))


def test_the_items_of_the_index_end_with_their_messages() -> None:
    wait(1, later(minutes=1))
    (pointer,) = CUSTOMERS.query(f"CUST#{ADA}")
    assert pointer["expires_at"] == int(later(days=30, minutes=1).timestamp())
    assert client("dynamodb").describe_table(TableName="customers")["Table"]["ItemCount"] == 2
