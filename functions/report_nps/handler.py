"""GET /reports/nps → NPS with its margin, by month, segment, channel, category and survey; cases and recoveries."""

import os
import re
from collections.abc import Iterable
from typing import Any, Final

from shared import clock
from shared.domain import nps
from shared.domain.errors import Invalid
from shared.domain.months import month_of, months_after
from shared.domain.nps import EMPTY, Histogram
from shared.http import Request, Response, respond, serve
from shared.settings import Settings
from shared.store import figures
from shared.store.figures import MonthFigures

DEFAULT_MONTHS: Final = 12
MAX_MONTHS: Final = 24
# From here on somebody says that things were put right.
RECOVERED_FROM: Final = 7
_MONTH: Final = r"\d{4}-(0[1-9]|1[0-2])"

# Invitations, answers to them, and all answers, anonymous ones too.
Row = tuple[int, int, Histogram]


def report(request: Request) -> Response:
    """Months are those of the invitations, `from` and `to` included; the change is against as many months before."""
    zone = Settings.from_environment(os.environ).zone
    last = _month(request.query.get("to"), "to") or month_of(clock.now().astimezone(zone).date())
    first = _month(request.query.get("from"), "from") or months_after(last, 1 - DEFAULT_MONTHS)
    names = _months(first, last)
    if not names or len(names) > MAX_MONTHS:
        raise Invalid(f"from, to: want 1 to {MAX_MONTHS} months, the first one first")
    found = {name: figures.month(name) for name in names}
    before = [figures.month(months_after(name, -len(names))) for name in names]
    rows = [row for one in found.values() for row in one.rows]
    now, then = _sum(rows), _sum(row for one in before for row in one.rows)
    change = nps.change(nps.measure(now[-1]), nps.measure(then[-1]))
    body: dict[str, Any] = {
        "from": first,
        "to": last,
        **_measured(now),
        "change": {
            "difference": round(change.difference, 1),
            "margin": round(change.margin, 1),
            "significant": change.significant,
        }
        if change
        else None,
        "by_month": [{"month": name, **_measured(_sum(one.rows))} for name, one in found.items() if one.rows],
    }
    for dimension in figures.DIMENSIONS:
        values = sorted({dimensions[dimension] for dimensions, _, _ in rows})
        key = "survey" if dimension == "survey_id" else dimension
        body[f"by_{key}"] = [
            {key: value, **_measured(_sum(row for row in rows if row[0][dimension] == value))} for value in values
        ]
    return respond(200, {**body, "themes": _themes(found.values()), "cases": _cases(found.values())})


def _measured(row: Row) -> dict[str, Any]:
    """Figures of a row; below MIN_ANSWERS only counts."""
    invited, replied, histogram = row
    one, rate = nps.measure(histogram), nps.response_rate(replied, invited)
    return {
        "n": one.n,
        "nps": _rounded(one.nps, 1),
        "margin": _rounded(one.margin, 1),
        "promoters": one.promoters,
        "passives": one.passives,
        "detractors": one.detractors,
        "promoter_share": _rounded(one.promoter_share, 4),
        "passive_share": _rounded(one.passive_share, 4),
        "detractor_share": _rounded(one.detractor_share, 4),
        "invited": invited,
        "response_rate": _rounded(rate, 4),
    }


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)


def _themes(found: Iterable[MonthFigures]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for one in found:
        for group, counts in one.themes.items():
            for theme, count in counts.items():
                held = total.setdefault(group, {})
                held[theme] = held.get(theme, 0) + count
    return {
        group: dict(sorted(((t, n) for t, n in counts.items() if n), key=lambda one: (-one[1], one[0])))
        for group, counts in sorted(total.items())
    }


def _cases(found: Iterable[MonthFigures]) -> dict[str, Any]:
    months = list(found)
    opened, resolved, minutes = (
        sum(one.cases.get(name, 0) for one in months) for name in ("opened", "resolved", "minutes")
    )
    asked = EMPTY
    for one in months:
        asked = nps.add(asked, one.recovery)
    answered, recovered = sum(asked), sum(asked[RECOVERED_FROM:])
    return {
        "opened": opened,
        "resolved": resolved,
        "hours_to_resolve": round(minutes / 60 / resolved, 1) if resolved else None,
        "recovery_answers": answered,
        "recovered": recovered,
        "recovered_share": round(recovered / answered, 4) if answered else None,
    }


def _sum(counted: Iterable[tuple[dict[str, str], int, Histogram]]) -> Row:
    invited, replied, histogram = 0, 0, EMPTY
    for dimensions, count, one in counted:
        invited, histogram = invited + count, nps.add(histogram, one)
        replied += sum(one) if dimensions["segment"] != figures.ANONYMOUS else 0
    return invited, replied, histogram


def _month(text: str | None, name: str) -> str | None:
    if text is not None and not re.fullmatch(_MONTH, text, re.ASCII):
        raise Invalid(f"{name}: want a month such as 2026-11")
    return text


def _months(first: str, last: str) -> list[str]:
    names = [first]
    while names[-1] < last and len(names) <= MAX_MONTHS:
        names.append(months_after(names[-1], 1))
    return names if names[-1] == last else []


handler = serve({"GET /reports/nps": report})
