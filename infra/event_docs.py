"""`python -m infra.event_docs` → docs/events.md, docs/schemas/ and docs/asyncapi.json, made from the types of facts."""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from infra import ROOT, wirings
from shared.core.facts import FactType, Member, Month, OneOf, Text, Timestamp
from shared.edge.wiring import Hears

DOCS: Final = ROOT / "docs"
SCHEMAS: Final = DOCS / "schemas"
Schema = dict[str, Any]

# JSON Schema's draft 7, which is what AsyncAPI's tools read.
_DIALECT: Final = "http://json-schema.org/draft-07/schema#"
# The texts of a schema for people, which may be improved at any time.
_WORDS: Final = frozenset({"title", "description", "examples", "x-personal", "x-about-another-customer"})
_MARK: Final = "<!-- From here on made from shared/*/facts.py by `make docs`. -->"
_ENVELOPE: Final = {
    "customer_id": Annotated[str, Member("the customer whose fact it is", "cus_7Q2M9X4TKB")],
    "occurred_at": Annotated[Timestamp, Member("when it happened", "2026-11-21T20:14:00.000Z")],
    "recorded_at": Annotated[Timestamp, Member("when it was written", "2026-11-21T20:14:00.000Z")],
}


class Changed(Exception):
    """A published schema would change."""


def capabilities() -> dict[str, list[FactType]]:
    """The types of facts by capability, each in the order in which its module declares them."""
    modules = sorted(path.parent.name for path in ROOT.glob("shared/*/facts.py") if path.parent.name != "core")
    return {
        name: [type_ for type_ in vars(import_module(f"shared.{name}.facts")).values() if isinstance(type_, FactType)]
        for name in modules
    }


def fact_types() -> dict[str, FactType]:
    """All types of facts by name."""
    return {type_.name: type_ for types in capabilities().values() for type_ in types}


def schema_of(type_: FactType) -> Schema:
    """The JSON Schema of a fact as it travels over the bus; members that it does not name may be added later."""
    version = {
        "description": "version of this schema; absent is 1",
        "type": "integer",
        "minimum": type_.version,
        **({"default": 1} if type_.version == 1 else {}),
    }
    members = _object(type_.data)
    return {
        "$schema": _DIALECT,
        "$id": f"urn:regulars:fact:{type_.name}:{type_.version}",
        "title": type_.name,
        "description": type_.summary,
        "type": "object",
        "properties": {
            "type": {"description": "the type of fact", "const": type_.name},
            "id": _schema(Annotated[str, type_.id]),
            **{name: _schema(hint) for name, hint in _ENVELOPE.items()},
            "version": version,
            **members["properties"],
        },
        "required": ["type", "id", *_ENVELOPE, *(["version"] if type_.version > 1 else []), *members["required"]],
        "examples": [example_of(type_)],
    }


def open_members() -> dict[str, list[str]]:
    """By type of fact the members of its data that are not personal, nor contain what is."""
    return {
        type_.name: [name for name, hint in _hints(type_.data).items() if not _is_personal(hint)]
        for type_ in fact_types().values()
    }


def example_of(type_: FactType) -> dict[str, Any]:
    """A fact of this type with every member, as the detail of an event."""
    named = {"type": type_.name, "id": type_.id.example}
    version = {"version": type_.version} if type_.version > 1 else {}
    hints = {**_ENVELOPE, **_hints(type_.data)}
    return {**named, **{name: _member(hint).example for name, hint in hints.items()}, **version}


def consumers() -> dict[str, list[str]]:
    """The functions that hear each type of fact, by their wirings."""
    heard: dict[str, list[str]] = {}
    for function in wirings.functions().values():
        for trigger in function.triggers:
            for name in trigger.facts if isinstance(trigger, Hears) else ():
                heard.setdefault(name, []).append(function.name)
    return {name: sorted(functions) for name, functions in heard.items()}


def documents() -> dict[Path, str]:
    """Every file that is made from the types of facts, and what is in it."""
    types = fact_types()
    schemas = {schema_path(type_): _json(schema_of(type_)) for type_ in types.values()}
    return {DOCS / "events.md": _markdown(), DOCS / "asyncapi.json": _json(_asyncapi(types.values())), **schemas}


def schema_path(type_: FactType) -> Path:
    """The file of a type's schema."""
    return SCHEMAS / f"{type_.name}.v{type_.version}.json"


def check_published(type_: FactType, folder: Path = SCHEMAS) -> None:
    """Raises Changed where a schema that is published changes, or a later version does more than add members."""
    now = _without_words(schema_of(type_))
    for version in range(1, type_.version + 1):
        path = folder / f"{type_.name}.v{version}.json"
        if not path.exists():
            continue
        published = _without_words(json.loads(path.read_text()))
        if version == type_.version:
            if published != now:
                raise Changed(f"{type_.name}: version {version} is published; what changes needs version {version + 1}")
            continue
        for name, member in published["properties"].items():
            if name != "version" and now["properties"].get(name) != member:
                raise Changed(f"{type_.name}: a later version may only add members, but {name!r} differs")
        if not set(published["required"]) <= set(now["required"]):
            raise Changed(f"{type_.name}: a member that version {version} always has may not become optional")


def main() -> None:
    """Write the files. Ends with an error where a published schema would change."""
    try:
        for type_ in fact_types().values():
            check_published(type_)
    except Changed as changed:
        sys.exit(str(changed))
    for path, text in documents().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def _hints(data: type) -> dict[str, Any]:
    hints = get_type_hints(data, include_extras=True)
    return {name: get_args(hint)[0] if get_origin(hint) is NotRequired else hint for name, hint in hints.items()}


def _member(hint: Any) -> Member:
    (member,) = [note for note in get_args(hint)[1:] if isinstance(note, Member)]
    return member


