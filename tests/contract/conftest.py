"""The functional tests' AWS, with the clock frozen and each scene played once."""

from collections.abc import Callable
from importlib import import_module

import pytest

from tests.contract.recording import Recording, Stage, Wire
from tests.frozen_clock import FrozenClock, clock
from tests.functional.conftest import aws, invoke, load, moto
from tests.functional.moto_patches import small_backups, values_as_they_are
from tests.functional.scenes import Invoke, Load

# Fixtures count for the tests of the package whose conftest knows them by name.
__all__ = ["aws", "clock", "invoke", "load", "moto", "small_backups", "values_as_they_are"]

Play = Callable[[str], Recording]

_RECORDINGS: dict[str, Recording] = {}


@pytest.fixture
def stage(invoke: Invoke, load: Load, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An empty deployment at noon of 21 November 2026."""
    wire = Wire()
    wire.patch(monkeypatch)
    return Stage(invoke, load, clock, wire, monkeypatch.setenv)


@pytest.fixture
def play(stage: Stage) -> Play:
    """`play("customers")`: what a scene leaves behind; each is played once for all tests."""

    def recorded(scene: str) -> Recording:
        if scene not in _RECORDINGS:
            import_module(f"tests.contract.scenes.{scene}").play(stage)
            _RECORDINGS[scene] = stage.recording()
        return _RECORDINGS[scene]

    return recorded
