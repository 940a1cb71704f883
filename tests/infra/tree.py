"""A copy of what stacks are made from, to be changed by a test."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra import ROOT

_MADE_FROM: Final = ("functions", "infra", "shared", "requirements")


def copy_to(folder: Path) -> None:
    """Copy the tree into an empty folder."""
    for name in _MADE_FROM:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def run(folder: Path, code: str, *arguments: str) -> None:
    """Run a program in a copy of the tree, with its modules; what it says shows where it fails."""
    subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )


def digest(folder: Path) -> str:
    """The hash of all files below a folder."""
    content = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return content.hexdigest()
