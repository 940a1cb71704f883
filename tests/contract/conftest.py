"""The functional tests' AWS, with the clock frozen and each scene played once."""

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest
from moto.core.models import MockAWS

from functions.platform.describe_api import handler as describe_api
from infra.constructs.code import contract
from tests.contract.recording import Recording, Stage, Wire
from tests.frozen_clock import FrozenClock, clock
from tests.functional.conftest import catalogued, invoke, load, moto, start_empty
from tests.functional.moto_patches import small_backups, values_as_they_are
from tests.functional.scenes import Invoke, Load

# Fixtures count for the tests of the package whose conftest knows them by name.
__all__ = ["catalogued", "clock", "invoke", "load", "moto", "small_backups", "values_as_they_are"]

Play = Callable[[str], Recording]

_RECORDINGS: dict[str, Recording] = {}


@pytest.fixture(autouse=True, scope="package")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The description of the API lies beside its function, as in the function's zip."""
    file = tmp_path_factory.mktemp("contract") / "openapi.json"
    file.write_text(contract(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(describe_api, "_CONTRACT", file)
        yield


@pytest.fixture
def stage(invoke: Invoke, load: Load, clock: FrozenClock, moto: MockAWS, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """An empty deployment at noon of 21 November 2026."""
    start_empty(moto, monkeypatch)
    wire = Wire()
    wire.patch(monkeypatch)
    return Stage(invoke, load, clock, wire, monkeypatch.setenv)


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Play:
    """`play("customers")`: what a scene leaves behind; each is played once for all tests."""

    def recorded(scene: str) -> Recording:
        if scene not in _RECORDINGS:
            stage: Stage = request.getfixturevalue("stage")
            import_module(f"tests.contract.scenes.{scene}").play(stage)
            _RECORDINGS[scene] = stage.recording()
        return _RECORDINGS[scene]

    return recorded
