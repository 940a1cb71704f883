"""The golden files hold every kind of item that the stores write, with and without what it may lack."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract import golden
from tests.contract.kinds import KINDS, Kind
from tests.contract.scenes import SCENES

KIND_NAMES = [(table, kind.name) for table, kinds in KINDS.items() for kind in kinds]


def every_item(table: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each golden item of a table, with its scene and key as text."""
    for scene in SCENES:
        for item in golden.read(scene)[table]:
            yield f"{scene}: {' '.join(golden.key_of(item))}", item


def kind_named(table: str, name: str) -> Kind:
    """The kind of this name."""
    (kind,) = (kind for kind in KINDS[table] if kind.name == name)
    return kind


@pytest.mark.parametrize("table", KINDS)
def test_every_golden_item_is_of_exactly_one_kind(table: str) -> None:
    kinds = {where: [kind.name for kind in KINDS[table] if kind.matches(item)] for where, item in every_item(table)}
    assert {where: names for where, names in kinds.items() if len(names) != 1} == {}


@pytest.mark.parametrize(("table", "name"), KIND_NAMES)
def test_a_kind_is_there_with_and_without_all_it_may_lack(table: str, name: str) -> None:
    kind = kind_named(table, name)
    items = {where: item for where, item in every_item(table) if kind.matches(item)}
    assert items, "no golden item is of this kind"
    assert {where: strange for where, item in items.items() if (strange := kind.strange(item))} == {}
    assert list(kind.untried(list(items.values()))) == []
