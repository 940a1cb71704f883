"""Every member that is written is declared, and what says something about a person is declared as personal."""

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final, get_type_hints

import pytest

import shared
from infra.event_docs import fact_types
from shared.core import fact_store
from shared.core.dynamodb import unpack
from shared.core.facts import Member
from shared.core.kind import Kind
from tests.contract.test_kinds import every_item

# What the scenes enter of people: addresses, names, numbers, birthdays, the addresses they come from, their own words.
PERSONAL: Final = ("@example.com", "192.0.2.", "+49", "Ada Lovelace", "1990-12-10", "parcel", "sleeve")


@cache
def kinds() -> tuple[Kind[Any], ...]:
    """The kinds of items that the modules of `shared` declare, those in objects of modules included."""
    objects = [
        value
        for module in pkgutil.walk_packages(shared.__path__, "shared.")
        if not module.ispkg
        for value in vars(import_module(module.name)).values()
    ]
    members = [inner for value in objects for inner in getattr(value, "kinds", ()) if isinstance(inner, Kind)]
    unique = {id(kind): kind for kind in (*objects, *members) if isinstance(kind, Kind)}
    return tuple(unique.values())


def declared(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The members that an item may have, and what is said of each; None for an item of no kind."""
    key = {name: item[name]["S"] for name in ("pk", "sk", "customer_id") if name in item}
    members: dict[str, Any] = {}
    owners = [kind for kind in kinds() if kind.owns({name: key[name] for name in key if name in kind.key_names})]
    for kind in owners:
        members |= kind.declared
    if key.get("sk", "").startswith(fact_store.PREFIX):
        return members_of_fact(item["type"]["S"])
    return members if owners else None


@cache
def members_of_fact(name: str) -> Mapping[str, Any]:
    """The members of a type of fact, as its schema declares them; True for personal ones."""
    envelope = dict.fromkeys(("pk", "sk", "type", "id", "customer_id", "occurred_at", "recorded_at", "version"))
    hints = get_type_hints(fact_types()[name].data, include_extras=True)
    return {**envelope, **{member: _is_personal(hint) for member, hint in hints.items()}}


def _is_personal(hint: Any) -> bool:
    marks: tuple[Any, ...] = getattr(hint, "__metadata__", ())
    if not marks and getattr(hint, "__args__", None):
        return _is_personal(hint.__args__[0])
    return any(mark.personal for mark in marks if isinstance(mark, Member))


def leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """The texts within a value, by the declared name of where they stand."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, name)
    elif isinstance(value, str):
        yield name, value


@pytest.mark.parametrize("table", ["customers", "scorecards"])
def test_every_member_that_is_written_is_declared(table: str) -> None:
    undeclared: dict[str, set[str]] = {}
    for where, item in every_item(table):
        members = declared(item)
        missing = {"(of no kind)"} if members is None else {name for name in item if not _covers(members, name)}
        if missing:
            undeclared[where] = missing
    assert undeclared == {}


@pytest.mark.parametrize("table", ["customers", "scorecards"])
def test_what_says_something_about_a_person_is_declared_as_personal(table: str) -> None:
    unmarked: dict[str, set[str]] = {}
    for where, item in every_item(table):
        members = declared(item) or {}
        names = {
            name
            for member, value in unpack(item).items()
            if member not in ("pk", "sk")
            for name, text in leaves(value, member)
            if any(sign in text for sign in PERSONAL) and not _is_marked(members, name)
        }
        if names:
            unmarked[where] = names
    assert unmarked == {}


@pytest.mark.parametrize("table", ["customers", "scorecards"])
def test_no_key_says_anything_about_a_person(table: str) -> None:
    keys = {
        f"{where}: {key}"
        for where, item in every_item(table)
        for key in (item[name]["S"] for name in ("pk", "sk", "customer_id") if name in item)
        if any(sign in key for sign in PERSONAL)
    }
    assert keys == set()


def test_no_fact_says_anything_about_a_customer_that_they_entered() -> None:
    entered = {
        f"{where}: {name}"
        for where, item in every_item("customers")
        if item["sk"]["S"].startswith(fact_store.PREFIX)
        for member, value in unpack(item).items()
        for name, text in leaves(value, member)
        if any(sign in text for sign in PERSONAL)
    }
    assert entered == set()


def _covers(members: Mapping[str, Any], name: str) -> bool:
    return name in members or any(member.endswith("*") and name.startswith(member[:-1]) for member in members)


def _is_marked(members: Mapping[str, Any], name: str) -> bool:
    """Whether a member, or one that it lies in, is personal; what lies behind a free key is declared with its map."""
    parts = name.split(".")
    candidates = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
    # Members of the entities in a map are declared behind the map's name, without the key.
    candidates += [".".join((parts[0], *parts[start:])) for start in range(2, len(parts))]
    return any(members.get(candidate) for candidate in candidates)
