"""Names say what they name: no stand-ins for a noun, and test names that are short sentences."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
FOLDERS: Final = ("functions", "shared", "cli", "infra", "tests")
# Each stands for a thing without naming it: a name says which customer, mail, score or result it is.
STAND_INS: Final = frozenset(("one", "found", "held", "done", "wanted", "wish", "told", "theirs", "her", "hers", "she"))
# In the name of a test: customers are "they", and a mail, page or line says, a fact is published.
NOT_IN_TEST_NAMES: Final = frozenset(("told", "theirs", "her", "hers", "she"))
MAX_TEST_NAME: Final = 79


def names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Each name of a function, class, parameter, variable, attribute or alias that a module defines, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno


def defined(folder: str) -> Iterator[tuple[str, str]]:
    """Each name that the modules of a folder define, with where it is."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name, line in names(ast.parse(path.read_text())):
            yield name, f"{path.relative_to(ROOT)}:{line} {name}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_name_says_what_it_names(folder: str) -> None:
    assert [where for name, where in defined(folder) if name.strip("_").lower() in STAND_INS] == []


def test_names_of_tests_are_short_sentences_in_plain_words() -> None:
    tests = [(name, where) for name, where in defined("tests") if name.startswith("test_")]
    assert [where for name, where in tests if len(name) > MAX_TEST_NAME] == []
    assert [where for name, where in tests if NOT_IN_TEST_NAMES & set(name.split("_"))] == []


@pytest.mark.parametrize(
    "code", ["one = 1", "for held in x: pass", "def f(told): pass", "self.found = 1", "import a as theirs", "Held = 1"]
)
def test_each_way_to_define_a_stand_in_is_seen(code: str) -> None:
    assert {name.lower() for name, _ in names(ast.parse(code))} & STAND_INS
