"""Steps of a rescoring that are ended on their way and taken again."""

from datetime import date

import pytest

from shared.core.dynamodb import transact
from shared.scorecards.scorecard import Scorecard, with_order
from shared.scorecards.store import cards
from tests.frozen_clock import FrozenClock
from tests.functional.interruptions import Scene, assert_interruptions_leave_no_trace
from tests.functional.scenes import Invoke, execution_arn
from tests.functional.scoring.steps import rescoring_steps

PLANNED = {
    "run_id": "r", "execution_arn": execution_arn("r"), "started_at": "2026-11-21T01:00:00Z", "input": {}
}  # fmt: skip
RESCORING = {
    "rescoring_id": "r", "started_at": "2026-11-21T01:00:00Z", "as_of": "2026-11-21", "customers": 4,
    "total_segments": 1, "fits": True, "sample": 10_000, "unfinished": {},
}  # fmt: skip


class Rescoring:
    """Some steps of a rescoring of one segment: ended in one of them, it goes on with this one, as executions do."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._completed = 0

    def __call__(self, invoke: Invoke) -> None:
        events = {"plan_rescoring": PLANNED, **dict(rescoring_steps(RESCORING))}
        for name in self._names[self._completed :]:
            invoke(name, events[name])
            self._completed += 1
        self._completed = 0


def few_cards(_invoke: Invoke) -> None:
    scorecards = [with_order(Scorecard(customer_id=f"K{n}"), date(2026, 1 + n, 1), 1_000 * n) for n in range(4)]
    transact(*(cards.count(card) for card in scorecards))


def ranked(invoke: Invoke) -> None:
    few_cards(invoke)
    Rescoring("plan_rescoring", "scan_scorecards", "rank_scorecards", "fit_forecaster")(invoke)


SCENES: dict[str, Scene] = {
    "a rescoring up to its thresholds": (
        few_cards,
        Rescoring("plan_rescoring", "scan_scorecards", "rank_scorecards", "fit_forecaster"),
    ),
    "the scores and reports of a rescoring": (ranked, Rescoring("write_scores", "report_rescoring")),
}


@pytest.mark.parametrize("scene", SCENES)
def test_run_again_after_an_interruption_it_leaves_the_same(invoke: Invoke, clock: FrozenClock, scene: str) -> None:
    assert_interruptions_leave_no_trace(invoke, clock, SCENES[scene])
