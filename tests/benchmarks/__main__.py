"""`python -m tests.benchmarks` → one JSON line per figure; what is being measured goes to stderr."""

import json
import sys
from typing import Any

from infra.local.steps import LocalFailure
from tests.benchmarks import init, requests
from tests.benchmarks.local_tables import local_tables


def main() -> None:
    try:
        _say(f"init of {len(init.FUNCTIONS)} functions, {init.ROUNDS} fresh processes each (some two minutes) …")
        for figure in init.figures():
            _print(figure)
        _say("requests against the local AWS (less than a minute) …")
        with local_tables():
            for figure in requests.figures():
                _print(figure)
    except (LocalFailure, init.CannotRun) as failure:
        sys.exit(str(failure))


def _print(figure: dict[str, Any]) -> None:
    print(json.dumps(figure), flush=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
