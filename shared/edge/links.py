"""The links in mails: their addresses, the tokens they carry, and the page for a link that does not hold."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from shared.core import clock
from shared.core.locales import choose_locale
from shared.core.settings import Settings
from shared.customers.consent import Topic
from shared.customers.customer import CONFIRMATION_LINK_DAYS, PREFERENCES_LINK_DAYS, Signup
from shared.edge.http import Request, Response
from shared.edge.pages import page_response, render_page
from shared.edge.tokens import BadLinkError, ExpiredLinkError, Purpose, read, sign

LinkProblem = Literal["expired", "invalid", "replaced", "closed"]
_STATUS: Final = {"expired": 410, "invalid": 400, "replaced": 410, "closed": 410}
# How long a mail's link to the preference centre holds.
PREFERENCES_LINK: Final = timedelta(days=PREFERENCES_LINK_DAYS)
# How long a link to the points page holds: whoever has it may spend the points.
POINTS_LINK: Final = timedelta(days=90)
# How long the link to the complaint form holds.
COMPLAINT_LINK: Final = timedelta(days=60)


def confirmation_path(customer_id: str, signup: Signup) -> str:
    """The path that confirms a signup, for CONFIRMATION_LINK_DAYS after it."""
    expires_at = signup.requested_at + timedelta(days=CONFIRMATION_LINK_DAYS)
    claims = {"customer": customer_id, "signup": signup.signup_id}
    return f"signups/confirm?token={sign(Purpose.CONFIRM, claims, expires_at)}"


def preferences_path(customer_id: str, expires_at: datetime) -> str:
    """The path of a customer's preference centre."""
    token = sign(Purpose.PREFERENCES, {"customer": customer_id}, expires_at)
    return f"preferences?token={token}"


def points_path(customer_id: str, expires_at: datetime) -> str:
    """The path of a customer's points page."""
    return f"points?token={sign(Purpose.POINTS, {'customer': customer_id}, expires_at)}"


def survey_path(customer_id: str, invitation_id: str, expires_at: datetime) -> str:
    """The path of a customer's survey; `?score=9` behind it chooses a score, and answers nothing."""
    return f"surveys/{sign(Purpose.SURVEY, {'customer': customer_id, 'invitation': invitation_id}, expires_at)}"


def feedback_path(survey_id: str, place: str) -> str:
    """The path of a survey for whoever is at a place, such as a counter; it holds for good, for it may be printed."""
    return f"feedback/{sign(Purpose.FEEDBACK, {'survey': survey_id, 'place': place})}"


def complaint_path(customer_id: str, expires_at: datetime) -> str:
    """The path of the form by which a customer complains."""
    return f"complaints?token={sign(Purpose.COMPLAINT, {'customer': customer_id}, expires_at)}"


def unsubscribe_path(customer_id: str, topic: Topic | None) -> str:
    """The path that unsubscribes from a topic, or from all; it holds for good, as old mails have to keep their word."""
    claims = {"customer": customer_id, **({"topic": topic} if topic else {})}
    return f"unsubscribe?token={sign(Purpose.UNSUBSCRIBE, claims)}"


@dataclass(frozen=True, slots=True)
class Link:
    """An opened link that holds: whose it is (nobody's: ""), what else it says, and its token for the page's form."""

    customer_id: str
    claims: Mapping[str, str]
    token: str


def opened(purpose: Purpose, answer: Callable[[Request, Link, Settings], Response]) -> Callable[[Request], Response]:
    """A route behind a link of this purpose: `answer` sees links that hold, others get the page that says why not.

    The token is the form's field where there is one, else the path's or the query's.
    """

    def route(request: Request) -> Response:
        settings = Settings.from_environment(os.environ)
        fields = request.form() if request.is_form else {}
        token = fields.get("token") or request.path.get("token") or request.query.get("token", "")
        try:
            claims = read(purpose, token, clock.now())
        except ExpiredLinkError:
            return problem_page(settings, request.language(settings.locale), "expired")
        except BadLinkError:
            return problem_page(settings, request.language(settings.locale), "invalid")
        return answer(request, Link(claims.get("customer", ""), claims, token), settings)

    return route


def problem_page(settings: Settings, language: str, reason: LinkProblem) -> Response:
    """The page for a link that does not hold."""
    html = render_page("link_problem.html", language, shop_name=settings.shop_name, reason=reason)
    return page_response(html, language, _STATUS[reason])


def refuse_form(accept_language: str, status: int, detail: str) -> Response:
    """The page for a form that cannot be taken as it is."""
    settings = Settings.from_environment(os.environ)
    language = choose_locale(accept_language=accept_language, default=settings.locale)
    problems = [{"field": "form", "type": str(status), "detail": detail}]
    html = render_page("form_problem.html", language, shop_name=settings.shop_name, problems=problems)
    return page_response(html, language, status)
