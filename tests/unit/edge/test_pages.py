"""Pages: safe with hostile input, readable by everyone, and allowed to do only what they need."""

import re
from base64 import b64encode
from datetime import UTC, date, datetime
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from jinja2 import UndefinedError

from shared.core.locales import LANGUAGES
from shared.edge.pages import mask_email, page_response, render_page
from shared.edge.templates import FOLDERS, make_environment, source
from shared.loyalty.program import Bonus
from shared.loyalty.reward import Obstacle
from tests.unit.masked import Masked, masked

SHOP = "Mühle & Söhne"
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}</title></style>&"
CHOICES = [
    {"topic": "NEWS", "channels": {"EMAIL": True, "SMS": False}},
    {"topic": "OFFERS", "channels": {"EMAIL": False, "SMS": True}},
]
PREFERENCES: dict[str, Any] = {
    "complaint_url": "complaints?token=a.token",
    "shop_name": SHOP,
    "token": "a.token",
    "email_masked": "a•••@example.com",
    "choices": CHOICES,
    "has_phone": True,
    "paused_until": None,
    "saved": False,
    "suppressed": False,
    "status": "SUBSCRIBED",
}
REWARDS: list[dict[str, Any]] = [
    {
        "reward_id": "coffee",
        "name": "A bag of coffee",
        "description": "The roast of the month.",
        "cost": 500,
        "left": None,
        "obstacle": None,
    },
    {"reward_id": "tour", "name": "Tour & tasting", "description": None, "cost": 1200, "left": 3, "obstacle": None},
    {
        "reward_id": "mill",
        "name": "Hand mill",
        "description": "Steel, made to last.",
        "cost": 3000,
        "left": 12,
        "obstacle": {"kind": "POINTS", "missing": 1766},
    },
]
NEW_MEMBER: dict[str, Any] = {
    "shop_name": SHOP,
    "token": "a.token",
    "tier": "MEMBER",
    "active": 0,
    "pending": 0,
    "pending_until": None,
    "negative": 0,
    "next_tier": {"name": "SILVER", "missing": 1000, "earned": 0, "threshold": 1000},
    "tier_ends_on": None,
    "expiring": [],
    "expiring_soon": False,
    "rewards": [],
    "redemption_id": "redemption-7",
    "vouchers": [],
    "voucher": None,
    "problem": None,
    "history": [],
    "referral_code": None,
    "referral_friend_points": 100,
    "referral_points": 250,
    "preferences_url": "preferences?token=a.token",
    "complaint_url": "complaints?token=a.token",
}
POINTS: dict[str, Any] = {
    **NEW_MEMBER,
    "tier": "SILVER_PLUS",
    "active": 1234,
    "pending": 180,
    "pending_until": date(2026, 5, 12),
    "next_tier": {"name": "GOLD", "missing": 1800, "earned": 3200, "threshold": 5000},
    "tier_ends_on": date(2026, 12, 31),
    "expiring": [{"at": date(2026, 6, 30), "points": 300}, {"at": date(2026, 9, 30), "points": 1}],
    "expiring_soon": True,
    "rewards": REWARDS,
    "vouchers": [
        {"code": "K7QF-2MXR", "name": "A bag of coffee", "on": date(2026, 5, 2)},
        {"code": "P3HD-8WTN", "name": "Tour & tasting", "on": date(2026, 3, 14)},
    ],
    "history": [
        {"on": date(2026, 5, 2), "kind": "REWARD", "name": "A bag of coffee", "points": -1500},
        {"on": date(2026, 4, 28), "kind": "ORDER", "name": "R-7", "points": 1180},
        {"on": date(2026, 4, 1), "kind": "ADJUSTED", "points": 0},
    ],
    "referral_code": "ADA-7XQ2",
}
SURVEY: dict[str, Any] = {
    "shop_name": SHOP,
    "token": "a.token",
    "words_lang": "en",
    "is_recovery": False,
    "question": "How likely are you to recommend us to a friend?",
    "follow_ups": {
        "PROMOTER": "What do you like best?",
        "PASSIVE": "What would make it a ten?",
        "DETRACTOR": "What went wrong?",
    },
    "score": None,
    "comment": "",
    "comment_max": 1000,
    "amending": False,
    "problem": None,
    "points": 0,
    "email_masked": "a•••@example.com",
}
CHOSEN = {**SURVEY, "score": 9, "points": 20}
ANSWERED: dict[str, Any] = {
    "shop_name": SHOP,
    "words_lang": "en",
    "thanks": "Thank you for your time.",
    "score": 8,
    "points": 0,
    "change_url": None,
    "change_until": None,
    "complaint_url": None,
}
COMPLAINT: dict[str, Any] = {
    "shop_name": SHOP,
    "token": "a.token",
    "text": "",
    "text_max": 2000,
    "problem": None,
    "email_masked": "a•••@example.com",
}
CONFIRM: dict[str, Any] = {
    "shop_name": SHOP,
    "token": "a.token",
    "shown": "0f1e2d",
    "changed": False,
    "email_masked": "a•••@example.com",
    "contact": {
        "name": "Ada Lovelace",
        "phone": "+44 20 7946 0000",
        "birthday": date(1990, 12, 10),
        "locale": "en-GB",
        "time_zone": "Europe/London",
    },
    "topics": ["NEWS", "OFFERS", "SURVEYS"],
    "referral_code": "K7QM2XWA",
}
# Each page in each of its states; a new template has to be entered here.
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "confirm": ("confirm.html", CONFIRM),
    "confirm the least": (
        "confirm.html",
        {**CONFIRM, "contact": dict.fromkeys(CONFIRM["contact"]), "topics": ["NEWS"], "referral_code": None},
    ),
    "confirm again": ("confirm.html", {**CONFIRM, "changed": True}),
    "confirmed": ("confirmed.html", {"shop_name": SHOP, "preferences_url": "../preferences?token=a.token"}),
    "check mail": ("check_mail.html", {"shop_name": SHOP}),
    "form problem": (
        "form_problem.html",
        {
            "shop_name": SHOP,
            "problems": [
                {"field": "email", "type": "value_error", "detail": "this is not an e-mail address"},
                {"field": "shoe_size", "type": "string_too_long", "detail": "at most 3"},
            ],
        },
    ),
    "link expired": ("link_problem.html", {"shop_name": SHOP, "reason": "expired"}),
    "link invalid": ("link_problem.html", {"shop_name": SHOP, "reason": "invalid"}),
    "link replaced": ("link_problem.html", {"shop_name": SHOP, "reason": "replaced"}),
    "link revoked": ("link_problem.html", {"shop_name": SHOP, "reason": "revoked"}),
    "link closed": ("link_problem.html", {"shop_name": SHOP, "reason": "closed"}),
    "points": ("points.html", POINTS),
    "points of a new member": ("points.html", NEW_MEMBER),
    "points redeemed": (
        "points.html",
        {**POINTS, "voucher": {"code": "K7QF-2MXR", "name": "A bag of coffee"}, "expiring": POINTS["expiring"][:1]},
    ),
    "points refused": (
        "points.html",
        {**POINTS, "problem": {"kind": "OUT_OF_STOCK", "name": "A bag of coffee"}, "vouchers": []},
    ),
    "points owed": (
        "points.html",
        {**POINTS, "active": 0, "negative": 1080, "pending_until": None, "expiring": [], "tier_ends_on": None},
    ),
    "points that last": ("points.html", {**POINTS, "expiring_soon": False}),
    "points at the top": ("points.html", {**POINTS, "tier": "PLATINUM", "next_tier": None}),
    "preferences": ("preferences.html", PREFERENCES),
    "preferences saved": ("preferences.html", {**PREFERENCES, "saved": True, "paused_until": date(2026, 5, 3)}),
    "preferences left": ("preferences.html", {**PREFERENCES, "saved": True, "status": "UNSUBSCRIBED"}),
    "preferences pending": ("preferences.html", {**PREFERENCES, "status": "PENDING", "has_phone": False}),
    "preferences suppressed": ("preferences.html", {**PREFERENCES, "suppressed": True, "status": "SUPPRESSED"}),
    "survey": ("survey.html", SURVEY),
    "survey chosen": ("survey.html", CHOSEN),
    "survey whether it helped": ("survey.html", {**SURVEY, "is_recovery": True}),
    "survey anonymous": ("survey.html", {**SURVEY, "email_masked": None}),
    "survey refused": (
        "survey.html",
        {**CHOSEN, "comment": "Warm bread,\nkind people.", "problem": "COMMENT"},
    ),
    "survey amended": (
        "survey.html",
        {**SURVEY, "score": 3, "comment": "Cold bread.", "amending": True, "points": 20},
    ),
    "answer taken": ("survey_done.html", ANSWERED),
    "answer of a promoter": (
        "survey_done.html",
        {**ANSWERED, "score": 10, "points": 1200},
    ),
    "answer of a detractor": (
        "survey_done.html",
        {
            **ANSWERED,
            "score": 0,
            "points": 1,
            "change_url": "survey?token=a.token",
            "change_until": date(2026, 5, 3),
            "complaint_url": "complaint?token=c.token",
        },
    ),
    "closed: answered": ("survey_closed.html", {"shop_name": SHOP, "reason": "answered"}),
    "closed: full": ("survey_closed.html", {"shop_name": SHOP, "reason": "full"}),
    "closed: ended": ("survey_closed.html", {"shop_name": SHOP, "reason": "ended"}),
    "complaint": ("complaint.html", COMPLAINT),
    "complaint refused": (
        "complaint.html",
        {**COMPLAINT, "text": "The bread was <cold>.\nTwice.", "problem": "EMPTY"},
    ),
    "message taken": (
        "complaint_done.html",
        {
            "shop_name": SHOP,
            "case_id": "K7QF-2MXR",
            "due_at": datetime(2026, 5, 6, 17, 30, tzinfo=UTC),
            "receipt_to": "a•••@example.com",
        },
    ),
    "unsubscribe": (
        "unsubscribe.html",
        {"shop_name": SHOP, "token": "a.token", "topic": None, "email_masked": "a•••@example.com"},
    ),
    "unsubscribe topic": (
        "unsubscribe.html",
        {"shop_name": SHOP, "token": "a.token", "topic": "OFFERS", "email_masked": "a•••@example.com"},
    ),
    "unsubscribed": ("unsubscribed.html", {"shop_name": SHOP}),
}
FORMS = [
    name
    for name in PAGES
    if name.startswith(("complaint", "confirm", "points", "preferences", "survey", "unsubscribe"))
]
FORMS.remove("confirmed")
FORMS.remove("unsubscribed")
FORMS.remove("points of a new member")  # nothing to choose from yet
CODES = {"reason", "status", "topic", "topics", "kind", "type"}  # the program's own words, never anybody's input

