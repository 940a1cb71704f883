"""Pages: safe with hostile input, readable by everyone, and allowed to do only what they need."""

import re
from base64 import b64encode
from datetime import date
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from jinja2 import UndefinedError

from shared.pages import mask_email, page_response, render_page
from shared.templates import FOLDER, source

SHOP = "Mühle & Söhne"
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}</title></style>&"
TOPICS = [
    {"name": "NEWS", "label": "News", "description": "Arrivals.", "channels": {"EMAIL": True, "SMS": False}},
    {"name": "OFFERS", "label": "Offers", "description": "Sales.", "channels": {"EMAIL": False, "SMS": True}},
]
PREFERENCES: dict[str, Any] = {
    "shop_name": SHOP,
    "token": "a.token",
    "email_masked": "a•••@example.com",
    "topics": TOPICS,
    "has_phone": True,
    "paused_until": None,
    "saved": False,
    "suppressed": False,
    "status": "SUBSCRIBED",
}
# Each page in each of its states; a new template has to be entered here.
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "confirm": ("confirm.html", {"shop_name": SHOP, "token": "a.token", "email_masked": "a•••@example.com"}),
    "confirmed": ("confirmed.html", {"shop_name": SHOP, "preferences_url": "../preferences?token=a.token"}),
    "check mail": ("check_mail.html", {"shop_name": SHOP}),
    "form problem": (
        "form_problem.html",
        {"shop_name": SHOP, "problems": [("email", "Please enter an address."), ("shoe_size", "Too long.")]},
    ),
    "link expired": ("link_problem.html", {"shop_name": SHOP, "reason": "expired"}),
    "link invalid": ("link_problem.html", {"shop_name": SHOP, "reason": "invalid"}),
    "link replaced": ("link_problem.html", {"shop_name": SHOP, "reason": "replaced"}),
    "link closed": ("link_problem.html", {"shop_name": SHOP, "reason": "closed"}),
    "preferences": ("preferences.html", PREFERENCES),
    "preferences saved": ("preferences.html", {**PREFERENCES, "saved": True, "paused_until": date(2026, 5, 3)}),
    "preferences left": ("preferences.html", {**PREFERENCES, "saved": True, "status": "UNSUBSCRIBED"}),
    "preferences pending": ("preferences.html", {**PREFERENCES, "status": "PENDING", "has_phone": False}),
    "preferences suppressed": ("preferences.html", {**PREFERENCES, "suppressed": True, "status": "SUPPRESSED"}),
    "unsubscribe": (
        "unsubscribe.html",
        {"shop_name": SHOP, "token": "a.token", "topic": None, "email_masked": "a•••@example.com"},
    ),
    "unsubscribe topic": (
        "unsubscribe.html",
        {"shop_name": SHOP, "token": "a.token", "topic": "OFFERS", "email_masked": "a•••@example.com"},
    ),
    "unsubscribed": ("unsubscribed.html", {"shop_name": SHOP, "preferences_url": "preferences?token=a.token"}),
}
FORMS = [name for name in PAGES if name == "confirm" or name.startswith(("preferences", "unsubscribe"))]
FORMS.remove("unsubscribed")
CODES = {"reason", "status"}  # the program's own words, never anybody's input

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
    template, context = PAGES[page]
    return Elements(render_page(template, **{**context, **changes}))


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
    parts = {"base.html", "marks.html"}
    assert {path.name for path in FOLDER.glob("*.html")} - parts == {template for template, _ in PAGES.values()}


@every_page
def test_hostile_input_adds_no_element_and_no_attribute(page: str) -> None:
    template, context = PAGES[page]
    html = render_page(template, **poisoned(context))
    calm = elements(page)
    assert [(tag, sorted(names)) for tag, names in Elements(html).tags] == [
        (tag, sorted(names)) for tag, names in calm.tags
    ]
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "49" not in Elements(html).text


@every_page
def test_a_page_has_a_language_a_title_one_heading_and_fits_a_phone(page: str) -> None:
    found = elements(page)
    assert found.tags[0] == ("html", {"lang": "en"})
    assert any(text.endswith(f"– {SHOP}") for tag, text in found.texts if tag == "title")
    assert len(found.all("h1")) == 1
    assert len(found.all("main")) == 1
    viewport = [meta["content"] for meta in found.all("meta") if meta.get("name") == "viewport"]
    assert viewport == ["width=device-width, initial-scale=1"]


