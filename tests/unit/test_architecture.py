"""The arrows between the layers, and what belongs to what."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import wirings

ROOT = Path(__file__).parents[2]
FOLDERS = {path.parent.name: path.parent for path in ROOT.glob("functions/*/*/handler.py")}
FUNCTIONS = sorted(FOLDERS)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            if node.module and node.module.split(".")[0] in ("shared", "functions"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def offending(folder: str, forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in imports(path)
        if name.split(".")[0] in forbidden
        or any(name == prefix or name.startswith(prefix + ".") for prefix in forbidden)
    ]


def test_shared_code_knows_no_function_and_no_infrastructure() -> None:
    assert offending("shared", ("functions", "cli", "infra", "aws_cdk")) == []


def test_functions_know_their_wiring_no_other_function_and_no_command_line() -> None:
    wirings_of = {f"functions/{capability.name}": capability.name for capability in wirings.capabilities()}
    for folder, name in wirings_of.items():
        own = f"functions.{name}.wiring"
        offences = offending(folder, ("functions", "cli", "infra", "aws_cdk"))
        assert [offence for offence in offences if f" imports {own}" not in offence] == []


def test_wirings_import_nothing_but_what_they_are_made_of() -> None:
    for path in [*ROOT.glob("functions/*/wiring.py"), ROOT / "shared" / "edge" / "wiring.py"]:
        tops = {name.removeprefix("shared.edge.wiring").partition(".")[0] for name in imports(path)}
        assert tops <= {"", "collections", "dataclasses", "typing"}, path


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_in_one_line_what_triggers_it_and_what_it_does(name: str) -> None:
    tree = ast.parse((FOLDERS[name] / "handler.py").read_text())
    docstring = ast.get_docstring(tree)
    assert docstring
    assert "→" in docstring
    assert "\n" not in docstring


def test_a_function_serves_exactly_the_routes_of_its_wiring() -> None:
    every = {route.key for function in wirings.functions().values() for route in function.routes}
    for function in wirings.functions().values():
        source = (FOLDERS[function.name] / "handler.py").read_text()
        served = {key for key in every if f'"{key}"' in source}
        assert served == {route.key for route in function.routes}, function.name


def test_every_event_file_is_of_a_function_and_used_by_a_test_or_the_demo() -> None:
    users = "".join(
        path.read_text()
        for folder in ("tests", "cli")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
    )
    files = sorted((ROOT / "events").rglob("*.json"))
    assert files
    for path in files:
        assert path.parent.name in FUNCTIONS
        assert f'"{path.parent.name}/{path.stem}"' in users, f"{path.relative_to(ROOT)} is used by nothing"
        json.loads(path.read_text())
