"""The report on NPS: the score of months with its margin and its change, by every dimension, themes and cases."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.core.errors import Invalid
from shared.core.months import months_after
from shared.nps import margin
from shared.nps.counting import DIMENSIONS, MonthFigures, Row
from shared.nps.margin import EMPTY

DEFAULT_MONTHS: Final = 12
MAX_MONTHS: Final = 24
# From this score on an answer says that the case was resolved well.
RECOVERED_FROM: Final = 7


def months_between(first: str | None, last: str | None, this_month: str) -> list[str]:
    """The months from the first to the last, by default the last twelve; as `2026-11`, up to MAX_MONTHS.

    Raises Invalid for more, or none.
    """
    last = last or this_month
    names = [first or months_after(last, 1 - DEFAULT_MONTHS)]
    while names[-1] < last and len(names) <= MAX_MONTHS:
        names.append(months_after(names[-1], 1))
    if names[-1] != last or len(names) > MAX_MONTHS:
        raise Invalid(f"from, to: want 1 to {MAX_MONTHS} months, the first one first")
    return names


def months_before(names: list[str]) -> list[str]:
    """As many months as these, just before them."""
    return [months_after(name, -len(names)) for name in names]


def report(months: Mapping[str, MonthFigures], before: Iterable[MonthFigures]) -> dict[str, Any]:
    """The figures of the months, by name in the order of time, and the change against those before.

    Answers by anonymous links are separate, under `anonymous`: anybody who has such a link may answer, and more than
    once.
    """
    rows = [row for figures in months.values() for row in figures.rows]
    by_customers, anonymous = _by_customers(rows), [row for row in rows if row.is_anonymous]
    earlier = _by_customers(row for figures in before for row in figures.rows)
    change = margin.change(_measure(by_customers), _measure(earlier))
    by_month = {name: _by_customers(figures.rows) for name, figures in months.items()}
    return {
        "from": min(months),
        "to": max(months),
        **_figures(by_customers),
        "change": {
            "difference": round(change.difference, 1),
            "margin": round(change.margin, 1),
            "significant": change.significant,
        }
        if change
        else None,
        "by_month": [{"month": name, **_figures(rows)} for name, rows in by_month.items() if rows],
        **{f"by_{_name_of(dimension)}": _by(by_customers, dimension, _name_of(dimension)) for dimension in DIMENSIONS},
        "anonymous": {**_figures(anonymous), "by_place": _by(anonymous, "channel", "place")},
        "themes": _themes(months.values()),
        "cases": _cases(months.values()),
    }


def _name_of(dimension: str) -> str:
    return "survey" if dimension == "survey_id" else dimension


def _by_customers(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if not row.is_anonymous]


def _by(rows: Iterable[Row], dimension: str, name: str) -> list[dict[str, Any]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.dimensions[dimension], []).append(row)
    return [{name: value, **_figures(group)} for value, group in sorted(groups.items())]


def _measure(rows: Iterable[Row]) -> margin.Nps:
    histogram = EMPTY
    for row in rows:
        histogram = margin.add(histogram, row.histogram)
    return margin.measure(histogram)


def _figures(rows: list[Row]) -> dict[str, Any]:
    """Figures of all rows together; below MIN_ANSWERS only counts."""
    score, invited = _measure(rows), sum(row.invited for row in rows)
    return {
        "n": score.n,
        "nps": _rounded(score.nps, 1),
        "margin": _rounded(score.margin, 1),
        "promoters": score.promoters,
        "passives": score.passives,
        "detractors": score.detractors,
        "promoter_share": _rounded(score.promoter_share, 4),
        "passive_share": _rounded(score.passive_share, 4),
        "detractor_share": _rounded(score.detractor_share, 4),
        "invited": invited,
        "response_rate": _rounded(margin.response_rate(score.n, invited), 4),
    }


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)


def _themes(months: Iterable[MonthFigures]) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = {}
    for figures in months:
        for group, counts in figures.themes.items():
            total = totals.setdefault(group, {})
            for theme, count in counts.items():
                total[theme] = total.get(theme, 0) + count
    return {group: _commonest_first(total) for group, total in sorted(totals.items())}


def _commonest_first(counts: Mapping[str, int]) -> dict[str, int]:
    kept = ((theme, count) for theme, count in counts.items() if count)
    return dict(sorted(kept, key=lambda pair: (-pair[1], pair[0])))


def _cases(months: Iterable[MonthFigures]) -> dict[str, Any]:
    opened = resolved = minutes = 0
    recovery = EMPTY
    for figures in months:
        opened, resolved, minutes = opened + figures.opened, resolved + figures.resolved, minutes + figures.minutes
        recovery = margin.add(recovery, figures.recovery)
    answered, recovered = sum(recovery), sum(recovery[RECOVERED_FROM:])
    return {
        "opened": opened,
        "resolved": resolved,
        "hours_to_resolve": round(minutes / 60 / resolved, 1) if resolved else None,
        "recovery_answers": answered,
        "recovered": recovered,
        "recovered_share": round(recovered / answered, 4) if answered else None,
    }
