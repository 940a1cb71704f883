"""Scores and forecasts of a million customers against what others do it with, each in a process of its own."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
CUSTOMERS: Final = 1_000_000
ROWS_PER_CUSTOMER: Final = 10
# A rival that takes longer than this has lost.
TIMEOUT_SECONDS: Final = 300
# Which rivals a task has, and which environment holds them.
TASKS: Final = {
    "score": ("pandas", "polars", "duckdb"),
    "file": ("pandas", "polars", "duckdb", "rfm"),
    "mbg": ("lifetimes",),
    "pareto": ("lifetimes",),
}
# These do not work with today's pandas.
_OLD: Final = ("lifetimes", "rfm")
_NAMES: Final = {
    "score": "scoring customers in memory",
    "file": "a CSV file of orders to scores",
    "mbg": "MBG/NBD: fit and forecast",
    "pareto": "Pareto/NBD: fit and forecast",
}


def figures(customers: int = CUSTOMERS) -> Iterator[dict[str, Any]]:
    """One figure per task and rival: seconds of both, their ratio and peak memory; `equal` says that all scores are
    the same. pandas, polars and DuckDB take no notice of orders that are in the file twice, as `regulars` does."""
    with TemporaryDirectory(prefix="regulars-") as name:
        folder = Path(name)
        rows = customers * ROWS_PER_CUSTOMER
        subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.rivals_data", name, json.dumps([rows, customers])],
            cwd=ROOT,
            check=True,
        )
        for task, rivals in TASKS.items():
            own = _measured(Path(sys.executable), task, "regulars", folder)
            about = {"customers": customers} | ({"rows": rows} if task == "file" else {})
            for rival in rivals:
                python = _python("rivals-old" if rival in _OLD else "rivals")
                yield {"figure": _NAMES[task], **about, **_compared(own, rival, _measured(python, task, rival, folder))}


def _compared(own: dict[str, Any], rival: str, other: dict[str, Any]) -> dict[str, Any]:
    comparison: dict[str, Any] = {"rival": rival}
    for name, values in (("regulars", own), ("rival", other)):
        comparison |= {
            f"{name}_{key}": _short(value) for key, value in values.items() if key not in ("checksum", "sum")
        }
    if "seconds" in own and "seconds" in other:
        comparison["ratio"] = _short(own["seconds"] / other["seconds"])
    if "checksum" in own and "checksum" in other:
        comparison["equal"] = own["checksum"] == other["checksum"]
    if "sum" in own and "sum" in other:
        comparison["sums"] = [round(own["sum"]), round(other["sum"])]
    return comparison


def _measured(python: Path, task: str, library: str, folder: Path) -> dict[str, Any]:
    command = [str(python), "-m", "tests.benchmarks.rivals", task, library, str(folder)]
    try:
        process = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"longer_than_s": TIMEOUT_SECONDS}
    if process.returncode:
        return {"failed": (process.stderr.strip().splitlines() or [f"exit code {process.returncode}"])[-1][:200]}
    measured: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return measured


def _python(name: str) -> Path:
    """The interpreter of an environment of rivals, made where it is not there or out of date."""
    requirements = ROOT / "requirements" / f"{name}.txt"
    environment = ROOT / ".regulars" / name
    python, mark = environment / "bin" / "python", environment / "ready"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not mark.is_file() or mark.read_text() != digest:
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)], check=True)
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(python), "-r", str(requirements)],
            check=True,
        )
        mark.write_text(digest)
    return python


def _short(value: Any) -> Any:
    return float(f"{value:.3g}") if isinstance(value, float) else value


def main() -> None:
    """`python -m tests.benchmarks.scoring 10000` tries it small."""
    for figure in figures(int(sys.argv[1]) if len(sys.argv) > 1 else CUSTOMERS):
        print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
