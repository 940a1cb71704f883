"""`python -m tests.benchmarks [init|requests|decoding|scoring …]` → one JSON line per figure."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from infra.local.steps import LocalFailure
from tests.benchmarks import decoding, init, requests, scoring
from tests.benchmarks.local_tables import local_tables

Figures = Callable[[], Iterator[dict[str, Any]]]


def _on_local_tables(figures: Figures) -> Figures:
    def on_tables() -> Iterator[dict[str, Any]]:
        with local_tables():
            yield from figures()

    return on_tables


# What is measured, what is said of it, and how.
PARTS: Final[dict[str, tuple[str, Figures]]] = {
    "init": (
        f"init of {len(init.FUNCTIONS)} functions, {init.ROUNDS} fresh processes each (some three minutes)",
        init.figures,
    ),
    "requests": ("requests against the local AWS (less than a minute)", _on_local_tables(requests.figures)),
    "decoding": (
        f"a scan of {decoding.CUSTOMERS:,} scorecards of the local AWS (some two minutes)",
        _on_local_tables(decoding.figures),
    ),
    "scoring": (
        f"scores and forecasts of {scoring.CUSTOMERS:,} customers against rivals (more than ten minutes, and first "
        "their installation)",
        scoring.figures,
    ),
}


def main() -> None:
    names = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        sys.exit(f"there is no benchmark {unknown[0]}; there are {', '.join(PARTS)}")
    try:
        for name in names:
            text, figures = PARTS[name]
            print(f"{text} …", file=sys.stderr, flush=True)
            for figure in figures():
                print(json.dumps(figure), flush=True)
    except (LocalFailure, init.CannotRun) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
