"""Capabilities and the layers within them: who may import whom."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SHARED: Final = ROOT / "shared"
CAPABILITIES: Final = sorted(path.name for path in SHARED.iterdir() if (path / "__init__.py").is_file())
# From the ground up, as the design has it: each pair is an arrow that must never point the other way.
ORDER: Final = (
    ("core", "edge", "customers", "mail", "contact"),
    ("core", "edge", "customers", "scorecards", "purchases", "loyalty"),
    ("customers", "cases", "contact", "nps"),
    ("forecasting", "scoring"),
    ("scorecards", "scoring"),
)
# Files at the top of a capability that are no rules: the edge's models, links and codes, its job, and what acts.
NO_RULES: Final = ("actions", "job", "compose", "deliver", "payloads", "links", "codes", "ids", "templates", "locales")
# What rules must not know: AWS, the clock, the environment, the edge, libraries for these.
IMPURE: Final = (
    "boto3", "botocore", "pydantic", "jinja2", "aws_lambda_powertools", "itsdangerous", "idna", "os", "time", "random",
    "secrets", "uuid", "shared.core.aws", "shared.core.clock", "shared.core.environment", "shared.core.dynamodb",
    "shared.core.fact_store", "shared.core.kind", "shared.core.secret", "shared.core.digests", "shared.edge",
)  # fmt: skip


def modules(folder: Path) -> Iterator[Path]:
    """The Python files of a folder."""
    return (path for path in sorted(folder.rglob("*.py")) if "__pycache__" not in path.parts)


@cache
def imported(path: Path) -> tuple[tuple[str, str], ...]:
    """The modules that a file imports, each with a name taken from it, "" where that is the module itself."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = ROOT / node.module.replace(".", "/") / alias.name
                is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
                yield (f"{node.module}.{alias.name}", "") if is_module else (node.module, alias.name)


def capability_of(module: str) -> str:
    """`loyalty` of `shared.loyalty.store.accounts`; "" of what is no capability."""
    parts = module.split(".")
    return parts[1] if parts[0] == "shared" and len(parts) > 1 else ""


@cache
def arrows() -> dict[str, set[str]]:
    """The capabilities that each capability imports."""
    return {
        name: {
            capability
            for path in modules(SHARED / name)
            for module, _ in imported(path)
            if (capability := capability_of(module)) not in ("", name)
        }
        for name in CAPABILITIES
    }


def is_rule(path: Path) -> bool:
    """Whether a file holds rules: at the top of a capability, and none of NO_RULES."""
    parts = path.relative_to(SHARED).parts
    return (
        parts[0] not in ("core", "edge")
        and len(parts) == 2
        and path.stem not in (*NO_RULES, "__init__")
        # Models of answers are read at synthesis alone.
        and path.stem != "answers"
    )


RULES: Final = [path for name in CAPABILITIES for path in modules(SHARED / name) if is_rule(path)]
STORES: Final = [path for path in modules(SHARED) if "store" in path.parts and path.stem != "__init__"]
RULE_MODULES: Final = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in RULES}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_capabilities_form_no_circle() -> None:
    assert set(TopologicalSorter(arrows()).static_order()) >= set(CAPABILITIES)


@pytest.mark.parametrize(("below", "above"), sorted({pair for line in ORDER for pair in pairwise(line)}))
def test_a_capability_knows_nothing_of_those_above_it(below: str, above: str) -> None:
    known = arrows()
    reached, waiting = set[str](), [below]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += known[name] - reached
    assert above not in reached


def test_forecasting_could_be_a_library_of_its_own() -> None:
    foreign = {
        module
        for path in modules(SHARED / "forecasting")
        for module, _ in imported(path)
        if module.startswith("shared.") and capability_of(module) != "forecasting"
    }
    assert foreign <= {"shared.core.errors"}


@pytest.mark.parametrize("path", RULES, ids=name_of)
def test_rules_know_no_aws_no_clock_no_environment_and_no_store(path: Path) -> None:
    outside = {
        module
        for module, _ in imported(path)
        if any(module == name or module.startswith(f"{name}.") for name in IMPURE) or ".store" in module
    }
    assert outside == set()
    assert ".now(" not in path.read_text()
    assert ".today(" not in path.read_text()


@pytest.mark.parametrize("path", STORES, ids=name_of)
def test_a_store_takes_entities_from_rules_and_calls_none(path: Path) -> None:
    called = {
        f"{module}.{name}" if name else module
        for module, name in imported(path)
        if module in RULE_MODULES and not name[:1].isupper()
    }
    assert called == set()


@pytest.mark.parametrize("path", STORES, ids=name_of)
def test_a_store_knows_no_edge_no_action_and_retries_nothing(path: Path) -> None:
    outside = {
        module
        for module, name in imported(path)
        if capability_of(module) == "edge" or ".actions" in module or name == "optimistic" or module == "pydantic"
    }
    assert outside == set()


def test_handlers_hold_no_rule_and_stay_small() -> None:
    longest = {
        name_of(path): lines
        for path in ROOT.glob("functions/*/*/handler.py")
        if (lines := len(path.read_text().splitlines())) > 180
    }
    assert longest == {}
