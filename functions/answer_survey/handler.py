"""GET /surveys/{token} → the survey's page, with `?score=` chosen; POST → the answer. Only the POST records."""

from datetime import datetime
from zoneinfo import ZoneInfo

from shared import clock, links
from shared.domain import survey
from shared.domain.errors import Invalid
from shared.domain.nps import Group, group_of
from shared.domain.survey import COMMENT_MAX_LENGTH, RECOVERY, Invitation, Survey, Texts, TooLate, Trigger
from shared.http import Request, Response, serve
from shared.links import Link
from shared.pages import mask_email, page_response, render_page
from shared.settings import Settings
from shared.store import answers, customers, programs, surveys
from shared.tokens import Purpose


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The page; a score in the address is chosen there, and not recorded."""
    asked = surveys.find_invitation(link.customer_id, link.claims["invitation"])
    if asked is None:
        return links.problem_page(settings, "invalid")
    if not survey.can_change(asked, _survey(asked), clock.now()):
        return _closed(settings)
    text = request.query.get("score", "")
    chosen = int(text) if text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 10 else None
    before = asked.answer
    if chosen is None and before:
        chosen = before.score
    return _page(settings, link, asked, chosen, before.comment if before else "", None)


def record(request: Request, link: Link, settings: Settings) -> Response:
    """Record the answer, or change it while that may be; the same form again changes nothing."""
    fields = request.form()
    text, comment = fields.get("score", ""), _clean(fields.get("comment", ""))
    asked = surveys.find_invitation(link.customer_id, link.claims["invitation"])
    if asked is None:
        return links.problem_page(settings, "invalid")
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 10):
        return _page(settings, link, asked, None, comment, "Please choose a number from 0 to 10.")
    customer = customers.find(link.customer_id)
    locale = customer.contact.locale if customer else None
    try:
        done = answers.answer(
            link.customer_id, asked.invitation_id, int(text), comment, clock.now(), settings.zone, locale
        )
    except TooLate:
        return _closed(settings)
    except Invalid:
        problem = f"Please say it in at most {COMMENT_MAX_LENGTH:,} characters."
        return _page(settings, link, asked, int(text), comment, problem)
    assert done is not None
    return _done(settings, link, done)


def _survey(asked: Invitation) -> Survey:
    found = surveys.find(asked.survey_id) if asked.survey_id != RECOVERY else None
    return found or Survey(survey_id=asked.survey_id, trigger=Trigger.NIGHTLY, points=0)


def _words(asked: Invitation, locale: str | None) -> tuple[str, Texts]:
    if asked.survey_id == RECOVERY:
        texts = survey.DEFAULT_TEXTS
        return survey.DEFAULT_LOCALE, Texts(
            question=surveys.rules().recovery_question, follow_ups=texts.follow_ups, thanks=texts.thanks
        )
    return _survey(asked).texts_for(locale)


def _page(
    settings: Settings, link: Link, asked: Invitation, score: int | None, comment: str, problem: str | None
) -> Response:
    customer = customers.find(link.customer_id)
    lang, texts = _words(asked, customer.contact.locale if customer else None)
    html = render_page(
        "survey.html",
        shop_name=settings.shop_name,
        words_lang=lang,
        token=link.token,
        question=texts.question,
        follow_ups={group.value: texts.follow_ups[group] for group in Group},
        score=score,
        comment=comment[:COMMENT_MAX_LENGTH],
        comment_max=COMMENT_MAX_LENGTH,
        amending=asked.answer is not None,
        problem=problem,
        points=_survey(asked).points or 0,
        email_masked=mask_email(customer.email) if customer and customer.email else None,
    )
    return page_response(html, 422 if problem else 200)


def _done(settings: Settings, link: Link, done: Invitation) -> Response:
    assert done.answer is not None
    now, group = clock.now(), group_of(done.answer.score)
    customer = customers.find(link.customer_id)
    lang, texts = _words(done, customer.contact.locale if customer else None)
    wanted = _survey(done)
    changeable = survey.can_change(done, wanted, now)
    html = render_page(
        "survey_done.html",
        shop_name=settings.shop_name,
        words_lang=lang,
        thanks=texts.thanks[group],
        score=done.answer.score,
        points=wanted.points or 0,
        # Beside this very address, wherever the API has its root.
        change_url=link.token if changeable else None,
        change_until=_change_until(done, wanted, settings) if changeable else None,
        complaint_url=_complaint_url(link, now) if group is Group.DETRACTOR else None,
        points_url=_points_url(link, now) if group is Group.PROMOTER and programs.latest() else None,
    )
    return page_response(html)


def _change_until(done: Invitation, wanted: Survey, settings: Settings) -> object:
    assert done.answer is not None
    zone: ZoneInfo = settings.zone
    return survey.changeable_until(done.answer, wanted).astimezone(zone).date()


def _complaint_url(link: Link, now: datetime) -> str:
    return f"../{links.complaint_path(link.customer_id, now + links.COMPLAINT_LINK)}"


def _points_url(link: Link, now: datetime) -> str:
    return f"../{links.points_path(link.customer_id, now + links.POINTS_LINK)}"


def _closed(settings: Settings) -> Response:
    html = render_page("survey_closed.html", shop_name=settings.shop_name, reason="answered")
    return page_response(html, 409)


def _clean(text: str) -> str:
    """Line breaks as they are stored, and nothing that no keyboard makes."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").strip()
    return "".join(sign for sign in lines if sign == "\n" or sign.isprintable())


handler = serve(
    {
        "GET /surveys/{token}": links.opened(Purpose.SURVEY, show),
        "POST /surveys/{token}": links.opened(Purpose.SURVEY, record),
    },
    links.refuse_form,
)
