"""Init: a fresh process that imports a handler and makes its DynamoDB client, against boto3 making one alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from statistics import median_low
from typing import Any, Final

from infra import ROOT
from infra.constructs.code import module_of
from infra.local.deployment import aws_environment
from infra.wirings import functions

ROUNDS: Final = 5
FUNCTIONS: Final = sorted(functions())
AIM: Final = 1.3

_RIVAL: Final = 'boto3.client("dynamodb")'
_RIVAL_CODE: Final = f"import boto3\n{_RIVAL}"
# Processor time, so that other programs on the machine disturb little; from the first import on, for the start of
# the interpreter is no matter of ours.
_TIMED: Final = """
import time
started = time.process_time()
{code}
print(time.process_time() - started)
"""


class CannotRun(Exception):
    """A process that is to be measured fails."""


def figures() -> Iterator[dict[str, Any]]:
    """One figure per function, two at a time.

    How fast a shared machine is changes from second to second: each process is held against the rival beside it, and
    the pair with the median ratio is shown. The first round also leaves the compiled files that the others find.
    """
    for start in range(0, len(FUNCTIONS), 2):
        names = FUNCTIONS[start : start + 2]
        rounds = [[_cpu_seconds(code) for code in (_RIVAL_CODE, *map(_init_code, names))] for _ in range(ROUNDS)]
        rival, *ours = zip(*rounds, strict=True)
        for name, seconds in zip(names, ours, strict=True):
            yield _figure(name, list(zip(seconds, rival, strict=True)))


def _figure(name: str, pairs: list[tuple[float, float]]) -> dict[str, Any]:
    ratio, ours, rival = median_low((ours / rival, ours, rival) for ours, rival in pairs)
    return {
        "figure": "init",
        "function": name,
        "ms": round(ours * 1000),
        "rival": _RIVAL,
        "rival_ms": round(rival * 1000),
        "ratio": round(ratio, 2),
        "aim": AIM,
    }


def _init_code(name: str) -> str:
    code = f"import {module_of(name)}"
    if functions()[name].customers or functions()[name].scorecards:
        code += "\nfrom shared.core import dynamodb\ndynamodb.client()"
    return code


def _cpu_seconds(code: str) -> float:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    process = subprocess.run(
        [sys.executable, "-c", _TIMED.format(code=code)],
        cwd=ROOT,
        env={**kept, **aws_environment("http://127.0.0.1:1")},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise CannotRun(f"{code.splitlines()[0]}: {process.stderr.strip().splitlines()[-1]}")
    return float(process.stdout)
