"""Invitations and answers that are ended on their way and come again."""

from datetime import timedelta

import pytest

from shared.cases import actions
from shared.cases.case import Outcome, case_id
from shared.core import clock as real_clock
from shared.core.shop_time import ShopTime
from shared.edge.tokens import Purpose, sign
from shared.nps.store import invitations
from tests.frozen_clock import FrozenClock
from tests.functional.interruptions import Scene, assert_interruptions_leave_no_trace
from tests.functional.scenes import BERLIN, Invoke, answered, ask, decide_all, may_be_asked, surveyed


def ask_tonight(invoke: Invoke) -> None:
    assert decide_all(invoke, "night", real_clock.now()) == {"INVITED": 1}


def asked(invoke: Invoke) -> None:
    may_be_asked(invoke)
    ask("K-77", channel="web")


def answer(invoke: Invoke, score: int) -> None:
    invitation = invitations.get("K-77", "after-purchase.2026-11-14")
    assert invitation is not None
    assert answered(invoke, invitation, score, "The delivery was late")["statusCode"] == 200


def promoted(invoke: Invoke) -> None:
    asked(invoke)
    answer(invoke, 9)


def disappointed(invoke: Invoke) -> None:
    asked(invoke)
    answer(invoke, 3)


def reconciled(invoke: Invoke) -> None:
    """A detractor whose case is resolved."""
    disappointed(invoke)
    actions.resolve(case_id("K-77", "after-purchase.2026-11-14"), Outcome.SOLVED, ShopTime(real_clock.now(), BERLIN))


def answer_anonymously(invoke: Invoke) -> None:
    claims = {"survey": "after-purchase", "place": "counter", "answer": "form"}
    token = sign(Purpose.FEEDBACK, claims, real_clock.now() + timedelta(hours=1))
    assert invoke("answer_anonymously/post", fill={"TOKEN": token})["statusCode"] == 200


SCENES: dict[str, Scene] = {
    "a night that asks": (may_be_asked, ask_tonight),
    "an answer that opens a case": (asked, lambda invoke: answer(invoke, 3)),
    "a changed answer": (promoted, lambda invoke: answer(invoke, 8)),
    "a changed answer that opens a case": (promoted, lambda invoke: answer(invoke, 0)),
    "a changed answer of an open case": (disappointed, lambda invoke: answer(invoke, 1)),
    "a changed answer of a resolved case": (reconciled, lambda invoke: answer(invoke, 1)),
    "an anonymous answer": (surveyed, answer_anonymously),
}


@pytest.mark.parametrize("scene", SCENES)
def test_run_again_after_an_interruption_it_leaves_the_same(invoke: Invoke, clock: FrozenClock, scene: str) -> None:
    assert_interruptions_leave_no_trace(invoke, clock, SCENES[scene])
