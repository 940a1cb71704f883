"""Entities as members of items, by the type hints of frozen dataclasses, which also say what is personal.

| hint | stored as |
|---|---|
| `str`, `int`, `bool`, `Mapping[str, int]` … | as it is |
| `date`, `datetime` | `2026-11-21`, `2026-11-21T20:14:00.000Z` |
| an enum of texts | its value |
| `X \\| None` | nothing where it is None |
| `tuple[X, ...]`, `frozenset[str]` | a list, sets in ascending order |
| `frozenset[int]` | a number set, nothing where it is empty |
| `Mapping[tuple[A, B], X]` | a map of maps, by A and then by B |
| a dataclass | a map of its members |
| `Annotated[X, INLINE]` of a dataclass | its members among those around it |
| `Annotated[X, AS_LIST]` of a dataclass | its members in their order, as a list |
| `Annotated[X, AS_TEXT]` of a dataclass | its members in their order, as one text such as `2|4990` |
| `Annotated[datetime, SECONDS]` | whole seconds since 1970, as DynamoDB's time to live wants them |
| `Annotated[X, As(write, read)]` | as `write` makes it |
| `Annotated[X, Stored("name")]` | under another name |
| `Annotated[X, Personal(…)]` | as X; it says something about a person |
"""

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from shared.core.facts import from_timestamp, to_timestamp
from shared.core.privacy import Personal

Entity = TypeVar("Entity")


@dataclass(frozen=True, slots=True)
class Stored:
    """The name under which a member is stored, where it differs from the attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class As:
    """A custom form: `write` turns the member into plain values, `read` turns these back into the member."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


class Form(Enum):
    """A way of storing that the type hint alone does not give."""

    INLINE = "INLINE"
    AS_LIST = "AS_LIST"
    AS_TEXT = "AS_TEXT"
    SECONDS = "SECONDS"


INLINE: Final = Form.INLINE
AS_LIST: Final = Form.AS_LIST
AS_TEXT: Final = Form.AS_TEXT
SECONDS: Final = Form.SECONDS

_SEPARATOR: Final = "|"
_PLAIN: Final = (str, int, bool, bytes, Any, object)


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class _Way:
    """How values of one hint are written and read."""

    write: Callable[[Any], Any] = _same
    read: Callable[[Any], Any] = _same
    optional: bool = False


