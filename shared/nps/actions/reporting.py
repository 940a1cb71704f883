"""The figures of months for the report on NPS: read, and added up so that reading them stays cheap."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from shared.core.dynamodb import Cancelled, transact
from shared.core.months import months_after
from shared.nps import counting, report
from shared.nps.store import figures

_READERS: Final = 8
# An invitation counts in the month in which it was made, and may be answered some weeks later. More, for nights that
# did not run.
_MONTHS_BACK: Final = 13


def report_months(names: list[str]) -> dict[str, Any]:
    """The report on these months against as many before (1 read unit per 4 KB of each, some at once).

    A month that is being added up at this moment may count some answers twice.
    """
    earlier = report.months_before(names)
    with ThreadPoolExecutor(_READERS) as pool:
        months = dict(zip([*earlier, *names], pool.map(figures.get, [*earlier, *names]), strict=True))
    return report.report({name: months[name] for name in names}, [months[name] for name in earlier])


def add_up_months(this_month: str) -> int:
    """Move the counts of this month and of those before it into one item each; how many items were moved.

    Every count is moved in one transaction with the total that it goes into, so that each counts once whenever this is
    ended, and answers that come later count beside the total until the next run. Costs 1 read unit per 4 KB of all
    months, and 2 write units per item and, for each 99 of them, 2 per KB of the total.
    """
    return sum(_add_up(months_after(this_month, -back)) for back in range(_MONTHS_BACK + 1))


def _add_up(month: str) -> int:
    """Move the counts of a month; those that change at this moment are left to the next run."""
    moved = 0
    total, parts = figures.get_parts(month)
    while parts:
        chunk, parts = parts[: figures.MOST_AT_ONCE], parts[figures.MOST_AT_ONCE :]
        after = figures.Total(
            month=month,
            rows=counting.add_up([*(total.rows if total else ()), *map(figures.row_of, chunk)]),
            version=total.version + 1 if total else 1,
        )
        if figures.is_too_long(after):
            break
        try:
            transact(figures.put_total(after), *map(figures.delete_part, chunk))
        except Cancelled as cancelled:
            if cancelled.refused(0):
                # Another run is at it.
                break
            continue
        total, moved = after, moved + len(chunk)
    return moved
