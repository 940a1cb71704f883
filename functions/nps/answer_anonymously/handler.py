"""GET /feedback/{token} → a survey for people at a counter or with a receipt; POST → an anonymous answer."""

from uuid import uuid4

from functions.nps.wiring import NPS
from shared.core import clock
from shared.core.settings import Settings
from shared.edge import links, tokens
from shared.edge.http import Request, Response, plain_text, serve
from shared.edge.links import Link
from shared.edge.pages import page_response, render_page
from shared.edge.templates import translate
from shared.edge.tokens import Purpose
from shared.nps.actions import answering
from shared.nps.margin import Group, group_of
from shared.nps.store import definitions
from shared.nps.survey import COMMENT_MAX_LENGTH, Answer, Problem, Survey, read_answer, words


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The page. Its form carries an answer's id of its own, so that it counts once however often it is sent."""
    survey = _open_survey(link)
    return _page(request, settings, link, survey, "", None) if survey else _closed(request, settings, "ended")


def record(request: Request, link: Link, settings: Settings) -> Response:
    """Record an answer; a link alone, without the page's form, cannot."""
    survey = _open_survey(link)
    if survey is None:
        return _closed(request, settings, "ended")
    fields = request.form()
    text, comment = fields.get("score", ""), plain_text(fields.get("comment", ""))
    if "answer" not in link.claims:
        return _page(request, settings, link, survey, comment, "AGAIN")
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 10):
        return _page(request, settings, link, survey, comment, "SCORE")
    if len(comment) > COMMENT_MAX_LENGTH:
        return _page(request, settings, link, survey, comment, "COMMENT")
    time = clock.shop_time()
    answer = read_answer(int(text), comment, time.now)
    recorded = answering.answer_anonymously(survey, link.claims["place"], link.claims["answer"], answer, time)
    return _thanks(request, settings, survey, recorded) if recorded else _closed(request, settings, "full")


def _open_survey(link: Link) -> Survey | None:
    survey = definitions.get_survey(link.claims["survey"])
    return survey if survey and survey.enabled and survey.anonymous_per_day else None


def _page(
    request: Request, settings: Settings, link: Link, survey: Survey, comment: str, problem: Problem | None
) -> Response:
    language = request.language(settings.locale)
    words_lang, texts = words(survey, None, language, translate)
    claims = {"survey": survey.survey_id, "place": link.claims["place"], "answer": uuid4().hex}
    html = render_page(
        "survey.html",
        language,
        shop_name=settings.shop_name,
        words_lang=words_lang,
        token=tokens.sign(Purpose.FEEDBACK, claims, link.until(Purpose.FEEDBACK, clock.now())),
        question=texts.question,
        follow_ups={group.value: texts.follow_ups[group] for group in Group},
        score=None,
        comment=comment[:COMMENT_MAX_LENGTH],
        comment_max=COMMENT_MAX_LENGTH,
        amending=False,
        problem=problem,
        points=0,
        is_recovery=False,
        email_masked=None,
    )
    return page_response(html, language, 422 if problem else 200)


def _thanks(request: Request, settings: Settings, survey: Survey, answer: Answer) -> Response:
    language = request.language(settings.locale)
    words_lang, texts = words(survey, None, language, translate)
    group = group_of(answer.score)
    html = render_page(
        "survey_done.html",
        language,
        shop_name=settings.shop_name,
        words_lang=words_lang,
        # The survey's texts promise a detractor an answer.
        thanks=texts.thanks[group] if group is not Group.DETRACTOR else None,
        score=answer.score,
        points=0,
        change_url=None,
        change_until=None,
        complaint_url=None,
    )
    return page_response(html, language)


def _closed(request: Request, settings: Settings, reason: str) -> Response:
    language = request.language(settings.locale)
    html = render_page("survey_closed.html", language, shop_name=settings.shop_name, reason=reason)
    return page_response(html, language, 410 if reason == "ended" else 429)


handler = serve(
    NPS,
    {
        "GET /feedback/{token}": links.opened(Purpose.FEEDBACK, show),
        "POST /feedback/{token}": links.opened(Purpose.FEEDBACK, record),
    },
    links.refuse_form,
)
