"""Reading the figures of many months for the report on NPS."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from shared.nps import report
from shared.nps.store import figures

_READERS: Final = 8


def report_months(names: list[str]) -> dict[str, Any]:
    """The report on these months against as many before (1 read unit per 4 KB of each, some at once)."""
    earlier = report.months_before(names)
    with ThreadPoolExecutor(_READERS) as pool:
        months = dict(zip([*earlier, *names], pool.map(figures.get, [*earlier, *names]), strict=True))
    return report.report({name: months[name] for name in names}, [months[name] for name in earlier])
