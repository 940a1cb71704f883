"""The links in mails and on pages: how a path carries its token, and the pages for links that are not valid."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from shared.core import clock, environment
from shared.core.errors import SignedOut
from shared.core.locales import choose_locale
from shared.core.settings import Settings
from shared.edge.http import Request, Response
from shared.edge.pages import page_response, render_page
from shared.edge.tokens import LEADS_TO, BadLinkError, ExpiredLinkError, Purpose, read, sign

# How long a link or a form on a page is valid, at most: long enough to fill in a form.
PAGE_LINKS: Final = timedelta(hours=12)
LinkProblem = Literal["expired", "invalid", "replaced", "closed", "revoked"]
_STATUS: Final = {"expired": 410, "invalid": 400, "replaced": 410, "closed": 410, "revoked": 410}


def path(page: str, purpose: Purpose, claims: Mapping[str, str], expires_at: datetime | None = None) -> str:
    """The path of a page with a token in its query, `preferences?token=…`; valid for good without `expires_at`."""
    return f"{page}?token={sign(purpose, claims, expires_at)}"


def claims_of(customer_id: str, epoch: int) -> dict[str, str]:
    """The claims of a customer's link: who they are, and their epoch, no claim for 0."""
    return {"customer": customer_id, **({"epoch": str(epoch)} if epoch else {})}


@dataclass(frozen=True, slots=True)
class Link:
    """An opened, valid link: its customer's id (none: ""), its other claims, and its token for the page's form.

    `expires_at` is None where it is valid for good. The customer's epoch has to be checked where they are read.
    """

    purpose: Purpose
    customer_id: str
    claims: Mapping[str, str]
    token: str
    expires_at: datetime | None

    @property
    def epoch(self) -> int:
        """The customer's epoch when the link was made."""
        return int(self.claims.get("epoch", "0"))

    def until(self, purpose: Purpose, now: datetime) -> datetime:
        """Until when a link on this link's page, or its own form, is valid: never longer than this link itself.

        Raises ValueError for a purpose to which this link does not lead.
        """
        if purpose is not self.purpose and purpose not in LEADS_TO[self.purpose]:
            raise ValueError(f"a link to {self.purpose} does not lead to {purpose}")
        return min(now + PAGE_LINKS, self.expires_at or now + PAGE_LINKS)


def opened(purpose: Purpose, answer: Callable[[Request, Link, Settings], Response]) -> Callable[[Request], Response]:
    """A route behind a link of this purpose: `answer` gets valid links; any other gets the page that says why not.

    The token is the form's field if it has one, else the path's or the query's. Where `answer` raises SignedOut, the
    page says so.
    """

    def route(request: Request) -> Response:
        settings = environment.settings()
        fields = request.form() if request.is_form else {}
        token = fields.get("token") or request.path.get("token") or request.query.get("token", "")
        try:
            opened = read(purpose, token, clock.now())
            link = Link(purpose, opened.claims.get("customer", ""), opened.claims, token, opened.expires_at)
            return answer(request, link, settings)
        except ExpiredLinkError:
            return problem_page(settings, request.language(settings.locale), "expired")
        except BadLinkError:
            return problem_page(settings, request.language(settings.locale), "invalid")
        except SignedOut as refused:
            return problem_page(settings, request.language(settings.locale, refused.locale), "revoked")

    return route


def problem_page(settings: Settings, language: str, reason: LinkProblem) -> Response:
    """The page for a link that is not valid."""
    html = render_page("link_problem.html", language, shop_name=settings.shop_name, reason=reason)
    return page_response(html, language, _STATUS[reason])


def refuse_form(accept_language: str, status: int, detail: str) -> Response:
    """The page for a form that is refused."""
    settings = environment.settings()
    language = choose_locale(accept_language=accept_language, default=settings.locale)
    problems = [{"field": "form", "type": str(status), "detail": detail}]
    html = render_page("form_problem.html", language, shop_name=settings.shop_name, problems=problems)
    return page_response(html, language, status)
