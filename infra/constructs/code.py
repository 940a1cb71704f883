"""The contents of a function's zip: its folder, and the packages of `shared/` that it imports."""

import ast
import atexit
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from infra import FUNCTION_FOLDERS, ROOT, event_docs, wirings
from shared.edge import openapi
from shared.edge.wiring import Stream

# Compiled files differ from machine to machine and would change the asset's hash with every run; of translations
# only what is compiled is read.
# By hash, unchecked: a zip does not keep the times by which Python would trust a compiled file.
COMPILE: Final = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")

_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.pyc", "*.po", ".*")


def module_of(name: str) -> str:
    """The module of a function's handler, `functions.<capability>.<name>.handler`."""
    return ".".join((*FUNCTION_FOLDERS[name].relative_to(ROOT).parts, "handler"))


def stage_code(name: str, target: Path) -> None:
    """Copy into `target` what the zip of function `name` holds.

    Packages of `shared/` are copied whole, with their templates, where the function imports any module of them.
    """
    folder = FUNCTION_FOLDERS[name]
    shutil.copytree(folder, target / folder.relative_to(ROOT), ignore=_LEFT_OUT)
    files = imported_files(module_of(name))
    for package in sorted({file.relative_to(ROOT).parts[1] for file in files if ROOT / "shared" in file.parents}):
        if (ROOT / "shared" / package).is_dir():
            shutil.copytree(ROOT / "shared" / package, target / "shared" / package, ignore=_LEFT_OUT)
    for file in files:
        if not (target / file.relative_to(ROOT)).exists():
            shutil.copy(file, target / file.relative_to(ROOT))
    if wirings.functions()[name].openapi:
        (target / folder.relative_to(ROOT) / "openapi.json").write_text(contract(), encoding="utf-8")
    if any(isinstance(trigger, Stream) for trigger in wirings.functions()[name].triggers):
        (target / folder.relative_to(ROOT) / "open_members.json").write_text(open_members(), encoding="utf-8")
    make_readable(target)


@dataclass(frozen=True, slots=True)
class Staged:
    """A folder with what the zip of a function holds, and the hash of its sources."""

    folder: Path
    fingerprint: str


@cache
def staged(name: str, compiler: str | None = None) -> Staged:
    """What the zip of function `name` holds, made once for all stages of this process, and gone at its end.

    `compiler`: the path of the Python that compiles it, for Lambda would do so at every cold start. What it writes may
    differ from machine to machine, and so is left out of the fingerprint.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"regulars-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    stage_code(name, folder)
    fingerprint = hashlib.sha256(b"compiled" if compiler else b"")
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        fingerprint.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    if compiler:
        subprocess.run([compiler, *COMPILE, "."], cwd=folder, check=True)
        make_readable(folder)
    return Staged(folder, fingerprint.hexdigest())


@cache
def contract() -> str:
    """The HTTP contract as it is served."""
    return json.dumps(openapi.describe(wirings.capabilities()), ensure_ascii=False, separators=(",", ":"))


def open_members() -> str:
    """The members of each type of fact that say nothing personal, as JSON."""
    return json.dumps(event_docs.open_members(), separators=(",", ":"))


def make_readable(folder: Path) -> None:
    """Make files readable for the user that runs the function, whatever the umask here: a zip keeps modes."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


def imported_files(module: str) -> frozenset[Path]:
    """The files of ours that are read as a module is imported or runs, itself included; not those for types alone."""
    reached: set[Path] = set()
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        file = _file_of(name)
        if file is not None:
            reached.add(file)
            waiting += imports(file)
            # Importing a module imports the packages around it.
            waiting.append(name.rpartition(".")[0])
    return frozenset(reached)


@cache
def _file_of(name: str) -> Path | None:
    if name.partition(".")[0] not in ("functions", "shared"):
        return None
    path = ROOT.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


@cache
def imports(file: Path) -> tuple[str, ...]:
    """The names that a module imports, inside of functions too; a name may be a module's or a member's."""
    return tuple(_imports(ast.parse(file.read_text(encoding="utf-8"))))


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        for statement in node.orelse:
            yield from _imports(statement)
    elif not isinstance(node, ast.expr):
        # An expression holds no statement.
        for child in ast.iter_child_nodes(node):
            yield from _imports(child)
