"""The lifecycle: at which stage each customer is, and how the cohorts of newcomers stay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from shared.scoring.ranks import Bytes
from shared.scoring.rescoring import Part

# No order for longer than this: the customer has lapsed.
LAPSED_AFTER_DAYS: Final = 365
STAGES: Final = ("PROSPECT", "ACQUISITION", "RETENTION", "EXPANSION", "LAPSED")

_PROSPECT, _ACQUISITION, _RETENTION, _EXPANSION, _LAPSED = range(len(STAGES))

# Month of the first order → month → how many of its newcomers ordered in it.
Active = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Stage:
    """How many customers are at a stage, and their revenue of the last 24 calendar months, in minor units."""

    customers: int = 0
    revenue: int = 0


@dataclass(frozen=True, slots=True)
class Cohorts:
    """`newcomers` by month of their first order, and how many of them ordered in which month.

    The first order counts even where it was returned; whoever has returned everything is in no cohort.
    """

    newcomers: Mapping[str, int] = field(default_factory=dict)
    active: Active = field(default_factory=dict)


def stages(part: Part) -> Bytes:
    """The stage of each customer, as a position in STAGES.

    PROSPECT: no order. LAPSED: none for more than LAPSED_AFTER_DAYS. ACQUISITION: one order so far. EXPANSION: several,
    and more money in the last 12 calendar months than in the 12 before, in which there was some. RETENTION: the others.
    """
    earlier = part.monetary - part.recent
    return np.select(
        [
            part.recency_days < 0,
            part.recency_days > LAPSED_AFTER_DAYS,
            part.orders == 1,
            (earlier > 0) & (part.recent > earlier),
        ],
        [np.uint8(_PROSPECT), np.uint8(_LAPSED), np.uint8(_ACQUISITION), np.uint8(_EXPANSION)],
        np.uint8(_RETENTION),
    )


def tally(part: Part) -> dict[str, Stage]:
    """Customers and revenue of a part by stage."""
    codes = stages(part)
    sums: dict[str, Stage] = {}
    for code, name in enumerate(STAGES):
        inside = codes == code
        sums[name] = Stage(int(np.count_nonzero(inside)), int(part.monetary[inside].sum()))
    return sums


def merge(parts: Iterable[Mapping[str, Stage]]) -> dict[str, Stage]:
    """The stages of all parts together."""
    whole = dict.fromkeys(STAGES, Stage())
    for part in parts:
        for name, more in part.items():
            sums = whole[name]
            whole[name] = Stage(sums.customers + more.customers, sums.revenue + more.revenue)
    return whole


def merge_cohorts(parts: Iterable[Cohorts]) -> Cohorts:
    """The cohorts of all parts together."""
    newcomers: dict[str, int] = {}
    active: dict[str, dict[str, int]] = {}
    for part in parts:
        for month, customers in part.newcomers.items():
            newcomers[month] = newcomers.get(month, 0) + customers
        for month, row in part.active.items():
            sums = active.setdefault(month, {})
            for later, customers in row.items():
                sums[later] = sums.get(later, 0) + customers
    return Cohorts(newcomers, active)


def retention(cohorts: Cohorts, first: str, last: str) -> list[dict[str, Any]]:
    """The table of the cohorts from month `first` to `last`: `months[n]` are those who ordered n months after their
    first order, `share[n]` how many of the newcomers that is. A wholly returned order counts for nobody.
    """
    rows = []
    for month in sorted(cohorts.newcomers):
        if not first <= month <= last:
            continue
        newcomers, active = cohorts.newcomers[month], cohorts.active.get(month, {})
        counts = [active.get(later, 0) for later in _months(month, last)]
        rows.append(
            {
                "cohort": month,
                "customers": newcomers,
                "months": counts,
                "share": [round(customers / newcomers, 4) for customers in counts],
            }
        )
    return rows


def _months(first: str, last: str) -> list[str]:
    start, end = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last))
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(start, end + 1)]
