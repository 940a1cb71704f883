"""GET /surveys/{token} → the survey's page, with `?score=` chosen; POST → the answer. Only the POST records."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.cases.links import complaint_path
from shared.core import clock
from shared.core.errors import Invalid
from shared.core.settings import Settings
from shared.customers.customer import Customer
from shared.customers.store import profiles as customers
from shared.edge import links
from shared.edge.http import Request, Response, plain_text, serve
from shared.edge.links import Link
from shared.edge.pages import mask_email, page_response, render_page
from shared.edge.templates import translate
from shared.edge.tokens import Purpose
from shared.loyalty.actions import configuring
from shared.loyalty.links import points_path
from shared.loyalty.store import program_versions
from shared.nps import survey
from shared.nps.margin import Group, group_of
from shared.nps.store import answers
from shared.nps.store import definitions as surveys
from shared.nps.survey import COMMENT_MAX_LENGTH, RECOVERY, Invitation, Problem, Survey, Texts, TooLate, Trigger

# Of links on the thank-you page, which anybody sees who was sent the mail on: long enough to follow them now.
PAGE_LINKS: Final = timedelta(minutes=30)


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The page; a score in the address is chosen there, and not recorded."""
    asked = surveys.find_invitation(link.customer_id, link.claims["invitation"])
    customer = customers.get(link.customer_id)
    language = request.language(settings.locale, customer.locale if customer else None)
    if asked is None:
        return links.problem_page(settings, language, "invalid")
    if not survey.can_change(asked, _survey(asked), clock.now()):
        return _closed(settings, language)
    text = request.query.get("score", "")
    chosen = int(text) if text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 10 else None
    before = asked.answer
    if chosen is None and before:
        chosen = before.score
    return _page(settings, language, link, asked, customer, chosen, before.comment if before else "", None)


def record(request: Request, link: Link, settings: Settings) -> Response:
    """Record the answer, or change it while that may be; the same form again changes nothing."""
    fields = request.form()
    text, comment = fields.get("score", ""), plain_text(fields.get("comment", ""))
    asked = surveys.find_invitation(link.customer_id, link.claims["invitation"])
    customer = customers.get(link.customer_id)
    locale = customer.locale if customer else None
    language = request.language(settings.locale, locale)
    if asked is None:
        return links.problem_page(settings, language, "invalid")
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 10):
        return _page(settings, language, link, asked, customer, None, comment, "SCORE")
    try:
        done = answers.answer(
            link.customer_id, asked.invitation_id, int(text), comment, clock.now(), settings.zone, locale
        )
    except TooLate:
        return _closed(settings, language)
    except Invalid:
        return _page(settings, language, link, asked, customer, int(text), comment, "COMMENT")
    assert done is not None
    return _done(settings, language, link, done, locale)


def _survey(asked: Invitation) -> Survey:
    found = surveys.find(asked.survey_id) if asked.survey_id != RECOVERY else None
    return found or Survey(survey_id=asked.survey_id, trigger=Trigger.NIGHTLY, points=0)


def _words(asked: Invitation, locale: str | None, language: str, settings: Settings) -> tuple[str, Texts]:
    if asked.survey_id == RECOVERY:
        return survey.recovery_words(surveys.rules(), language, settings.locale, translate)
    return survey.words(_survey(asked), locale, language, translate)


def _points(asked: Invitation) -> int:
    """What the first answer earns."""
    return 0 if asked.survey_id == RECOVERY else configuring.points_for_answer(_survey(asked).points)


def _page(
    settings: Settings,
    language: str,
    link: Link,
    asked: Invitation,
    customer: Customer | None,
    score: int | None,
    comment: str,
    problem: Problem | None,
) -> Response:
    words_lang, texts = _words(asked, customer.locale if customer else None, language, settings)
    html = render_page(
        "survey.html",
        language,
        shop_name=settings.shop_name,
        words_lang=words_lang,
        token=link.token,
        question=texts.question,
        follow_ups={group.value: texts.follow_ups[group] for group in Group},
        score=score,
        comment=comment[:COMMENT_MAX_LENGTH],
        comment_max=COMMENT_MAX_LENGTH,
        amending=asked.answer is not None,
        problem=problem,
        points=_points(asked),
        is_recovery=asked.survey_id == RECOVERY,
        email_masked=mask_email(customer.email) if customer and customer.email else None,
    )
    return page_response(html, language, 422 if problem else 200)


def _done(settings: Settings, language: str, link: Link, done: Invitation, locale: str | None) -> Response:
    assert done.answer is not None
    now, group = clock.now(), group_of(done.answer.score)
    words_lang, texts = _words(done, locale, language, settings)
    wanted = _survey(done)
    changeable = survey.can_change(done, wanted, now)
    html = render_page(
        "survey_done.html",
        language,
        shop_name=settings.shop_name,
        words_lang=words_lang,
        thanks=texts.thanks[group],
        score=done.answer.score,
        points=_points(done),
        # Beside this very address, wherever the API has its root.
        change_url=link.token if changeable else None,
        change_until=_change_until(done, wanted, settings) if changeable else None,
        complaint_url=_complaint_url(link, now) if group is Group.DETRACTOR else None,
        points_url=_points_url(link, now) if _may_bring_a_friend(done, group) else None,
    )
    return page_response(html, language)


def _may_bring_a_friend(done: Invitation, group: Group) -> bool:
    return group is Group.PROMOTER and done.survey_id != RECOVERY and program_versions.latest() is not None


def _change_until(done: Invitation, wanted: Survey, settings: Settings) -> object:
    assert done.answer is not None
    zone: ZoneInfo = settings.zone
    return min(survey.changeable_until(done.answer, wanted), done.expires_at).astimezone(zone).date()


def _complaint_url(link: Link, now: datetime) -> str:
    return f"../{complaint_path(link.customer_id, now + PAGE_LINKS)}"


def _points_url(link: Link, now: datetime) -> str:
    return f"../{points_path(link.customer_id, now + PAGE_LINKS)}"


def _closed(settings: Settings, language: str) -> Response:
    html = render_page("survey_closed.html", language, shop_name=settings.shop_name, reason="answered")
    return page_response(html, language, 409)


handler = serve(
    {
        "GET /surveys/{token}": links.opened(Purpose.SURVEY, show),
        "POST /surveys/{token}": links.opened(Purpose.SURVEY, record),
    },
    links.refuse_form,
)