def _is_personal(hint: Any) -> bool:
    """Whether a hint, or one inside of it, is marked as personal."""
    if isinstance(hint, Member):
        return hint.personal
    inner = _hints(hint).values() if is_typeddict(hint) else getattr(hint, "__metadata__", ()) + get_args(hint)
    return any(_is_personal(part) for part in inner)


def _object(data: Any) -> Schema:
    hints = _hints(data)
    return {
        "type": "object",
        "properties": {name: _schema(hint) for name, hint in hints.items()},
        "required": [name for name in hints if name in data.__required_keys__],
    }


def _schema(hint: Any) -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        schema = _schema(arguments[0])
        for note in arguments[1:]:
            schema = {**schema, **_noted(note)}
        return schema
    if origin in (Union, UnionType):
        (kind,) = {_schema(value)["type"] for value in arguments}
        return {"type": kind, "enum": [value for value in arguments for value in _schema(value)["enum"]]}
    if origin is Literal:
        return {"type": "integer" if isinstance(arguments[0], int) else "string", "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if is_typeddict(hint):
        return _object(hint)
    if issubclass(hint, StrEnum):
        return {"type": "string", "enum": [value.value for value in hint]}
    return {"type": {str: "string", int: "integer", bool: "boolean"}[hint]}


def _noted(note: Any) -> Schema:
    match note:
        case Text():
            return {"pattern": note.pattern, **({"format": note.format} if note.format else {})}
        case OneOf():
            return {"enum": list(note.values)}
        case Member():
            return {
                "description": note.summary,
                "examples": [note.example],
                **({"x-personal": True} if note.personal else {}),
                **({"x-about-another-customer": True} if note.about else {}),
            }
    raise TypeError(f"{note!r} says nothing about a schema")


def _without_words(schema: Any) -> Any:
    if isinstance(schema, list):
        return schema
    kept = {name: value for name, value in schema.items() if name not in _WORDS}
    for name in ("items", "additionalProperties"):
        if isinstance(kept.get(name), dict):
            kept[name] = _without_words(kept[name])
    if "properties" in kept:
        kept["properties"] = {name: _without_words(member) for name, member in kept["properties"].items()}
    return kept


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _asyncapi(types: Any) -> dict[str, Any]:
    messages = {
        type_.name: {
            "name": type_.name,
            "title": type_.name,
            "summary": type_.summary,
            "contentType": "application/json",
            "payload": {
                "type": "object",
                "required": ["source", "detail-type", "detail"],
                "properties": {
                    "source": {"const": "regulars"},
                    "detail-type": {"const": type_.name},
                    "detail": {"$ref": f"./schemas/{schema_path(type_).name}"},
                },
            },
            "examples": [
                {"payload": {"source": "regulars", "detail-type": type_.name, "detail": example_of(type_)}},
            ],
        }
        for type_ in types
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Facts of Regulars",
            "version": "1",
            "description": (
                "What happens to a customer, as events on the deployment's EventBridge bus. Amounts are integers in "
                "minor units of their currency; times are UTC. Delivery is at least once and in no order."
            ),
        },
        "channels": {
            "bus": {
                "description": "The EventBridge bus of the deployment; consumers hang a rule and a queue on it.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {"publishFact": {"action": "send", "channel": {"$ref": "#/channels/bus"}}},
        "components": {"messages": messages},
    }


def _markdown() -> str:
    heard = consumers()
    # The introduction is written by hand, there.
    introduction = (DOCS / "events.md").read_text().partition(_MARK)[0]
    lines = [introduction + _MARK]
    for capability, types in capabilities().items():
        lines += [f"\n## {capability.capitalize()}\n", "| type | when | heard by |", "|---|---|---|"]
        for type_ in types:
            functions = ", ".join(f"`{name}`" for name in heard.get(type_.name, []))
            lines.append(f"| [`{type_.name}`](#{type_.name.lower()}) | {type_.summary} | {functions} |")
        for type_ in types:
            lines += _section(type_)
    return "\n".join(lines) + "\n"


def _section(type_: FactType) -> Iterator[str]:
    members = _object(type_.data)
    yield f"\n### {type_.name}\n"
    yield f"{type_.summary} Version {type_.version}, [schema](schemas/{schema_path(type_).name}).\n"
    yield "| member | type | meaning |"
    yield "|---|---|---|"
    yield f"| `id` | text | {_meaning(_noted(type_.id))} |"
    for name, schema in members["properties"].items():
        optional = "" if name in members["required"] else ", or absent"
        yield f"| `{name}` | {_kind(schema)}{optional} | {_meaning(schema)} |"
    yield f"\n```json\n{json.dumps(example_of(type_), ensure_ascii=False)}\n```"


def _meaning(schema: Schema) -> str:
    marks = [
        mark
        for name, mark in (("x-personal", "personal"), ("x-about-another-customer", "may name another customer"))
        if name in schema
    ]
    meaning: str = schema["description"]
    return f"{meaning} ({', '.join(marks)})" if marks else meaning


def _kind(schema: Schema) -> str:
    items: Schema = schema.get("items") or schema.get("additionalProperties") or {}
    if "enum" in items:
        return f"list of {', '.join(f'`{value}`' for value in items['enum'])}"
    if "properties" in items:
        return f"list of {', '.join(f'`{name}`' for name in items['properties'])}"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("pattern") == _schema(Month)["pattern"]:
        return "month"
    words = {
        "string": "text",
        "integer": "integer",
        "boolean": "boolean",
        "object": "integers by text",
        "array": "list of text",
    }
    return {"date-time": "time", "date": "day"}.get(schema.get("format", ""), words[schema["type"]])


if __name__ == "__main__":
    main()