_AS_IT_IS: Final = _Way()


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a dataclass: its attribute, its name in the item, how it is stored, and whether it is personal."""

    attribute: str
    stored: str
    way: _Way
    # The value where an item does not have the member. Raises KeyError where the member is required.
    absent: Callable[[], Any]
    personal: Personal | None
    is_inline: bool
    # The members of the dataclass among its values, if there is one.
    inner: "tuple[Member, ...]"


def to_members(entity: Any) -> dict[str, Any]:
    """The members of an entity as plain values; those that are None are None."""
    members: dict[str, Any] = {}
    for member in members_of(type(entity)):
        value = getattr(entity, member.attribute)
        if member.is_inline:
            members.update(to_members(value))
        else:
            members[member.stored] = member.way.write(value)
    return members


def from_members(entity: type[Entity], members: Mapping[str, Any]) -> Entity:
    """The entity of members as `to_members` made them; unknown members are ignored.

    An absent member is None where it may be None, whatever its default, and else takes its default. Raises KeyError
    where it has none.
    """
    values: dict[str, Any] = {}
    for member in members_of(entity):
        if member.is_inline:
            values[member.attribute] = member.way.read(members)
        else:
            value = members.get(member.stored)
            values[member.attribute] = member.absent() if value is None else member.way.read(value)
    return entity(**values)


def members_of(entity: Any) -> tuple[Member, ...]:
    """The members of a dataclass, as its type hints declare them."""
    if entity not in _MEMBERS:
        hints = get_type_hints(entity, include_extras=True)
        _MEMBERS[entity] = tuple(_member(field, hints[field.name]) for field in fields(entity))
    return _MEMBERS[entity]


_MEMBERS: Final[dict[Any, tuple[Member, ...]]] = {}


def _member(field: Any, hint: Any) -> Member:
    marks = hint.__metadata__ if get_origin(hint) is Annotated else ()
    name = next((mark.name for mark in marks if isinstance(mark, Stored)), field.name)
    personal = next((mark for mark in marks if isinstance(mark, Personal)), None)
    way = _way(hint)
    return Member(field.name, name, way, _absent(field, name, way), personal, INLINE in marks, _inner(hint))


def _absent(field: Any, name: str, way: _Way) -> Callable[[], Any]:
    def fail() -> Any:
        raise KeyError(name)

    if way.optional:
        return lambda: None
    if field.default is not MISSING:
        return lambda: field.default
    if field.default_factory is not MISSING:
        factory: Callable[[], Any] = field.default_factory
        return factory
    return fail


def _inner(hint: Any) -> tuple[Member, ...]:
    """The members of the dataclass in a hint, at any depth; none where it is stored as a row."""
    if get_origin(hint) is Annotated:
        return () if {AS_LIST, AS_TEXT} & set(hint.__metadata__) else _inner(_bare(hint))
    if is_dataclass(hint):
        return members_of(hint)
    return next((inner for argument in get_args(hint) if (inner := _inner(argument))), ())


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _way(hint: Any) -> _Way:
    form = None
    if get_origin(hint) is Annotated:
        if own := next((mark for mark in hint.__metadata__ if isinstance(mark, As)), None):
            return _Way(own.write, own.read)
        form = next((mark for mark in hint.__metadata__ if isinstance(mark, Form)), None)
        hint = _bare(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (some,) = (argument for argument in arguments if argument is not type(None))
        way = _way(Annotated[some, form] if form else some)
        if way is _AS_IT_IS:
            return _Way(optional=True)
        return _Way(
            lambda value: None if value is None else way.write(value),
            lambda value: None if value is None else way.read(value),
            optional=True,
        )
    if is_dataclass(hint):
        return _way_of_dataclass(hint, form)
    if origin is tuple:
        return _way_of_sequence(_way(arguments[0]), tuple)
    if origin is frozenset:
        # A number set: DynamoDB has no empty sets.
        numbers = _Way(lambda value: value or None, frozenset)
        return numbers if arguments == (int,) else _way_of_sequence(_AS_IT_IS, frozenset)
    if origin is not None and issubclass(origin, Mapping):
        return _way_of_mapping(*arguments)
    return _way_of_value(hint, form)


def _way_of_value(hint: Any, form: Form | None) -> _Way:
    if hint is datetime and form is SECONDS:
        return _Way(lambda value: int(value.timestamp()), lambda seconds: datetime.fromtimestamp(seconds, UTC))
    if hint is datetime:
        return _Way(to_timestamp, from_timestamp)
    if hint is date:
        return _Way(lambda value: value.isoformat(), date.fromisoformat)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _Way(lambda value: value.value, hint)
    if hint in _PLAIN:
        return _AS_IT_IS
    raise TypeError(f"{hint} has no place in an item")


def _way_of_dataclass(hint: Any, form: Form | None) -> _Way:
    if form is AS_LIST:
        return _Way(lambda value: _row(value), lambda row: _from_row(hint, row))
    if form is AS_TEXT:
        return _Way(
            lambda value: _SEPARATOR.join(map(str, _row(value))),
            lambda text: _from_row(hint, text.split(_SEPARATOR)),
        )
    return _Way(to_members, lambda members: from_members(hint, members))


def _row(entity: Any) -> list[Any]:
    return [member.way.write(getattr(entity, member.attribute)) for member in members_of(type(entity))]


def _from_row(entity: Any, row: list[Any]) -> Any:
    """The dataclass of its members in their order: surplus values are ignored, the last members may be absent."""
    numbers, values = _whole_numbers(entity), {}
    for place, member in enumerate(members_of(entity)):
        if place < len(row):
            text = row[place]
            values[member.attribute] = member.way.read(int(text) if member.attribute in numbers else text)
        else:
            values[member.attribute] = member.absent()
    return entity(**values)


@cache
def _whole_numbers(entity: Any) -> frozenset[str]:
    return frozenset(name for name, hint in get_type_hints(entity).items() if hint is int)


def _way_of_sequence(way: _Way, kind: Callable[[Any], Any]) -> _Way:
    def write(values: Any) -> list[Any]:
        return [way.write(value) for value in (sorted(values) if kind is frozenset else values)]

    return _Way(write, lambda values: kind(way.read(value) for value in values))


def _way_of_mapping(key: Any, value: Any) -> _Way:
    if get_origin(key) is tuple:
        outer, inner = get_args(key)
        return _way_of_pairs(_way(outer), _way(inner), _way(value))
    keys, values = _way(key), _way(value)
    if keys is _AS_IT_IS and values is _AS_IT_IS:
        return _AS_IT_IS
    return _Way(
        lambda mapping: {keys.write(name): values.write(content) for name, content in mapping.items()},
        lambda mapping: {keys.read(name): values.read(content) for name, content in mapping.items()},
    )


def _way_of_pairs(outer: _Way, inner: _Way, value: _Way) -> _Way:
    def write(mapping: Mapping[tuple[Any, Any], Any]) -> dict[str, Any]:
        maps: dict[str, Any] = {}
        for (first, second), content in mapping.items():
            maps.setdefault(outer.write(first), {})[inner.write(second)] = value.write(content)
        return maps

    def read(maps: Mapping[str, Mapping[str, Any]]) -> dict[tuple[Any, Any], Any]:
        return {
            (outer.read(first), inner.read(second)): value.read(content)
            for first, contents in maps.items()
            for second, content in contents.items()
        }

    return _Way(write, read)


def declared_members(members: tuple[Member, ...], within: str = "") -> Iterator[tuple[str, Personal | None]]:
    """Every member by its stored name and whether it is personal; members of maps behind the name of their map."""
    for member in members:
        if not member.is_inline:
            yield within + member.stored, member.personal
        yield from declared_members(member.inner, within if member.is_inline else f"{within}{member.stored}.")
