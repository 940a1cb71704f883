"""GET /surveys/{token} → the survey's page, with `?score=` chosen; POST → the answer. Only the POST records."""

from datetime import date, datetime

from functions.nps.wiring import NPS
from shared.cases.links import complaint_path
from shared.core import clock
from shared.core.settings import Settings
from shared.core.shop_time import ShopTime
from shared.customers.customer import check_epoch
from shared.edge import links
from shared.edge.http import Request, Response, plain_text, serve
from shared.edge.links import Link
from shared.edge.pages import mask_email, page_response, render_page
from shared.edge.templates import translate
from shared.edge.tokens import Purpose
from shared.loyalty.program import Program, points_for_answer
from shared.loyalty.store import program_versions
from shared.nps import survey
from shared.nps.actions import answering
from shared.nps.actions.answering import OpenedInvitation
from shared.nps.margin import Group, group_of
from shared.nps.survey import COMMENT_MAX_LENGTH, RECOVERY, NotInvited, Problem, Texts, TooLate


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The page; a score in the address is chosen there, and not recorded."""
    try:
        opened = _open(link)
    except NotInvited as refused:
        return _invalid(request, settings, refused)
    language = request.language(settings.locale, opened.locale)
    if not survey.can_change(opened.invitation, opened.survey, clock.now()):
        return _closed(settings, language)
    before = opened.invitation.answer
    score = _score(request.query.get("score", ""))
    if score is None and before:
        score = before.score
    return _page(settings, language, link, opened, score, before.comment if before else "", None)


def record(request: Request, link: Link, settings: Settings) -> Response:
    """Record the answer, or change it while that may be; the same form again changes nothing."""
    fields = request.form()
    score, comment = _score(fields.get("score", "")), plain_text(fields.get("comment", ""))
    time = clock.shop_time()
    try:
        if score is None or len(comment) > COMMENT_MAX_LENGTH:
            opened = _open(link)
            language = request.language(settings.locale, opened.locale)
            return _page(settings, language, link, opened, score, comment, "SCORE" if score is None else "COMMENT")
        answered = answering.answer(link.customer_id, link.epoch, link.claims["invitation"], score, comment, time)
    except NotInvited as refused:
        return _invalid(request, settings, refused)
    except TooLate as refused:
        return _closed(settings, request.language(settings.locale, refused.members["locale"]))
    return _thanks(settings, request.language(settings.locale, answered.locale), link, answered, time)


def _open(link: Link) -> OpenedInvitation:
    opened = answering.get(link.customer_id, link.claims["invitation"])
    if opened.customer:
        check_epoch(opened.customer, link.epoch)
    return opened


def _score(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 10 else None


def _page(
    settings: Settings,
    language: str,
    link: Link,
    opened: OpenedInvitation,
    score: int | None,
    comment: str,
    problem: Problem | None,
) -> Response:
    customer = opened.customer
    words_lang, texts = _words(opened, language, settings)
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
        amending=opened.invitation.answer is not None,
        problem=problem,
        points=points_for_answer(_program(opened), opened.survey.points),
        is_recovery=opened.survey.survey_id == RECOVERY,
        email_masked=mask_email(customer.email) if customer and customer.email else None,
    )
    return page_response(html, language, 422 if problem else 200)


def _thanks(settings: Settings, language: str, link: Link, opened: OpenedInvitation, time: ShopTime) -> Response:
    answer, program = opened.invitation.answer, _program(opened)
    assert answer is not None, "it was recorded just now, or before"
    group = group_of(answer.score)
    words_lang, texts = _words(opened, language, settings)
    changeable = survey.can_change(opened.invitation, opened.survey, time.now)
    html = render_page(
        "survey_done.html",
        language,
        shop_name=settings.shop_name,
        words_lang=words_lang,
        thanks=texts.thanks[group],
        score=answer.score,
        points=points_for_answer(program, opened.survey.points),
        # Beside this very address, wherever the API has its root.
        change_url=link.token if changeable else None,
        change_until=_change_until(opened, time) if changeable else None,
        complaint_url=_complaint_url(link, time.now) if group is Group.DETRACTOR else None,
    )
    return page_response(html, language)


def _words(opened: OpenedInvitation, language: str, settings: Settings) -> tuple[str, Texts]:
    if opened.survey.survey_id == RECOVERY:
        return survey.recovery_words(opened.rules, language, settings.locale, translate)
    return survey.words(opened.survey, opened.locale, language, translate)


def _program(opened: OpenedInvitation) -> Program | None:
    """The loyalty programme, with which only the question whether a case was resolved well has nothing to do."""
    return program_versions.latest() if opened.survey.survey_id != RECOVERY else None


def _change_until(opened: OpenedInvitation, time: ShopTime) -> date:
    assert opened.invitation.answer is not None, "there is an answer to change"
    return time.day_of(
        min(survey.changeable_until(opened.invitation.answer, opened.survey), opened.invitation.expires_at)
    )


def _complaint_url(link: Link, now: datetime) -> str:
    return f"../{complaint_path(link.customer_id, link.epoch, link.until(Purpose.COMPLAINT, now))}"


def _invalid(request: Request, settings: Settings, refused: NotInvited) -> Response:
    return links.problem_page(settings, request.language(settings.locale, refused.members["locale"]), "invalid")


def _closed(settings: Settings, language: str) -> Response:
    html = render_page("survey_closed.html", language, shop_name=settings.shop_name, reason="answered")
    return page_response(html, language, 409)


handler = serve(
    NPS,
    {
        "GET /surveys/{token}": links.opened(Purpose.SURVEY, show),
        "POST /surveys/{token}": links.opened(Purpose.SURVEY, record),
    },
    links.refuse_form,
)
