"""The golden files: written by a run with REGULARS_WRITE_GOLDEN=1, compared with by every other."""

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.contract.placeholders import Placeholders, without_numbers
from tests.contract.recording import Recording

FOLDER: Final = Path(__file__).parent / "golden"
_SHOWN_LINES: Final = 120
_DIGITS: Final = 9
# Texts of JSON with numbers that the processor's arithmetic may round one way or the other in the last place.
_ROUNDED_MEMBERS: Final = frozenset({"content", "figures"})


def is_writing() -> bool:
    """Whether this run writes the golden files."""
    return os.environ.get("REGULARS_WRITE_GOLDEN") == "1"


def check(name: str, content: Any) -> None:
    """Compare with the golden file of this name, or write it; fails with the lines that differ."""
    path, text = FOLDER / f"{name}.json", pretty(content)
    if is_writing():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return
    known = path.read_text() if path.exists() else ""
    lines = difflib.unified_diff(known.splitlines(), text.splitlines(), f"golden/{name}.json", "now", lineterm="", n=4)
    shown = list(lines)
    more = [f"… and {len(shown) - _SHOWN_LINES} lines more"] if len(shown) > _SHOWN_LINES else []
    assert not shown, "\n".join(["what is seen from outside has changed:", *shown[:_SHOWN_LINES], *more])


def check_items(name: str, tables: Mapping[str, list[dict[str, Any]]]) -> None:
    """Compare the items of both tables with a golden file, or write it; fails with the members that differ, by item."""
    if is_writing():
        check(name, tables)
        return
    before, now = _by_key(read(name)), _by_key(tables)
    changed = [line for key in sorted({*before, *now}) for line in _difference(key, before.get(key), now.get(key))]
    more = [f"… and {len(changed) - _SHOWN_LINES} lines more"] if len(changed) > _SHOWN_LINES else []
    assert not changed, "\n".join([f"items differ from golden/{name}.json:", *changed[:_SHOWN_LINES], *more])
    check(name, tables)


def _by_key(tables: Mapping[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    return {f"{table}: {' '.join(key_of(item))}": item for table, items in tables.items() for item in items}


def _difference(key: str, before: dict[str, Any] | None, now: dict[str, Any] | None) -> Iterator[str]:
    if before == now:
        return
    yield key
    if before is None or now is None:
        yield "    is gone" if now is None else f"    is new: {json.dumps(now, ensure_ascii=False, sort_keys=True)}"
        return
    for member in sorted({*before, *now}):
        for sign, item, other in (("-", before, now), ("+", now, before)):
            if member in item and item.get(member) != other.get(member):
                yield f"  {sign} {member}: {json.dumps(item[member], ensure_ascii=False, sort_keys=True)}"


def check_entry(name: str, entry: str, content: Any) -> None:
    """Compare or write one entry of a golden file that several scenes share."""
    path = FOLDER / f"{name}.json"
    known = read(name) if path.exists() else {}
    if is_writing():
        path.write_text(pretty({**known, entry: content}))
        return
    now, before = pretty({entry: content}), pretty({entry: known.get(entry)})
    lines = difflib.unified_diff(before.splitlines(), now.splitlines(), f"golden/{name}.json", "now", lineterm="", n=2)
    shown = list(lines)[:_SHOWN_LINES]
    assert not shown, "\n".join(["what is seen from outside has changed:", *shown])


def read(name: str) -> Any:
    """The content of a golden file."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def pretty(content: Any) -> str:
    """JSON with sorted keys, a line for each member of an item."""
    return _lines(content, "", 3) + "\n"


def _lines(value: Any, indent: str, depth: int) -> str:
    if isinstance(value, dict) and value and depth:
        inner = (f"{indent}  {json.dumps(name, ensure_ascii=False)}: " for name in sorted(value))
        parts = [
            head + _lines(value[name], indent + "  ", depth - 1)
            for head, name in zip(inner, sorted(value), strict=True)
        ]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    if isinstance(value, list) and value and depth:
        return (
            "[\n"
            + ",\n".join(f"{indent}  {_lines(element, indent + '  ', depth - 1)}" for element in value)
            + f"\n{indent}]"
        )
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def items_of(recording: Recording) -> dict[str, list[dict[str, Any]]]:
    """All items with placeholders, sorted by key; a random value has the same one wherever it stands."""
    names = Placeholders()
    tables = {
        table: [names.value(_rounded(item)) for item in sorted(items, key=without_numbers)]
        for table, items in recording.items.items()
    }
    return {table: sorted(items, key=key_of) for table, items in tables.items()}


def key_of(item: Mapping[str, Any]) -> tuple[str, str]:
    """The item's key: partition and sort key, or the customer's id."""
    if "pk" in item:
        return item["pk"]["S"], item["sk"]["S"]
    return item["customer_id"]["S"], ""


def rounded(text: str) -> str:
    """The text with its broken numbers of more than nine digits cut to nine."""
    return re.sub(r"-?[0-9]+\.[0-9]+(?:e[+-]?[0-9]+)?", _cut, text)


def _cut(match: re.Match[str]) -> str:
    digits = match[0].partition("e")[0].lstrip("-").replace(".", "").lstrip("0")
    return f"{float(match[0]):.{_DIGITS}g}" if len(digits) > _DIGITS else match[0]


def _rounded(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"S": rounded(value["S"])} if name in _ROUNDED_MEMBERS and "S" in value else value
        for name, value in item.items()
    }
