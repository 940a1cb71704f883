"""GET /preferences → a customer's choices; POST → save them, pause, or leave. Only the POST changes anything."""

from typing import Final

from functions.customers.wiring import CUSTOMERS
from shared.cases.links import complaint_path
from shared.core import clock
from shared.core.errors import Invalid
from shared.core.locales import SOURCE_LANGUAGE
from shared.core.settings import Settings
from shared.customers import actions
from shared.customers.consent import ALL_TOPICS, Channel, Status, Topic, allows
from shared.customers.customer import PAUSE_CHOICES_DAYS, PREFERENCES_TEXT, Customer, Evidence, check_epoch
from shared.customers.store import profiles
from shared.edge import links
from shared.edge.http import Request, Response, serve
from shared.edge.links import Link
from shared.edge.pages import mask_email, page_response, render_page
from shared.edge.tokens import Purpose

_PAUSES: Final = {"": None, "0": 0, **{str(days): days for days in PAUSE_CHOICES_DAYS}}


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The preference centre of the link's customer."""
    customer = profiles.get(link.customer_id)
    if customer:
        check_epoch(customer, link.epoch)
    return _page(request, settings, customer, link, saved=False)


def save(request: Request, link: Link, settings: Settings) -> Response:
    """Save what the form says and show it again; the same form again changes nothing."""
    return _page(request, settings, _save(link, request, settings), link, saved=True)


def _save(link: Link, request: Request, settings: Settings) -> Customer | None:
    def evidence(customer: Customer) -> Evidence:
        language = request.language(settings.locale, customer.locale)
        text = PREFERENCES_TEXT if language == SOURCE_LANGUAGE else f"{PREFERENCES_TEXT}-{language}"
        return Evidence(source="preference centre", consent_text=text, ip=request.ip)

    fields = request.form()
    if fields.get("action") == "leave":
        return actions.leave(link.customer_id, link.epoch, ALL_TOPICS, clock.now(), evidence)
    pause = fields.get("pause", "")
    if fields.get("action") != "save" or pause not in _PAUSES:
        raise Invalid("the form was changed on its way; please open the link again")
    topics = {channel: [topic for topic in Topic if f"{channel}_{topic}" in fields] for channel in Channel}
    return actions.choose(link.customer_id, link.epoch, topics, _PAUSES[pause], clock.shop_time(), evidence)


def _page(request: Request, settings: Settings, customer: Customer | None, link: Link, *, saved: bool) -> Response:
    language = request.language(settings.locale, customer.locale if customer else None)
    if customer is None:
        return links.problem_page(settings, language, "invalid")
    time = clock.shop_time()
    choices = [
        {"topic": topic, "channels": {channel: allows(customer.consents, channel, topic) for channel in Channel}}
        for topic in Topic
    ]
    html = render_page(
        "preferences.html",
        language,
        shop_name=settings.shop_name,
        token=link.token,
        email_masked=mask_email(customer.email or ""),
        choices=choices,
        has_phone=customer.contact.phone is not None,
        paused_until=customer.paused_until if customer.paused_until and customer.paused_until > time.today else None,
        saved=saved,
        suppressed=_is_suppressed(customer),
        status=_overall_status(customer),
        complaint_url=complaint_path(customer.customer_id, customer.epoch, link.until(Purpose.COMPLAINT, time.now)),
    )
    return page_response(html, language)


def _is_suppressed(customer: Customer) -> bool:
    return any(consent.status is Status.SUPPRESSED for consent in customer.consents.values())


def _overall_status(customer: Customer) -> Status:
    statuses = {consent.status for consent in customer.consents.values()}
    return next((status for status in (Status.SUBSCRIBED, Status.PENDING) if status in statuses), Status.UNSUBSCRIBED)


handler = serve(
    CUSTOMERS,
    {
        "GET /preferences": links.opened(Purpose.PREFERENCES, show),
        "POST /preferences": links.opened(Purpose.PREFERENCES, save),
    },
    links.refuse_form,
)
