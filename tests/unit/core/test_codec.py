"""Entities as items, by their type hints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

import pytest

from shared.core.codec import AS_LIST, AS_TEXT, INLINE, SECONDS, Stored, from_members, to_members
from shared.core.dynamodb import CUSTOMERS, SCORECARDS, Item, pack, unpack
from shared.core.kind import Kind
from shared.core.privacy import Erase, Personal

NAME = Personal("to greet the customer", "until erasure", Erase.BLANK)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


@dataclass(frozen=True, slots=True)
class Pair:
    count: int
    amount: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    name: Annotated[str | None, NAME] = None
    born_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    thing_id: str
    shelf: str
    made_at: datetime
    colour: Colour
    person: Annotated[Person, INLINE] = field(default_factory=Person)
    friends: tuple[Person, ...] = ()
    open_until: Annotated[datetime | None, Stored("until")] = None
    expires_at: Annotated[datetime | None, SECONDS] = None
    days: frozenset[int] = frozenset()
    words: frozenset[str] = frozenset()
    pair: Annotated[Pair, AS_LIST] = Pair(0)
    months: Mapping[str, Annotated[Pair, AS_TEXT]] = field(default_factory=dict)
    matrix: Mapping[tuple[Colour, Colour], Person] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    version: int = 1

    @property
    def is_red(self) -> bool:
        return self.colour is Colour.RED


FULL = Everything(
    thing_id="t",
    shelf="s",
    made_at=NOON,
    colour=Colour.BLUE,
    person=Person(name="Ada", born_on=date(1990, 12, 10)),
    friends=(Person(name="Bob"), Person()),
    open_until=NOON,
    expires_at=NOON,
    days=frozenset({3, 1}),
    words=frozenset({"b", "a"}),
    pair=Pair(1, 2),
    months={"2026-11": Pair(2, 4_990)},
    matrix={(Colour.RED, Colour.BLUE): Person(name="Eve")},
    counts={"a": 1},
)
EMPTY = Everything(thing_id="t", shelf="s", made_at=NOON, colour=Colour.RED)
THINGS = Kind(Everything, CUSTOMERS, "SHELF#{shelf}", "THING#{thing_id}", derived=("is_red",), in_key=("shelf",))


def test_a_full_entity_is_stored_as_its_hints_say() -> None:
    assert pack(THINGS.item(FULL)) == {
        "pk": {"S": "SHELF#s"},
        "sk": {"S": "THING#t"},
        "thing_id": {"S": "t"},
        "made_at": {"S": "2026-11-21T12:00:00.000Z"},
        "colour": {"S": "BLUE"},
        "is_red": {"BOOL": False},
        "name": {"S": "Ada"},
        "born_on": {"S": "1990-12-10"},
        "friends": {"L": [{"M": {"name": {"S": "Bob"}}}, {"M": {}}]},
        "until": {"S": "2026-11-21T12:00:00.000Z"},
        "expires_at": {"N": "1795262400"},
        "days": {"NS": ["1", "3"]},
        "words": {"L": [{"S": "a"}, {"S": "b"}]},
        "pair": {"L": [{"N": "1"}, {"N": "2"}]},
        "months": {"M": {"2026-11": {"S": "2|4990"}}},
        "matrix": {"M": {"RED": {"M": {"BLUE": {"M": {"name": {"S": "Eve"}}}}}}},
        "counts": {"M": {"a": {"N": "1"}}},
        "version": {"N": "1"},
    }


@pytest.mark.parametrize("entity", [FULL, EMPTY], ids=["full", "empty"])
def test_what_is_stored_is_read_again_as_it_was(entity: Everything) -> None:
    assert THINGS.entity(unpack(pack(THINGS.item(entity)))) == entity


def test_a_member_that_is_absent_takes_its_default() -> None:
    item = THINGS.item(EMPTY)
    for name in ("friends", "pair", "months", "matrix", "counts", "version"):
        del item[name]
    assert THINGS.entity(item) == EMPTY


def test_a_member_that_may_be_none_is_none_where_it_is_absent() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Plan:
        months: int | None = 12

    for plan in (Plan(), Plan(months=None)):
        assert from_members(Plan, unpack(pack(to_members(plan)))) == plan


def test_a_member_without_a_default_must_be_there() -> None:
    item = THINGS.item(EMPTY)
    del item["made_at"]
    with pytest.raises(KeyError, match="made_at"):
        THINGS.entity(item)


def test_a_member_that_nobody_knows_is_passed_over() -> None:
    assert THINGS.entity({**THINGS.item(FULL), "colours": ["RED"]}) == FULL


def test_a_row_with_a_further_member_is_still_read() -> None:
    assert from_members(Everything, {**to_members(EMPTY), "months": {"2026-11": "2|4990|9"}}).months["2026-11"] == (
        Pair(2, 4_990)
    )


def test_a_row_of_before_a_member_was_added_takes_its_default() -> None:
    assert from_members(Everything, {**to_members(EMPTY), "months": {"2026-11": "2"}}).months["2026-11"] == Pair(2, 7)


def test_the_first_version_of_a_kind_is_written_as_no_member() -> None:
    assert "schema" not in pack(THINGS.item(FULL))


def test_items_of_an_older_version_are_made_ones_of_today() -> None:
    def renamed(item: Item) -> Item:
        return {**item, "amount": item["sum"]}

    def doubled(item: Item) -> Item:
        return {**item, "amount": 2 * item["amount"]}

    kind = Kind(Pair, SCORECARDS, "{count}", upgrades=(renamed, doubled))
    assert kind.item(Pair(1, 4)) == {"customer_id": "1", "count": 1, "amount": 4, "schema": 3}
    assert kind.entity({"count": 1, "sum": 2}) == Pair(1, 4)
    assert kind.entity({"count": 1, "amount": 2, "schema": 2}) == Pair(1, 4)
    assert kind.entity({"count": 1, "amount": 4, "schema": 3}) == Pair(1, 4)


def test_a_kind_knows_its_own_keys() -> None:
    assert THINGS.owns({"pk": "SHELF#s", "sk": "THING#t"})
    assert not THINGS.owns({"pk": "SHELF#s", "sk": "THINGS"})
    assert not THINGS.owns({"customer_id": "t"})


def test_a_kind_declares_every_member_and_which_are_personal() -> None:
    personal = {name for name, purpose in THINGS.declared.items() if purpose}
    assert personal == {"name", "friends.name", "matrix.name"}
    assert set(pack(THINGS.item(FULL))) <= set(THINGS.declared)
    assert "shelf" not in THINGS.declared


def test_what_has_no_place_in_an_item_is_refused() -> None:
    @dataclass(frozen=True)
    class Weight:
        kilos: float

    with pytest.raises(TypeError, match="no place"):
        to_members(Weight(1.5))