@every_page
def test_a_page_loads_nothing_and_has_no_inline_style_or_handler(page: str) -> None:
    for tag, attributes in elements(page).tags:
        assert tag not in ("link", "img", "iframe", "base", "object")
        assert not [name for name in attributes if name in ("src", "style") or name.startswith("on")]
    assert "url(" not in source("page.css")
    assert "@import" not in source("page.css")


@every_page
def test_every_control_has_a_label_and_every_reference_its_target(page: str) -> None:
    found = elements(page)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    bound = {label["for"] for label in found.all("label")}
    controls = [c for c in found.all("input", "select", "textarea") if c.get("type") != "hidden"]
    assert {control["id"] for control in controls} == bound
    for _, attributes in found.tags:
        for reference in ("aria-describedby", "aria-labelledby"):
            if reference in attributes:
                assert attributes[reference] in ids


@every_form
def test_a_form_posts_its_token_back_to_the_address_of_its_page(page: str) -> None:
    found = elements(page)
    forms = found.all("form")
    assert forms
    assert all(form.get("method") == "post" and "action" not in form for form in forms)
    tokens = [field["value"] for field in found.all("input") if field.get("name") == "token"]
    assert tokens == ["a.token"] * len(forms)


@every_page
def test_the_content_policy_allows_exactly_the_styles_and_scripts_of_the_page(page: str) -> None:
    template, context = PAGES[page]
    html = render_page(template, **context)
    policy = policy_of(html)
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == " ".join(hashes_of("style", html))
    assert policy.get("script-src", "") == " ".join(hashes_of("script", html))
    assert policy["form-action"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"


def test_only_the_confirmation_page_may_run_a_script() -> None:
    with_script = {
        page for page, (template, c) in PAGES.items() if "script-src" in policy_of(render_page(template, **c))
    }
    assert with_script == {"confirm"}


def test_a_script_that_is_not_ours_gets_no_permission_by_being_in_the_page() -> None:
    assert "script-src" not in policy_of("<p>Hello</p><script>alert(1)</script>")


def test_a_page_is_answered_as_html_that_nobody_keeps_frames_or_lists() -> None:
    response = page_response("<p>Grüße</p>", 410)
    assert (response["statusCode"], response["body"], response["isBase64Encoded"]) == (410, "<p>Grüße</p>", False)
    headers = response["headers"]
    assert isinstance(headers, dict)
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"] == "noindex"


def test_a_value_that_the_caller_forgot_is_an_error_and_not_a_gap_in_the_page() -> None:
    with pytest.raises(UndefinedError, match="preferences_url"):
        render_page("confirmed.html", shop_name=SHOP)


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
def test_a_break_can_be_ended_only_while_there_is_one(paused_until: date | None, values: list[str]) -> None:
    found = elements("preferences", paused_until=paused_until)
    assert [option["value"] for option in found.all("option")] == values
    assert ("3 May 2026" in found.text) == bool(paused_until)


def test_saving_and_leaving_are_separate_forms_and_each_is_answered_in_words() -> None:
    assert [(b["name"], b["value"]) for b in elements("preferences").all("button")] == [
        ("action", "save"),
        ("action", "leave"),
    ]
    assert not [tag for tag, attributes in elements("preferences").tags if attributes.get("role") == "status"]
    for page, words in (("preferences saved", "your choices are saved"), ("preferences left", "unsubscribed from")):
        found = elements(page)
        assert [a["role"] for _, a in found.tags if "autofocus" in a] == ["status"]
        assert words in found.text
        assert found.texts[0][1].startswith("Saved: ")


def test_a_form_problem_names_the_field_as_the_form_does() -> None:
    text = elements("form problem").text
    assert "E-mail address Please enter an address." in text
    assert "Shoe size Too long." in text


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


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2 of `#rrggbb`."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def policy_of(html: str) -> dict[str, str]:
    headers = page_response(html)["headers"]
    assert isinstance(headers, dict)
    directives: list[str] = headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (directive.partition(" ") for directive in directives)}


def hashes_of(tag: str, html: str) -> list[str]:
    bodies = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    return [f"'sha256-{b64encode(sha256(body.encode()).digest()).decode()}'" for body in bodies]