every_page = pytest.mark.parametrize("page", PAGES)
every_form = pytest.mark.parametrize("page", FORMS)


class Elements(HTMLParser):
    """The start tags of a page in order, and its text by the tag that holds it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.tags[-1][0] if self.tags else "", data.strip()))

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]

    @property
    def text(self) -> str:
        return " ".join(text for tag, text in self.texts if tag not in ("style", "script"))


def elements(page: str, **changes: object) -> Elements:
    return Elements(page_html(page, **changes))


def poisoned(value: Any) -> Any:
    """`value` with hostile text in place of every string in it."""
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, dict):
        return {key: item if key in CODES else poisoned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [poisoned(item) for item in value]
    return value


def test_every_template_is_among_the_tested_pages() -> None:
    parts = {"base.html", "marks.html", "words.html"}
    assert {path.name for folder in FOLDERS for path in folder.glob("*.html")} - parts == {
        template for template, _ in PAGES.values()
    }


@every_page
def test_hostile_input_adds_no_element_and_no_attribute(page: str) -> None:
    template, context = PAGES[page]
    html = render_page(template, "en", **poisoned(context))
    calm = elements(page)
    assert [(tag, sorted(names)) for tag, names in Elements(html).tags] == [
        (tag, sorted(names)) for tag, names in calm.tags
    ]
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "49" not in Elements(html).text


@every_page
def test_a_page_has_a_language_a_title_one_heading_and_fits_a_phone(page: str) -> None:
    parsed = elements(page)
    assert parsed.tags[0] == ("html", {"lang": "en"})
    assert any(text.endswith(f"– {SHOP}") for tag, text in parsed.texts if tag == "title")
    assert len(parsed.all("h1")) == 1
    assert len(parsed.all("main")) == 1
    viewport = [meta["content"] for meta in parsed.all("meta") if meta.get("name") == "viewport"]
    assert viewport == ["width=device-width, initial-scale=1"]


@every_page
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_has_the_same_elements_in_every_language(page: str, language: str) -> None:
    template, context = PAGES[page]
    html = render_page(template, language, **context)
    assert Elements(html).tags[0] == ("html", {"lang": language})

    def shape(parsed: Elements) -> list[str]:
        # A sentence may need its parts in another order.
        return sorted(f"{tag} {sorted(attributes.items(), key=str)}" for tag, attributes in parsed.tags[1:])

    assert shape(Elements(html)) == shape(elements(page))
    for tag in ("form", "input", "button", "textarea", "select", "option"):
        assert [field.get("name") for field in Elements(html).all(tag)] == [
            field.get("name") for field in elements(page).all(tag)
        ]


@every_page
def test_every_word_of_a_page_comes_from_a_catalog_or_from_its_caller(page: str) -> None:
    template, context = PAGES[page]
    html = make_environment("xx", Masked()).get_template(template).render(masked(context, CODES))
    parsed = Elements(html)
    assert re.findall("[A-Za-z]+", parsed.text) == []
    for _, attributes in parsed.tags:
        for name in ("aria-label", "title", "placeholder", "alt"):
            assert re.findall("[A-Za-z]+", attributes.get(name) or "") == []


def test_a_german_page_counts_dates_and_sorts_words_as_germans_do() -> None:
    def text(page: str, **changes: object) -> str:
        template, context = PAGES[page]
        return re.sub(" ([.,])", r"\1", Elements(render_page(template, "de", **{**context, **changes})).text)

    assert "1.234 Punkte zum Einlösen Ihre Stufe Silver Plus" in text("points")
    assert "1 Punkt zum Einlösen" in text("points", active=1)
    assert "300 Punkte verfallen bald. Sie können sie noch bis zum 30. Juni 2026 einlösen." in text("points")
    single = [{"at": date(2026, 3, 1), "points": 1}]
    assert "1 Punkt verfällt bald. Sie können ihn noch bis zum 1. März 2026 einlösen." in text(
        "points", expiring=single
    )
    assert "Noch 1.766 Punkte nötig." in text("points")
    assert "Keine Angebote mehr von uns?" in text("unsubscribe topic")
    assert "keine Neuigkeiten, Angebote oder Umfragen mehr an" in text("unsubscribe")
    assert "0 – Sehr unwahrscheinlich" in text("survey")
    assert "Bis zum 3. Mai 2026 können Sie Ihre Antwort ändern." in text("answer of a detractor")
    assert "Sie hören spätestens am 6. Mai 2026, 17:30 Uhr von uns." in text("message taken")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("obstacle", [{"kind": kind, "tier": "GOLD", "limit": 2} for kind in Obstacle])
def test_what_keeps_from_a_reward_is_said_in_words(obstacle: dict[str, Any], language: str) -> None:
    context = {**POINTS, "rewards": [{**REWARDS[0], "obstacle": {**obstacle, "name": "Tea"}}]}
    html = render_page("points.html", language, **context)
    (said,) = re.findall('<p class="obstacle">(.*?)</p>', html)
    assert said.endswith(".")
    assert ("Gold" if obstacle["kind"] == "TIER" else "Tea") in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_problem_and_of_history_is_said_in_words(language: str) -> None:
    for kind in ("FORM", "CANCELLED", "UNKNOWN", "POINTS", *Obstacle):
        problem = {"kind": kind, "name": "Tea", "tier": "GOLD", "limit": 1, "missing": 1}
        html = render_page("points.html", language, **{**POINTS, "problem": problem})
        assert re.search(r"autofocus>\w[^<]+\.</p>", html), kind
    kinds = ("EARLIER_REFUND", "REFERRAL_TAKEN_BACK", "CANCELLED", "EXPIRED", "ADJUSTED", "ORDER", "REFUND", "REWARD")
    for kind in (*kinds, *Bonus):
        history = [{"on": date(2026, 5, 2), "points": 5, "kind": kind, "name": "R-7"}]
        html = render_page("points.html", language, **{**POINTS, "history": history})
        assert re.search(r'<th scope="row">\w[^<]+<', html), kind


@every_page
def test_a_page_loads_nothing_and_has_no_inline_style_or_handler(page: str) -> None:
    for tag, attributes in elements(page).tags:
        assert tag not in ("link", "img", "iframe", "base", "object")
        assert not [name for name in attributes if name in ("src", "style") or name.startswith("on")]
    assert "url(" not in source("page.css")
    assert "@import" not in source("page.css")


@every_page
def test_every_control_has_a_label_and_every_reference_its_target(page: str) -> None:
    parsed = elements(page)
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    bound = {label["for"] for label in parsed.all("label")}
    controls = [c for c in parsed.all("input", "select", "textarea") if c.get("type") != "hidden"]
    assert {control["id"] for control in controls} == bound
    for _, attributes in parsed.tags:
        for reference in ("aria-describedby", "aria-labelledby"):
            if reference in attributes:
                assert set(str(attributes[reference]).split()) <= set(ids)


@every_form
def test_a_form_posts_its_token_back_to_the_address_of_its_page(page: str) -> None:
    parsed = elements(page)
    forms = parsed.all("form")
    assert forms
    assert all(form.get("method") == "post" and "action" not in form for form in forms)
    tokens = [field["value"] for field in parsed.all("input") if field.get("name") == "token"]
    assert tokens == ["a.token"] * len(forms)


@every_page
def test_the_content_policy_allows_the_styles_of_the_page_and_no_script(page: str) -> None:
    template, context = PAGES[page]
    html = render_page(template, "en", **context)
    policy = policy_of(html)
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == " ".join(hashes_of("style", html))
    assert "script-src" not in policy
    assert "<script" not in html
    assert policy["form-action"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"


def test_a_page_is_answered_as_html_that_nobody_keeps_frames_or_lists() -> None:
    response = page_response("<p>Grüße</p>", "de", 410)
    assert (response["statusCode"], response["body"], response["isBase64Encoded"]) == (410, "<p>Grüße</p>", False)
    headers = response["headers"]
    assert isinstance(headers, dict)
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-language"] == "de"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"] == "noindex"


def test_a_value_that_the_caller_forgot_is_an_error_and_not_a_gap_in_the_page() -> None:
    with pytest.raises(UndefinedError, match="preferences_url"):
        render_page("confirmed.html", "en", shop_name=SHOP)


def test_the_preference_centre_ticks_what_is_subscribed() -> None:
    boxes = {b["name"]: "checked" in b for b in elements("preferences").all("input") if b.get("type") == "checkbox"}
    assert boxes == {"EMAIL_NEWS": True, "SMS_NEWS": False, "EMAIL_OFFERS": False, "SMS_OFFERS": True}


def test_without_a_phone_number_there_are_no_text_message_choices() -> None:
    names = {box["name"] for box in elements("preferences", has_phone=False).all("input")}
    assert names == {"token", "EMAIL_NEWS", "EMAIL_OFFERS"}


def test_a_suppressed_address_cannot_be_ticked_but_text_messages_can() -> None:
    boxes = [box for box in elements("preferences suppressed").all("input") if box.get("type") == "checkbox"]
    assert {box["name"] for box in boxes if "disabled" in box} == {"EMAIL_NEWS", "EMAIL_OFFERS"}
    assert {box["name"] for box in boxes if "checked" in box} == {"SMS_OFFERS"}


@pytest.mark.parametrize(
    ("paused_until", "values"), [(None, ["", "30", "90"]), (date(2026, 5, 3), ["", "0", "30", "90"])]
)
def test_a_pause_can_be_ended_only_while_it_lasts(paused_until: date | None, values: list[str]) -> None:
    parsed = elements("preferences", paused_until=paused_until)
    assert [option["value"] for option in parsed.all("option")] == values
    assert ("3 May 2026" in parsed.text) == bool(paused_until)


def test_saving_and_leaving_are_separate_forms_and_each_is_answered_in_words() -> None:
    assert [(b["name"], b["value"]) for b in elements("preferences").all("button")] == [
        ("action", "save"),
        ("action", "leave"),
    ]
    assert not [tag for tag, attributes in elements("preferences").tags if attributes.get("role") == "status"]
    for page, words in (("preferences saved", "your choices are saved"), ("preferences left", "unsubscribed from")):
        parsed = elements(page)
        assert [a["role"] for _, a in parsed.tags if "autofocus" in a] == ["status"]
        assert words in parsed.text
        assert parsed.texts[0][1].startswith("Saved: ")


def test_a_reward_can_be_taken_unless_something_is_in_the_way() -> None:
    cards = part("points", "rewards").split("<li")[1:]
    assert ["<form" in card for card in cards] == ["<button" in card for card in cards] == [True, True, False]
    assert "1,766 more points needed." in cards[2]
    assert "3,000 points" in cards[2]
    assert "reward_id" not in cards[2]
    nothing_missing = [{**reward, "obstacle": None} for reward in REWARDS]
    assert [b["value"] for b in elements("points", rewards=nothing_missing).all("button")] == ["coffee", "tour", "mill"]


def test_each_reward_is_a_form_that_states_its_cost() -> None:
    forms = re.findall(r"<form.*?</form>", page_html("points"), re.DOTALL)
    assert [sent_by(form) for form in forms] == [
        {"token": "a.token", "redemption_id": "redemption-7", "reward_id": "coffee"},
        {"token": "a.token", "redemption_id": "redemption-7", "reward_id": "tour"},
    ]


def test_the_button_of_a_reward_says_which_reward_it_is_for() -> None:
    names = re.findall(r"<button[^>]*>(.*?)</button>", page_html("points"), re.DOTALL)
    assert [re.sub("<[^>]*>", "", name) for name in names] == [
        "Get it for 500 points: A bag of coffee",
        "Get it for 1,200 points: Tour &amp; tasting",
    ]


@pytest.mark.parametrize(("left", "words"), [(None, None), (0, "0 left"), (1, "1 left"), (1500, "1,500 left")])
def test_how_many_are_left_is_said_only_where_there_is_a_limit(left: int | None, words: str | None) -> None:
    text = elements("points", rewards=[{**REWARDS[0], "left": left}]).text
    assert re.findall(r"[\d,]+ left", text) == ([words] if words else [])


def test_the_way_to_the_next_tier_is_a_meter_and_a_sentence() -> None:
    parsed = elements("points")
    (bar,) = parsed.all("progress")
    assert (bar["value"], bar["max"]) == ("3200", "5000")
    assert text_of("points", bar["aria-labelledby"]) == "On your way to Gold"
    assert text_of("points", bar["aria-describedby"]) == ("3,200 of 5,000 points earned. 1,800 more, and you are Gold.")


def test_at_the_top_there_is_nothing_to_measure() -> None:
    parsed = elements("points at the top")
    assert not parsed.all("progress")
    assert "Platinum is the highest tier" in parsed.text


def test_points_that_come_and_go_have_their_sign() -> None:
    rows = re.findall(r"<tr>(.*?)</tr>", part("points", "history"), re.DOTALL)[1:]
    assert [re.sub("<[^>]*>", "", row) for row in rows] == [
        "A bag of coffee, 2 May 2026−1,500",
        "Order R-7, 28 April 2026+1,180",
        "Adjusted by us, 1 April 20260",
    ]


@pytest.mark.parametrize("negative", [1080, -1080])
def test_a_debt_has_its_sign_whichever_way_it_is_handed_over(negative: int) -> None:
    assert "−1,080 points: something was returned" in elements("points owed", negative=negative).text
    assert "was returned" not in elements("points").text


def test_the_page_shows_balance_tier_and_pending_points() -> None:
    text = elements("points").text
    assert "1,234 points to spend Your tier Silver Plus +180 points on the way, the first of them from" in text
    assert "1 point to spend" in elements("points", active=1).text
    assert "on the way" not in elements("points", pending=0, pending_until=None).text


def test_what_expires_first_is_a_notice_and_a_list_follows_only_where_there_is_more() -> None:
    first = "300 points will expire soon. The last day to use them is 30 June 2026"
    assert first in elements("points").text
    assert first in elements("points redeemed").text
    assert "All last days to come: 30 June 2026 : 300 points 30 September 2026 : 1 point" in elements("points").text
    assert "All last days" not in elements("points redeemed").text
    assert "expire" not in elements("points of a new member").text


def test_a_tier_that_ends_is_announced() -> None:
    assert "Your Silver Plus tier ends on 31 December 2026" in elements("points").text
    assert "tier ends" not in elements("points owed").text


@pytest.mark.parametrize(
    ("page", "role", "words", "title"),
    [
        ("points redeemed", "status", "This is your code for A bag of coffee: K7QF-2MXR", "Done: your points"),
        ("points refused", "alert", "A bag of coffee is out of stock.", "Problem: your points"),
    ],
)
def test_the_answer_to_a_choice_comes_first_and_has_the_focus(page: str, role: str, words: str, title: str) -> None:
    parsed = elements(page)
    assert [attributes["role"] for _, attributes in parsed.tags if "autofocus" in attributes] == [role]
    assert words in parsed.text
    assert parsed.text.index(words) < parsed.text.index("points to spend")
    assert parsed.texts[0][1].startswith(title)
    assert not [1 for _, attributes in elements("points").tags if attributes.get("role") in ("status", "alert")]


def test_vouchers_are_shown_with_their_codes_newest_first() -> None:
    codes = re.findall(r'<code class="code">(.*?)</code>', part("points", "vouchers"))
    assert codes == ["K7QF-2MXR", "P3HD-8WTN"]
    assert "Your vouchers" not in elements("points of a new member").text


def test_a_friend_can_be_brought_only_with_a_code() -> None:
    text = elements("points").text
    assert "ADA-7XQ2" in text
    assert "your friend gets 100 points, and you get 250 points." in text
    assert "friend" not in elements("points", referral_code=None).text


@pytest.mark.parametrize("field", ["reward_id", "name", "description"])
def test_hostile_words_of_a_reward_stay_words(field: str) -> None:
    html = page_html("points", rewards=[{**REWARDS[0], field: HOSTILE}])
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("&#34;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") == {"name": 2}.get(field, 1)


@pytest.mark.parametrize("score", [None, *range(11)])
@pytest.mark.parametrize("amending", [False, True])
def test_a_survey_asks_for_one_of_eleven_scores_and_shows_the_one_that_is_chosen(
    score: int | None, amending: bool
) -> None:
    parsed = elements("survey", score=score, amending=amending)
    radios = [field for field in parsed.all("input") if field.get("type") == "radio"]
    assert [radio["value"] for radio in radios] == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
    assert [radio["value"] for radio in radios if "checked" in radio] == ([] if score is None else [str(score)])
    assert all(radio["name"] == "score" and "required" in radio for radio in radios)


def test_each_score_says_its_number_and_the_question_is_asked_of_all_of_them() -> None:
    html = page_html("survey")
    labels = re.findall(r'<label class="score" for="(score-\d+)">(.*?)</label>', html, re.DOTALL)
    assert [(name, re.sub("<[^>]*>", "", label)) for name, label in labels] == [
        (f"score-{n}", str(n)) for n in range(11)
    ]
    assert all(f' id="{name}" name="score" value="{name.removeprefix("score-")}"' in label for name, label in labels)
    (group,) = re.findall(r"<fieldset.*?</fieldset>", html, re.DOTALL)
    assert '<legend lang="en">How likely are you to recommend us to a friend?</legend>' in group
    assert group.count('<label class="score"') == 11
    (fieldset,) = Elements(group).all("fieldset")
    assert f'id="{fieldset["aria-describedby"]}"' in group
    assert Elements(group).text.endswith("0 – Not at all likely , 10 – Extremely likely")


def test_the_comment_is_asked_for_in_the_words_for_the_chosen_score() -> None:
    parsed = elements("survey chosen")
    groups = {field["value"]: field["data-group"] for field in parsed.all("input") if field.get("type") == "radio"}
    assert groups == {
        **{str(score): "DETRACTOR" for score in range(7)},
        **{str(score): "PASSIVE" for score in (7, 8)},
        **{str(score): "PROMOTER" for score in (9, 10)},
    }
    hints = re.findall(r'<p data-group="([A-Z]+)" lang="en">(.*?)</p>', page_html("survey chosen"))
    assert dict(hints) == SURVEY["follow_ups"]
    assert len(hints) == 3
    css = source("page.css")
    assert re.search(r"\.follow-up p \{[^}]*display: none;", css)
    for group in SURVEY["follow_ups"]:
        rule = (
            f'\\.survey:has\\(\\.scores \\[data-group="{group}"\\]:checked\\) \\.follow-up \\[data-group="{group}"\\]'
            r"[^{}]*\{ display: block; \}"
        )
        assert re.search(rule, css)


def test_the_comments_label_fits_any_score_and_the_follow_up_describes_it() -> None:
    html = page_html("survey chosen")
    assert '<label class="neutral" for="comment">What is the main reason for your score?</label>' in html
    (field,) = Elements(html).all("textarea")
    assert (field["id"], field["name"], field["maxlength"]) == ("comment", "comment", "1000")
    assert "required" not in field
    # A hidden element that is referred to by itself is read out all the same; inside a visible one it is not.
    described_by = str(field["aria-describedby"]).split()
    (hints,) = re.findall(f'<div class="follow-up" id="{described_by[0]}">(.*?)</div>', html, re.DOTALL)
    assert hints.count("<p ") == 3
    assert f'id="{described_by[1]}"' in html


@pytest.mark.parametrize("group", ["PROMOTER", "PASSIVE", "DETRACTOR"])
def test_hostile_words_of_a_follow_up_stay_words(group: str) -> None:
    html = page_html("survey", follow_ups={**SURVEY["follow_ups"], group: HOSTILE})
    assert f'<p data-group="{group}" lang="en">&#34;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;' in html
    assert html.count("&lt;script&gt;") == 1
    assert "<script" not in html


@pytest.mark.parametrize(("page", "field"), [("survey", "comment"), ("complaint", "text")])
@pytest.mark.parametrize(
    "typed", ["", "Cold.\nTwice, & <never> again.", "\n\nTwo lines down.", "</textarea>" + HOSTILE]
)
def test_what_was_typed_is_still_there_and_nothing_but_text(page: str, field: str, typed: str) -> None:
    html = page_html(page, **{field: typed, "problem": "AGAIN"})
    (inside,) = re.findall(r"<textarea[^>]*>(.*?)</textarea>", html, re.DOTALL)
    # A browser leaves out the first line break in a text area.
    assert inside[0] == "\n"
    assert unescape(inside[1:]) == typed
    assert "<" not in inside
    assert "<script" not in html


@pytest.mark.parametrize(
    ("page", "words", "title"),
    [
        ("survey refused", "Please say it in at most 1,000 characters.", "Problem: your answer"),
        ("complaint refused", "Please tell us what happened.", "Problem: tell us what went wrong"),
    ],
)
def test_a_problem_comes_first_and_has_the_focus(page: str, words: str, title: str) -> None:
    parsed = elements(page)
    assert [attributes["role"] for _, attributes in parsed.tags if "autofocus" in attributes] == ["alert"]
    assert words in parsed.text
    assert parsed.text.index(words) < parsed.text.index(next(text for tag, text in parsed.texts if tag == "h1"))
    assert parsed.texts[0][1].startswith(title)
    assert not [1 for _, attributes in elements(page.split()[0]).tags if attributes.get("role") == "alert"]


def test_a_first_answer_is_sent_and_a_second_one_changes_it() -> None:
    assert ("button", "Send my answer") in elements("survey chosen").texts
    assert ("button", "Change my answer") in elements("survey amended").texts
    for page in ("survey", "survey amended"):
        assert len(elements(page).all("button")) == 1


def test_points_for_an_answer_are_named_once_where_there_are_any() -> None:
    assert "you get 20 points for your answer, whatever it is." in elements("survey chosen").text
    assert "you get 1 point for your answer" in elements("survey", points=1).text
    for page in ("survey", "survey amended"):
        assert "point" not in elements(page).text
    assert "1,200 points are yours for it." in elements("answer of a promoter").text
    assert "1 point is yours for it." in elements("answer of a detractor").text
    assert "point" not in elements("answer taken").text


def test_a_survey_says_whose_answer_it_takes() -> None:
    assert "a•••@example.com" in elements("survey").text
    anonymous = elements("survey anonymous").text
    assert "does not ask who you are" in anonymous
    assert "None" not in anonymous
    assert "who you are" not in elements("survey").text


@pytest.mark.parametrize(
    ("page", "links"),
    [
        ("answer taken", {}),
        ("answer of a promoter", {}),
        (
            "answer of a detractor",
            {
                "change your answer": "survey?token=a.token",
                "Tell us more, we will get back to you": "complaint?token=c.token",
            },
        ),
    ],
)
def test_what_may_follow_an_answer_depends_on_it(page: str, links: dict[str, str]) -> None:
    html = page_html(page)
    assert {words: url for url, words in re.findall(r'<a [^>]*href="(.*?)">(.*?)</a>', html)} == links
    assert html.count("<a ") == len(links)
    assert "Thank you for your time." in Elements(html).text


@pytest.mark.parametrize("score", [0, 8, 10])
def test_the_page_shows_the_score_that_was_recorded(score: int) -> None:
    assert f"You gave us {score} out of 10 ." in elements("answer taken", score=score).text


def test_the_page_says_how_long_an_answer_may_be_changed() -> None:
    assert "until 3 May 2026" in elements("answer of a detractor").text
    assert "until" not in elements("answer of a detractor", change_until=None).text
    assert "change" not in elements("answer taken").text


def test_a_closed_survey_says_why_and_asks_for_nothing() -> None:
    headings = {}
    for page in ("closed: answered", "closed: full", "closed: ended"):
        parsed = elements(page)
        assert not parsed.all("form", "input", "button")
        (headings[page],) = (text for tag, text in parsed.texts if tag == "h1")
    assert headings == {
        "closed: answered": "You have answered already",
        "closed: full": "Please come back tomorrow",
        "closed: ended": "This survey has ended",
    }


def test_a_complaint_needs_words_and_says_how_many_there_may_be() -> None:
    (field,) = elements("complaint").all("textarea")
    assert (field["name"], field["maxlength"], "required" in field) == ("text", "2000", True)
    text = elements("complaint").text
    assert "Up to 2,000 characters." in text
    assert "a•••@example.com" in text


def test_a_complaint_is_answered_with_a_number_a_time_and_where_the_receipt_goes() -> None:
    html = page_html("message taken")
    assert '<code class="code">K7QF-2MXR</code>' in html
    assert "<strong>6 May 2026, 17:30</strong>" in html
    assert "A receipt with your message is on its way to" in html
    template, context = PAGES["message taken"]
    assert "receipt" not in render_page(template, "en", **{**context, "receipt_to": None})


def test_a_form_problem_names_the_field_as_the_form_does() -> None:
    text = elements("form problem").text
    assert "E-mail address this is not an e-mail address" in text
    assert "Shoe size Please keep this shorter." in text


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("ada.lovelace@example.com", "a•••@example.com"),
        ("a@example.com", "a•••@example.com"),
        ('"odd@local"@example.com', '"•••@example.com'),
        ("not an address", "•••"),
        ("@example.com", "•••"),
        ("", "•••"),
    ],
)
def test_a_masked_address_shows_its_first_letter_and_its_domain(address: str, masked: str) -> None:
    assert mask_email(address) == masked


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "ratio"),
    [
        ("ink", "surface", 7.0),
        ("ink", "page", 7.0),
        ("ink", "tint", 7.0),
        ("ink", "bad-tint", 7.0),
        ("muted", "surface", 4.5),
        ("muted", "page", 4.5),
        ("accent", "surface", 4.5),
        ("accent-strong", "surface", 4.5),
        ("on-accent", "accent", 4.5),
        ("on-accent", "accent-strong", 4.5),
        ("good", "good-tint", 4.5),
        ("bad", "surface", 4.5),
        ("bad", "page", 4.5),
        ("bad", "bad-tint", 4.5),
        ("ink", "glow", 7.0),
        ("ink", "good-tint", 7.0),
        ("ink", "on-accent", 7.0),
        ("muted", "tint", 4.5),
        ("good", "surface", 4.5),
        ("accent", "line", 3.0),
        ("control", "surface", 3.0),
    ],
)
def test_colours_have_the_contrast_that_wcag_aa_wants(scheme: str, ink: str, ground: str, ratio: float) -> None:
    light, dark = source("page.css").split("@media (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        colours |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))
    darker, lighter = sorted((luminance(colours[ink]), luminance(colours[ground])))
    assert (lighter + 0.05) / (darker + 0.05) >= ratio


def test_headings_do_not_skip_a_level() -> None:
    for page in PAGES:
        levels = [1, *(int(tag[1]) for tag, _ in elements(page).tags if re.fullmatch(r"h[1-6]", tag))]
        assert all(after - before <= 1 for before, after in pairwise(levels))


def page_html(page: str, **changes: object) -> str:
    template, context = PAGES[page]
    return render_page(template, "en", **{**context, **changes})


def part(page: str, name: str) -> str:
    """The section of `page` that its heading, with the id `name`, is the label of."""
    (inner,) = re.findall(f'<section [^>]*aria-labelledby="{name}">(.*?)</section>', page_html(page), re.DOTALL)
    return str(inner)


def text_of(page: str, name: str | None) -> str:
    """What the element with the id `name` says; it holds nothing but text."""
    (inner,) = re.findall(f' id="{name}">([^<]*)<', page_html(page))
    return str(inner)


def sent_by(form: str) -> dict[str | None, str | None]:
    """What a form of hidden fields and one button sends when that is pressed."""
    return {field["name"]: field["value"] for field in Elements(form).all("input", "button")}


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2 of `#rrggbb`."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def policy_of(html: str) -> dict[str, str]:
    headers = page_response(html, "en")["headers"]
    assert isinstance(headers, dict)
    directives: list[str] = headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (directive.partition(" ") for directive in directives)}


def hashes_of(tag: str, html: str) -> list[str]:
    bodies = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    return [f"'sha256-{b64encode(sha256(body.encode()).digest()).decode()}'" for body in bodies]


def test_the_words_of_a_survey_have_a_language_of_their_own() -> None:
    parsed = elements("survey", words_lang="de")
    assert parsed.tags[0] == ("html", {"lang": "en"})
    assert [dict(attributes).get("lang") for tag, attributes in parsed.tags if tag == "legend"] == ["de"]
