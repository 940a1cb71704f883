"""A function that is killed at any of its calls to AWS, before or after the call was done, and then runs again."""

from collections.abc import Callable
from datetime import date
from itertools import count
from typing import Any

import pytest

from shared.domain.scorecard import Scorecard, with_order
from shared.store import customers, scorecards, table
from tests.functional.conftest import CALLS, Killed

Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Scene = tuple[Callable[[Invoke], object], Callable[[Invoke], object]]

COMMON = {"rescoring_id": "r", "started_at": "2026-11-21T01:00:00Z", "as_of": "2026-11-21"}


def nothing(_invoke: Invoke) -> None:
    pass


def scanned(invoke: Invoke) -> None:
    cards = [with_order(Scorecard(customer_id=f"K{n}"), date(2026, 1 + n, 1), 1_000 * n) for n in range(4)]
    table.transact([scorecards.count(card) for card in cards])
    invoke("scan_scorecards", {**COMMON, "segment": 0, "total_segments": 1})


def write_scores(invoke: Invoke) -> None:
    part = "rescorings/r/part-00000"
    thresholds = invoke("rank_scorecards", {**COMMON, "parts": [{"part": part}]})["thresholds"]
    tally = invoke("write_scores", {**COMMON, "part": part, "thresholds": thresholds})
    invoke("report_rescoring", {**COMMON, "tallies": [tally]})


def signed_up(invoke: Invoke) -> None:
    invoke("register_customer/json")


def bounce(invoke: Invoke) -> None:
    failed = invoke("record_feedback/hard_bounce")["batchItemFailures"]
    assert failed == []


def is_killed(act: Callable[[], object], number: int, when: str) -> bool:
    """Run it, ended at its call with this number; False where it makes fewer calls."""
    CALLS.killed_at, CALLS.count = (number, when), 0
    try:
        act()
    except Killed:
        return True
    finally:
        CALLS.killed_at = None
    return False


SCENES: dict[str, Scene] = {
    "a purchase of a newcomer": (nothing, lambda invoke: invoke("record_purchase/by_email")),
    "a purchase of a known customer": (
        lambda invoke: invoke("record_purchase/by_email"),
        lambda invoke: invoke("record_purchase/by_email", order_id="#2000"),
    ),
    "a purchase for which refunds wait": (
        lambda invoke: [invoke("refund_purchase/amount"), invoke("refund_purchase/products")],
        lambda invoke: invoke("record_purchase/by_email"),
    ),
    "a refund": (
        lambda invoke: invoke("record_purchase/by_email"),
        lambda invoke: invoke("refund_purchase/products"),
    ),
    "a refund before its order": (nothing, lambda invoke: invoke("refund_purchase/amount")),
    "a batch from the queue": (nothing, lambda invoke: invoke("ingest_purchases/mixed")),
    "a bounce": (lambda invoke: invoke("record_purchase/by_email"), bounce),
    "the scores of a part": (scanned, write_scores),
}


@pytest.mark.parametrize("scene", SCENES)
def test_killed_at_any_call_and_run_again_it_leaves_what_an_undisturbed_run_leaves(
    invoke: Invoke, contents: Contents, empty_tables: Callable[[], None], scene: str
) -> None:
    before, act = SCENES[scene]
    # When something was written, and how often, may differ; a bounce is counted from the moment it is heard of.
    moments = {"version", "since", "occurred_at", "finished_at", "changed_at"}

    def left() -> dict[str, list[dict[str, Any]]]:
        found = contents(leave_out=moments)
        for item in found["customers"]:
            item["sk"] = item["sk"].split("#")[-1]
            for topics in item.get("consents", {}).values():
                for held in topics.values():
                    held.pop("since")
        return found

    before(invoke)
    act(invoke)
    undisturbed = left()
    for number in count(1):
        killed = []
        for when in ("before", "after"):
            empty_tables()
            before(invoke)
            killed.append(is_killed(lambda: act(invoke), number, when))
            if killed[-1]:
                act(invoke)
            assert left() == undisturbed, f"killed {when} call {number}"
        if not any(killed):
            break
    assert number > 2


def test_a_signup_that_is_killed_leaves_nothing_or_all_and_can_be_sent_again(
    invoke: Invoke, empty_tables: Callable[[], None], contents: Contents
) -> None:
    for number in count(1):
        killed = []
        for when in ("before", "after"):
            empty_tables()
            killed.append(is_killed(lambda: signed_up(invoke), number, when))
            if killed[-1]:
                assert len(contents()["customers"]) in (0, 3)
                signed_up(invoke)
            known = customers.find_by_email("ada@example.com")
            assert known is not None
            assert known.signup is not None
            assert len(contents()["customers"]) == 3
        if not any(killed):
            break
    assert number > 2
