"""Purchases and refunds that are ended on their way and come again."""

import pytest

from tests.frozen_clock import FrozenClock
from tests.functional.interruptions import Scene, assert_interruptions_leave_no_trace, nothing
from tests.functional.scenes import Invoke

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
}


@pytest.mark.parametrize("scene", SCENES)
def test_run_again_after_an_interruption_it_leaves_the_same(invoke: Invoke, clock: FrozenClock, scene: str) -> None:
    assert_interruptions_leave_no_trace(invoke, clock, SCENES[scene])
