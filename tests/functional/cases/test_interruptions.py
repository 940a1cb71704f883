"""Complaints and steps of cases that are ended on their way and come again."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.cases import actions
from shared.cases.case import Outcome, case_id
from shared.core import clock as real_clock
from shared.core.shop_time import ShopTime
from shared.edge.tokens import Purpose, sign
from tests.frozen_clock import FrozenClock
from tests.functional.interruptions import Scene, assert_interruptions_leave_no_trace
from tests.functional.scenes import BERLIN, Invoke, answered, ask, may_be_asked


def complain(invoke: Invoke) -> None:
    claims = {"customer": "K-77", "complaint": "form"}
    token = sign(Purpose.COMPLAINT, claims, real_clock.now() + timedelta(hours=1))
    assert invoke("take_complaint/post", fill={"TOKEN": token})["statusCode"] == 200


def complained(invoke: Invoke) -> None:
    may_be_asked(invoke)
    complain(invoke)


def answered_badly(invoke: Invoke) -> None:
    may_be_asked(invoke)
    answered(invoke, ask("K-77"), 3, "Late")


def late_and_resolved(invoke: Invoke) -> None:
    """A case that is overdue, and one of which it is time to ask whether it helped."""
    may_be_asked(invoke)
    long_ago = ShopTime(datetime(2026, 1, 1, tzinfo=UTC), BERLIN)
    for cause in ("late", "resolved"):
        actions.complain("K-77", 0, "Broken", cause, long_ago)
    actions.resolve(case_id("K-77", "resolved"), Outcome.SOLVED, long_ago)


SCENES: dict[str, Scene] = {
    "a complaint": (may_be_asked, complain),
    "a complaint after a bad answer": (answered_badly, complain),
    "a resolution": (
        complained,
        lambda invoke: invoke("manage_cases/resolve", fill={"CASE": case_id("K-77", "form")}),
    ),
    "the report of an overdue case": (
        late_and_resolved,
        lambda invoke: invoke("escalate_case/overdue", fill={"CASE": case_id("K-77", "late")}),
    ),
    "the hourly question whether it helped": (
        late_and_resolved,
        lambda invoke: invoke("ask_recovery", {"source": "aws.scheduler"}),
    ),
}


@pytest.mark.parametrize("scene", SCENES)
def test_run_again_after_an_interruption_it_leaves_the_same(invoke: Invoke, clock: FrozenClock, scene: str) -> None:
    assert_interruptions_leave_no_trace(invoke, clock, SCENES[scene])
