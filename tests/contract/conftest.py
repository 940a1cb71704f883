"""The functional tests' AWS, with the clock frozen and each scene played once."""

from collections.abc import Callable
from importlib import import_module

import pytest

from shared import clock
from tests.contract.recording import FrozenClock, Recording, Stage, Wire
from tests.functional.conftest import (
    Invoke,
    Load,
    attributes_at_first_sight,
    aws,
    conditions_of_statements,
    invoke,
    load,
    one_request_at_a_time,
)

# Fixtures count for the tests of the package whose conftest knows them by name.
__all__ = [
    "attributes_at_first_sight", "aws", "conditions_of_statements", "invoke", "load", "one_request_at_a_time",
]  # fmt: skip

Play = Callable[[str], Recording]

_RECORDINGS: dict[str, Recording] = {}


@pytest.fixture
def stage(invoke: Invoke, load: Load, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An empty deployment at noon of 21 November 2026."""
    frozen, wire = FrozenClock("2026-11-21T12:00:00.000Z"), Wire()
    monkeypatch.setattr(clock, "now", frozen.now)
    wire.patch(monkeypatch)
    return Stage(invoke, load, frozen, wire, monkeypatch.setenv)


@pytest.fixture
def play(stage: Stage) -> Play:
    """`play("customers")`: what a scene leaves behind; each is played once for all tests."""

    def recorded(scene: str) -> Recording:
        if scene not in _RECORDINGS:
            import_module(f"tests.contract.scenes.{scene}").play(stage)
            _RECORDINGS[scene] = stage.recording()
        return _RECORDINGS[scene]

    return recorded
