"""GET /preferences → a customer's choices; POST → save them, pause, or leave. Only the POST changes anything."""

from typing import Final

from shared.core import clock
from shared.core.errors import Invalid
from shared.core.locales import SOURCE_LANGUAGE
from shared.core.settings import Settings
from shared.customers import customer
from shared.customers.consent import ALL_TOPICS, Channel, Status, Topic, allows
from shared.customers.customer import PAUSE_CHOICES_DAYS, PREFERENCES_TEXT, Change, Customer, Evidence
from shared.customers.store import profiles as customers
from shared.edge import links
from shared.edge.http import Request, Response, serve
from shared.edge.links import Link
from shared.edge.pages import mask_email, page_response, render_page
from shared.edge.tokens import Purpose

_PAUSES: Final = {"": None, "0": 0, **{str(days): days for days in PAUSE_CHOICES_DAYS}}


def show(request: Request, link: Link, settings: Settings) -> Response:
    """The preference centre of the link's customer."""
    return _page(request, settings, customers.find(link.customer_id), link.token, saved=False)


def save(request: Request, link: Link, settings: Settings) -> Response:
    """Save what the form says and show it again; the same form again changes nothing."""
    found = customers.change(link.customer_id, lambda known: _decide(known, request, settings))
    return _page(request, settings, found, link.token, saved=True)


def _decide(known: Customer, request: Request, settings: Settings) -> Change:
    now, fields, language = clock.now(), request.form(), request.language(settings.locale, known.locale)
    text = PREFERENCES_TEXT if language == SOURCE_LANGUAGE else f"{PREFERENCES_TEXT}-{language}"
    evidence = Evidence(source="preference centre", consent_text=text, ip=request.ip)
    if fields.get("action") == "leave":
        return customer.leave(known, ALL_TOPICS, now, evidence)
    pause = fields.get("pause", "")
    if fields.get("action") != "save" or pause not in _PAUSES:
        raise Invalid("the form was changed on its way; please open the link again")
    # The page offers no choice on a suppressed address, and none on texts without a number.
    offered = {Channel.EMAIL: not _is_suppressed(known), Channel.SMS: known.contact.phone is not None}
    channels = [channel for channel in Channel if offered[channel]]
    wanted = {channel: [topic for topic in Topic if f"{channel}_{topic}" in fields] for channel in channels}
    today = now.astimezone(settings.zone).date()
    return customer.choose(known, wanted, _PAUSES[pause], now, today, evidence)


def _page(request: Request, settings: Settings, found: Customer | None, token: str, *, saved: bool) -> Response:
    language = request.language(settings.locale, found.locale if found else None)
    if found is None:
        return links.problem_page(settings, language, "invalid")
    today = clock.now().astimezone(settings.zone).date()
    choices = [
        {"topic": topic, "channels": {channel: allows(found.consents, channel, topic) for channel in Channel}}
        for topic in Topic
    ]
    html = render_page(
        "preferences.html",
        language,
        shop_name=settings.shop_name,
        token=token,
        email_masked=mask_email(found.email or ""),
        choices=choices,
        has_phone=found.contact.phone is not None,
        paused_until=found.paused_until if found.paused_until and found.paused_until > today else None,
        saved=saved,
        suppressed=_is_suppressed(found),
        status=_overall_status(found),
        complaint_url=links.complaint_path(found.customer_id, clock.now() + links.COMPLAINT_LINK),
    )
    return page_response(html, language)


def _is_suppressed(found: Customer) -> bool:
    return any(held.status is Status.SUPPRESSED for held in found.consents.values())


def _overall_status(found: Customer) -> Status:
    held = {consent.status for consent in found.consents.values()}
    return next((status for status in (Status.SUBSCRIBED, Status.PENDING) if status in held), Status.UNSUBSCRIBED)


handler = serve(
    {
        "GET /preferences": links.opened(Purpose.PREFERENCES, show),
        "POST /preferences": links.opened(Purpose.PREFERENCES, save),
    },
    links.refuse_form,
)
