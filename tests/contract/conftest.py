"""The functional tests' AWS, with the clock frozen and each scene played once."""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

from functions.platform.describe_api import handler as describe_api
from infra.constructs.code import contract
from shared.core import clock
from tests.contract.recording import FrozenClock, Recording, Stage, Wire
from tests.functional.conftest import (
    Invoke,
    Load,
    attributes_at_first_sight,
    conditions_of_statements,
    deployed,
    invoke,
    load,
    one_request_at_a_time,
)

# Fixtures count for the tests of the package whose conftest knows them by name.
__all__ = [
    "attributes_at_first_sight", "conditions_of_statements", "invoke", "load", "one_request_at_a_time",
]  # fmt: skip

Play = Callable[[str], Recording]

_RECORDINGS: dict[str, Recording] = {}


@pytest.fixture(autouse=True, scope="package")
def small_backups() -> Iterator[None]:
    """Moto copies a whole table for every write of a transaction, to put it back where the transaction is cancelled,
    which took a quarter of all time: what the transaction writes is enough.
    """
    transact, written = DynamoDBBackend.transact_write_items, set[str]()

    def transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        statements = [statement for write in transact_items for statement in write.values()]
        keys = [statement.get("Key") or statement["Item"] for statement in statements]
        written.clear()
        written.update(value["S"] for key in keys for name, value in key.items() if name in ("sk", "customer_id"))
        transact(backend, transact_items)

    def backup(thing: Any) -> Any:
        if not isinstance(thing, Table):
            return copy.deepcopy(thing)
        kept = copy.copy(thing)
        kept.items = defaultdict(dict)
        for key, below in thing.items.items():
            if thing.has_range_key:
                kept.items[key] = {sk: _copy(item, sk, written) for sk, item in below.items()}
            else:
                kept.items[key] = _copy(below, key, written)
        return kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoDBBackend, "transact_write_items", transact_write_items)
        patch.setattr(models, "copy", SimpleNamespace(deepcopy=backup))
        yield


def _copy(item: Any, key: Any, written: set[str]) -> Any:
    return copy.deepcopy(item) if key.value in written else item


@pytest.fixture(autouse=True, scope="package")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The description of the API lies beside its function, as in the function's zip."""
    file = tmp_path_factory.mktemp("contract") / "openapi.json"
    file.write_text(contract(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(describe_api, "_CONTRACT", file)
        yield


@pytest.fixture
def stage(invoke: Invoke, load: Load, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """An empty deployment at noon of 21 November 2026."""
    frozen, wire = FrozenClock("2026-11-21T12:00:00.000Z"), Wire()
    monkeypatch.setattr(clock, "now", frozen.now)
    wire.patch(monkeypatch)
    with deployed(monkeypatch):
        yield Stage(invoke, load, frozen, wire, monkeypatch.setenv)


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
