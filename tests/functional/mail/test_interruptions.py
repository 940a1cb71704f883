"""A bounce whose recording is ended on its way, and which is delivered again."""

from tests.frozen_clock import FrozenClock
from tests.functional.interruptions import assert_interruptions_leave_no_trace
from tests.functional.scenes import Invoke


def test_a_bounce_that_is_recorded_again_leaves_the_same(invoke: Invoke, clock: FrozenClock) -> None:
    def purchase(invoke: Invoke) -> None:
        invoke("record_purchase/by_email")

    def bounce(invoke: Invoke) -> None:
        assert invoke("record_mail_events/hard_bounce") == {"batchItemFailures": []}

    assert_interruptions_leave_no_trace(invoke, clock, (purchase, bounce))
