"""GET /reports/nps → NPS with its margin, by month, segment, channel, category, survey; /nps/comments → the words."""

import base64
import binascii
import re
from typing import Any, Final

from functions.nps.wiring import NPS
from shared.core import clock
from shared.core.codec import to_members
from shared.core.errors import Invalid
from shared.core.months import month_of
from shared.edge.http import Request, Response, respond, serve
from shared.nps.actions import reporting
from shared.nps.report import months_between
from shared.nps.store import monthly_comments
from shared.nps.store.monthly_comments import Comment

_MONTH: Final = r"(19|20|21)\d\d-(0[1-9]|1[0-2])"
MAX_COMMENTS: Final = 100


def report(request: Request) -> Response:
    """Months are those of the invitations, `from` and `to` included; the change is against as many months before."""
    this_month = month_of(clock.shop_time().today)
    last, first = _month(request.query.get("to"), "to"), _month(request.query.get("from"), "from")
    return respond(200, reporting.report_months(months_between(first, last, this_month)))


def comments(request: Request) -> Response:
    """The comments of a month, newest first; `next` leads on."""
    month = _month(request.query.get("month"), "month") or month_of(clock.shop_time().today)
    page, more = monthly_comments.page(month, MAX_COMMENTS, _after(request.query.get("next")))
    following = base64.urlsafe_b64encode(more.encode()).decode() if more else None
    return respond(200, {"month": month, "comments": [_shown(comment) for comment in page], "next": following})


def _shown(comment: Comment) -> dict[str, Any]:
    members = to_members(comment)
    return {name: value for name, value in members.items() if value is not None and name not in ("month", "position")}


def _month(text: str | None, name: str) -> str | None:
    if text is not None and not re.fullmatch(_MONTH, text, re.ASCII):
        raise Invalid(f"{name}: want a month such as 2026-11")
    return text


def _after(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()[:300] or None
    except (binascii.Error, ValueError):
        raise Invalid("next: want the value of `next` from the page before") from None


handler = serve(NPS, {"GET /reports/nps": report, "GET /nps/comments": comments})
