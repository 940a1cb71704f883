"""GET /reports/nps → NPS with its margin, by month, segment, channel, category, survey; /nps/comments → the words."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any, Final

from shared.core import clock, environment
from shared.core.errors import Invalid
from shared.core.months import month_of, months_after
from shared.edge.http import Request, Response, respond, serve
from shared.nps import margin as nps
from shared.nps.margin import EMPTY, Histogram
from shared.nps.store import answers, figures
from shared.nps.store.figures import MonthFigures

DEFAULT_MONTHS: Final = 12
MAX_MONTHS: Final = 24
# From here on somebody says that things were put right.
RECOVERED_FROM: Final = 7
_MONTH: Final = r"(19|20|21)\d\d-(0[1-9]|1[0-2])"
MAX_COMMENTS: Final = 100

# What is counted: by which dimensions, how many invitations, and answers by score.
Counted = tuple[dict[str, str], int, Histogram]
Row = tuple[int, Histogram]


def report(request: Request) -> Response:
    """Months are those of the invitations, `from` and `to` included; the change is against as many months before.

    Answers by anonymous links are told apart, under `anonymous`: whoever has such a link may answer as she likes.
    """
    zone = environment.settings().zone
    last = _month(request.query.get("to"), "to") or month_of(clock.now().astimezone(zone).date())
    first = _month(request.query.get("from"), "from") or months_after(last, 1 - DEFAULT_MONTHS)
    names = _months(first, last)
    if not names or len(names) > MAX_MONTHS:
        raise Invalid(f"from, to: want 1 to {MAX_MONTHS} months, the first one first")
    found = {name: figures.month(name) for name in names}
    before = [figures.month(months_after(name, -len(names))) for name in names]
    everything = [row for one in found.values() for row in one.rows]
    rows = [row for row in everything if not _is_anonymous(row)]
    unnamed = [row for row in everything if _is_anonymous(row)]
    now = _sum(rows)
    then = _sum(row for one in before for row in one.rows if not _is_anonymous(row))
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
        "by_month": [
            {"month": name, **_measured(_sum(named))}
            for name, one in found.items()
            if (named := [row for row in one.rows if not _is_anonymous(row)])
        ],
    }
    for dimension in figures.DIMENSIONS:
        values = sorted({dimensions[dimension] for dimensions, _, _ in rows})
        key = "survey" if dimension == "survey_id" else dimension
        body[f"by_{key}"] = [
            {key: value, **_measured(_sum(row for row in rows if row[0][dimension] == value))} for value in values
        ]
    body["anonymous"] = {
        **_measured(_sum(unnamed)),
        "by_place": [
            {"place": place, **_measured(_sum(row for row in unnamed if row[0]["channel"] == place))}
            for place in sorted({dimensions["channel"] for dimensions, _, _ in unnamed})
        ],
    }
    return respond(200, {**body, "themes": _themes(found.values()), "cases": _cases(found.values())})


def _measured(row: Row) -> dict[str, Any]:
    """Figures of a row; below MIN_ANSWERS only counts."""
    invited, histogram = row
    one, rate = nps.measure(histogram), nps.response_rate(sum(histogram), invited)
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


def _sum(counted: Iterable[Counted]) -> Row:
    invited, histogram = 0, EMPTY
    for _, count, one in counted:
        invited, histogram = invited + count, nps.add(histogram, one)
    return invited, histogram


def _is_anonymous(row: Counted) -> bool:
    return row[0]["segment"] == figures.ANONYMOUS


def _month(text: str | None, name: str) -> str | None:
    if text is not None and not re.fullmatch(_MONTH, text, re.ASCII):
        raise Invalid(f"{name}: want a month such as 2026-11")
    return text


def _months(first: str, last: str) -> list[str]:
    names = [first]
    while names[-1] < last and len(names) <= MAX_MONTHS:
        names.append(months_after(names[-1], 1))
    return names if names[-1] == last else []


def comments(request: Request) -> Response:
    """What customers wrote in a month, newest first; `next` leads on."""
    zone = environment.settings().zone
    month = _month(request.query.get("month"), "month") or month_of(clock.now().astimezone(zone).date())
    found, more = answers.comments(month, MAX_COMMENTS, _after(request.query.get("next")))
    following = base64.urlsafe_b64encode(more.encode()).decode() if more else None
    return respond(200, {"month": month, "comments": found, "next": following})


def _after(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()[:300] or None
    except (binascii.Error, ValueError):
        raise Invalid("next: want the value of `next` from the page before") from None


handler = serve({"GET /reports/nps": report, "GET /nps/comments": comments})
