"""Kinds of items: where each lies, what it holds, and which of its members are personal."""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from typing import Any, Generic, TypeVar

from shared.core.codec import declared_members, from_members, members_of, to_members
from shared.core.dynamodb import Item, Table, Write
from shared.core.privacy import Personal

Entity = TypeVar("Entity")


class Kind(Generic[Entity]):
    """One kind of item: its table, its keys as patterns of members, and the entity that it holds.

    `Kind(Case, CUSTOMERS, "CASE#{case_id}", "CASE", derived=("status",))`. Properties in `derived` are stored and not
    read. Members in `in_key` are not stored again: they are read from the key, as texts. `schema` counts the versions
    of the kind: version 1 is written as no member, and `upgrades[n]` turns an item of version n + 1 into version n + 2.
    """

    def __init__(
        self,
        entity: type[Entity],
        table: Table,
        pk: str,
        sk: str | None = None,
        *,
        derived: tuple[str, ...] = (),
        in_key: tuple[str, ...] = (),
        upgrades: tuple[Callable[[Item], Item], ...] = (),
    ) -> None:
        self.entity_type = entity
        self.table = table
        self.derived = derived
        self._in_key = in_key
        self._upgrades = upgrades
        self._patterns = {"customer_id": pk} if sk is None else {"pk": pk, "sk": sk}

    @property
    def key_names(self) -> tuple[str, ...]:
        """The members that make the key."""
        return tuple(self._patterns)

    def key(self, **members: Any) -> dict[str, str]:
        """The key of the item with these members."""
        return {name: pattern.format_map(members) for name, pattern in self._patterns.items()}

    def item(self, entity: Entity) -> Item:
        """The item of an entity, as plain values."""
        members = to_members(entity)
        key = self.key(**members)
        for name in self._in_key:
            del members[name]
        for name in self.derived:
            value = getattr(entity, name)
            members[name] = value.value if isinstance(value, Enum) else value
        version = {"schema": len(self._upgrades) + 1} if self._upgrades else {}
        return {**key, **members, **version}

    def entity(self, item: Item) -> Entity:
        """The entity of an item, of whichever version."""
        for upgrade in self._upgrades[item.get("schema", 1) - 1 :]:
            item = upgrade(item)
        return from_members(self.entity_type, {**item, **self._from_key(item)} if self._in_key else item)

    def entity_if_any(self, item: Item | None) -> Entity | None:
        """The entity of an item, None where there is none."""
        return self.entity(item) if item else None

    def get(self, **members: Any) -> Entity | None:
        """The entity with these members in its key (1 read unit per 4 KB)."""
        return self.entity_if_any(self.table.get(self.key(**members)))

    def query(
        self, *, limit: int | None = None, newest_first: bool = False, after: str | None = None, **members: Any
    ) -> list[Entity]:
        """The entities of a partition, in the order of their sort keys (1 read unit per 4 KB of all together).

        `members` are those of the partition's key, and of the sort key as far as all have them in common.
        """
        return [self.entity(item) for item in self.items(limit, newest_first, after, **members)]

    def items(
        self, limit: int | None = None, newest_first: bool = False, after: str | None = None, **members: Any
    ) -> list[Item]:
        """As `query`, but items instead of entities."""
        pk, sk = self._patterns["pk"], self._patterns["sk"]
        known = next((at for name, at in _places(sk) if name not in members), len(sk))
        prefix = sk[:known].format_map(members)
        return self.table.query(pk.format_map(members), prefix, limit=limit, newest_first=newest_first, after=after)

    def put(self, entity: Entity, condition: str = "", values: Mapping[str, Any] | None = None) -> Write:
        """The write of an entity over whatever is there, if the condition holds."""
        return self.table.put(self.item(entity), condition, values)

    def put_new(self, entity: Entity) -> Write:
        """The write of an entity if none has its key."""
        return self.table.put_new(self.item(entity))

    def put_version(self, entity: Entity) -> Write:
        """The write of version n of an entity over its version n − 1."""
        return self.table.put_version(self.item(entity))

    def owns(self, key: Mapping[str, str]) -> bool:
        """Whether a key belongs to this kind."""
        return all(name in key and expression.fullmatch(key[name]) for name, expression in self._expressions.items())

    @cached_property
    def declared(self) -> Mapping[str, Personal | None]:
        """Every member that an item of this kind may have, by its stored name; None for what is not personal.

        Members of a map, or of the maps in a list, have the name of what they are in before them: `notes.text`.
        """
        members = dict(declared_members(members_of(self.entity_type)))
        for name in self._in_key:
            del members[name]
        return {**dict.fromkeys((*self._patterns, "schema", *self.derived)), **members}

    def _from_key(self, item: Item) -> dict[str, str]:
        members: dict[str, str] = {}
        for name, expression in self._expressions.items():
            if match := expression.fullmatch(item[name]):
                members |= match.groupdict()
        return members

    @cached_property
    def _expressions(self) -> dict[str, re.Pattern[str]]:
        return {name: re.compile(_expression(pattern)) for name, pattern in self._patterns.items()}


def _places(pattern: str) -> Iterator[tuple[str, int]]:
    """The members that a pattern names, and where."""
    return ((match[1], match.start()) for match in re.finditer(r"{(\w+)[^}]*}", pattern))


def _expression(pattern: str) -> str:
    parts = re.split(r"{(\w+)[^}]*}", pattern)
    return "".join(f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
