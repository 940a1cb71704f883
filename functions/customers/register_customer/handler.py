"""POST /signups → a signup that waits for its confirmation, and the fact that leads to the mail."""

from uuid import uuid4

from pydantic import ValidationError

from functions.customers.wiring import CEILING_REACHED, CUSTOMERS
from shared.core import clock, environment, metrics
from shared.core.settings import Settings
from shared.customers import actions
from shared.customers.pacing import Limit
from shared.customers.payloads import SignupPayload
from shared.edge import links, pages
from shared.edge.http import Request, Response, problem, respond, see_other, serve, validation_errors


def sign_up(request: Request) -> Response:
    """The same answer for every address, known or not, asked too often or not, and for robots that fill in the trap."""
    settings = environment.settings()
    if request.is_form:
        return _sign_up_by_form(request, settings)
    payload = request.json(SignupPayload)
    if payload.redirect:
        return problem(422, "redirect: only an HTML form is sent on; leave it out of JSON")
    _register(payload, request)
    return respond(202, {"status": "PENDING"})


def _sign_up_by_form(request: Request, settings: Settings) -> Response:
    fields = request.form_fields()
    # A form also sends the names of its buttons, which mean nothing here; blank fields were not filled in.
    known: dict[str, object] = {
        name: value for name, value in fields if name in SignupPayload.model_fields and value.strip()
    }
    if "topics" in known:
        known["topics"] = [value for name, value in fields if name == "topics"]
    try:
        payload = SignupPayload.model_validate(known)
    except ValidationError as error:
        return _form_problem(settings, request.language(settings.locale), validation_errors(error) or [])
    language = request.language(settings.locale, payload.locale)
    if payload.redirect and not settings.allows_redirect(payload.redirect):
        refused = {"pointer": "/redirect", "type": "value_error", "detail": "is not an address this shop allows"}
        return _form_problem(settings, language, [refused])
    if payload.locale is None and language != settings.locale:
        # The best guess at the customer's language is the browser's: later mails are in it.
        payload = payload.model_copy(update={"locale": language})
    _register(payload, request)
    if payload.redirect:
        return see_other(payload.redirect)
    html = pages.render_page("check_mail.html", language, shop_name=settings.shop_name)
    return pages.page_response(html, language, 202)


def _form_problem(settings: Settings, language: str, errors: list[dict[str, str]]) -> Response:
    problems = [{**error, "field": error["pointer"].split("/")[1] if error["pointer"] else "form"} for error in errors]
    html = pages.render_page("form_problem.html", language, shop_name=settings.shop_name, problems=problems)
    return pages.page_response(html, language, 422)


def _register(payload: SignupPayload, request: Request) -> None:
    if payload.website:
        return
    signup = payload.to_signup(
        signup_id=uuid4().hex,
        now=clock.now(),
        ip=request.ip,
        user_agent=request.user_agent,
        form_url=request.referer,
    )
    limit = actions.sign_up(payload.email, signup, environment.settings().confirmations_per_day)
    if limit is Limit.DAY:
        metrics.count(CEILING_REACHED)


handler = serve(CUSTOMERS, {"POST /signups": sign_up}, links.refuse_form)
