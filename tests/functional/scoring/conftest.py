"""A whole rescoring in one call."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.scenes import Invoke
from tests.functional.scoring.steps import plan_rescoring, rescoring_steps


@pytest.fixture
def rescore(invoke: Invoke) -> Callable[..., dict[str, Any]]:
    """`rescore("run-2", as_of=…)`: a whole rescoring as its state machine takes it; its plan. Every step is taken
    twice, or so many `times`, which must change nothing.
    """

    def run(*args: Any, times: int = 2, **kwargs: Any) -> dict[str, Any]:
        given = plan_rescoring(invoke, *args, **kwargs)
        for step, event in rescoring_steps(given):
            answers = [invoke(step, event) for _ in range(times)]
            assert answers == answers[:1] * times
        return given

    return run
