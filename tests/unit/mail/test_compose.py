"""Mails: two equal parts, the right headers, and nothing that a stranger's input could turn against the reader."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from email.header import decode_header, make_header
from email.utils import parseaddr
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import boto3
import pytest
from jinja2 import UndefinedError
from markupsafe import escape
from moto import mock_aws

from shared.cases.case import Priority
from shared.core.settings import Settings
from shared.edge.templates import FOLDERS, make_environment
from shared.mail.compose import Email, Letter, render_email, send_email
from shared.nps.comments import Sentiment, Theme
from shared.scorecards.rfm import SEGMENTS
from tests.unit.masked import Masked, masked

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

SETTINGS = Settings(sender="hello@shop.example", shop_name="Mühle & Söhne", shop_address="Bachgasse 7\n79098 Freiburg")
LINK = "https://crm.example/signups/confirm?token=a.b-c&x=1"
LEAVE = "https://crm.example/unsubscribe?token=a.b-c"
HOSTILE = "\"'><script>alert(1)</script>&"
SCORE_LINKS = [f"https://crm.example/surveys/answer?token=s.b-c&score={score}" for score in range(11)]
DUE = datetime(2026, 5, 4, 17, 30, tzinfo=ZoneInfo("Europe/Berlin"))
COMPLAINED = {
    "origin": "COMPLAINT",
    "at": datetime(2026, 5, 4, 8, tzinfo=ZoneInfo("Europe/Berlin")),
    "score": None,
    "text": "Broken, too.",
}
ASKED = datetime(2026, 5, 3, 9, 5, tzinfo=ZoneInfo("Europe/Berlin"))
CONTEXTS: dict[str, dict[str, Any]] = {
    "confirm_signup": {"name": "Ada", "confirm_url": LINK, "valid_days": 7},
    "already_subscribed": {"name": "Ada", "preferences_url": LINK},
    "points_expiring": {
        "name": "Ada",
        "points": 1300,
        "expires_on": date(2026, 6, 30),
        "active": 2450,
        "points_url": LINK,
    },
    "tier_ending": {
        "name": "Ada",
        "tier": "SILVER_PLUS",
        "ends_on": date(2026, 12, 31),
        "missing": 1800,
        "points_url": LINK,
    },
    "survey_invitation": {
        "name": "Ada",
        "question": "How likely are you to recommend us?",
        "score_urls": SCORE_LINKS,
        "survey_url": LINK,
        "points": 20,
        "valid_days": 14,
    },
    "recovery_invitation": {
        "name": "Ada",
        "question": "How likely are you to come back?",
        "score_urls": SCORE_LINKS,
        "survey_url": LINK,
        "resolved_on": date(2026, 5, 2),
        "valid_days": 14,
    },
    "referral_invitation": {
        "name": "Ada",
        "code": "ADA-7XQ2",
        "points": 250,
        "friend_points": 100,
        "points_url": LINK,
    },
    "complaint_receipt": {
        "name": "Ada",
        "case_id": "K7QF-2MXR",
        "text": "The bread was cold.\nTwice.",
        "received_at": ASKED,
        "due_at": DUE,
    },
    "case_opened": {
        "case_id": "K7QF-2MXR",
        "customer_id": "customer-7",
        "customer_name": "Ada Lovelace",
        "continued": False,
        "priority": "HIGH",
        "due_at": DUE,
        "owner": None,
        "messages": [{"origin": "SURVEY", "at": ASKED, "score": 3, "text": "The bread was cold.\nTwice."}],
        "sentiment": "NEGATIVE",
        "themes": ["OPENING_HOURS", "QUALITY"],
        "order": {
            "order_id": "1001",
            "day": date(2026, 4, 30),
            "total": Decimal("1229.00"),
            "refunded": Decimal("0.00"),
            "currency": "EUR",
            "lines": [
                {"quantity": 2, "name": "Rye bread", "amount": Decimal("29.00")},
                {"quantity": 1, "name": "Oven", "amount": Decimal("1200.00")},
            ],
        },
        "customer": {
            "orders": 12,
            "spent": Decimal("2345.50"),
            "currency": "EUR",
            "last_order_on": date(2026, 4, 30),
            "segment": "Loyal Customers",
        },
        "cases_before": 1,
        "can_reply": True,
    },
    "case_overdue": {
        "cases": [
            {
                "case_id": "K7QF-2MXR",
                "customer_id": "customer-7",
                "customer_name": "Ada Lovelace",
                "priority": "HIGH",
                "due_at": DUE,
                "owner": "Grace",
            },
            {
                "case_id": "P3HD-8WTN",
                "customer_id": "customer-9",
                "customer_name": None,
                "priority": "NORMAL",
                "due_at": datetime(2026, 5, 3, 9, 5, tzinfo=ZoneInfo("Europe/Berlin")),
                "owner": None,
            },
        ]
    },
}

# Mails that nobody asked for just now: they go to those who want offers, and say how to end that.
OFFERS = ("points_expiring", "tier_ending", "referral_invitation")
INVITATIONS = ("survey_invitation", "recovery_invitation")  # to those who agreed to be asked
CASES = ("case_opened", "case_overdue")  # to the shop itself
RECEIPTS = ("complaint_receipt",)  # without a link

every_mail = pytest.mark.parametrize("template", CONTEXTS)
every_invitation = pytest.mark.parametrize("template", INVITATIONS)
every_case_mail = pytest.mark.parametrize("template", CASES)


def mail(
    template: str = "confirm_signup",
    *,
    settings: Settings = SETTINGS,
    to: str = "ada@example.com",
    language: str = "en",
    unsubscribe_url: str | None = None,
    **changes: object,
) -> Email:
    context = {**CONTEXTS[template], **changes}
    name = context.pop("name", None)
    assert name is None or isinstance(name, str)
    letter = Letter(template=template, context=context)
    return render_email(letter, settings, language=language, to=to, unsubscribe_url=unsubscribe_url, name=name)


def poisoned(value: Any) -> Any:
    """`value` with hostile text in place of every string in it."""
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, dict):
        return {key: poisoned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return value


def one_line(value: Any) -> Any:
    """`value` with one word in place of every string in it."""
    if isinstance(value, dict):
        return {key: one_line(item) for key, item in value.items()}
    if isinstance(value, list):
        return [one_line(item) for item in value]
    return "word" if isinstance(value, str) else value


class Tags(HTMLParser):
    """The start tags of a mail in order, each with the names of its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.opened: list[tuple[str, list[str]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append((tag, [name for name, _ in attrs]))


def words_of(html: str) -> str:
    """The words of a mail's HTML part as they are read, one blank between any two."""
    lines = re.sub("<(?:br|p|td|blockquote)[^>]*>", " ", html.partition("</style>")[2])
    return " ".join(unescape(re.sub("<[^>]*>", "", lines)).split())


@pytest.fixture
def ses() -> Iterator["SESV2Client"]:
    with mock_aws():
        client = boto3.client("sesv2", "eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
        client.create_email_identity(EmailIdentity="shop.example")
        yield client


def sent(client: "SESV2Client", email: Email, settings: Settings = SETTINGS) -> dict[str, Any]:
    """The request as it went over the wire to SES."""
    bodies: list[dict[str, Any]] = []
    client.meta.events.register(
        "before-call.sesv2.SendEmail", lambda params, **_: bodies.append(json.loads(params["body"]))
    )
    assert send_email(client, email, settings, "regulars-test")
    (body,) = bodies
    return body


def test_every_mail_has_both_parts_and_is_among_the_tested() -> None:
    parts = {"base", "button", "labels", "scores"}
    for kind in ("html", "txt"):
        assert {path.stem for folder in FOLDERS for path in (folder / "mail").glob(f"*.{kind}")} - parts == set(
            CONTEXTS
        )


@every_mail
def test_both_parts_carry_the_link_the_greeting_and_who_writes(template: str) -> None:
    email = mail(template)
    if template in CASES:
        greeting = "Hello,"
    else:
        greeting = "Hello Ada,"
        assert template in RECEIPTS or LINK in email.text
        assert template in RECEIPTS or LINK.replace("&", "&amp;") in email.html
    assert email.text.startswith(f"{greeting}\n")
    assert f">{greeting}<" in email.html
    assert "Mühle & Söhne\nBachgasse 7, 79098 Freiburg\n" in email.text
    assert "Mühle &amp; Söhne<br>Bachgasse 7, 79098 Freiburg" in email.html


@every_mail
def test_the_html_part_declares_its_language_and_hides_layout_tables(template: str) -> None:
    html = mail(template).html
    assert html.startswith('<!doctype html>\n<html lang="en">')
    assert html.count("<table") == html.count('<table role="presentation"')
    assert html.count("<h1") == 1
    assert "<img" not in html


@every_mail
def test_a_german_mail_differs_from_an_english_one_in_its_words_alone(template: str) -> None:
    german, english = (mail(template, language=language, unsubscribe_url=LEAVE) for language in ("de", "en"))
    assert german.html.startswith('<!doctype html>\n<html lang="de">')
    assert Tags(german.html).opened == Tags(english.html).opened
    assert re.findall('href="([^"]*)"', german.html) == re.findall('href="([^"]*)"', english.html)
    assert re.findall(r"https://\S+", german.text) == re.findall(r"https://\S+", english.text)
    assert german.headers == english.headers
    greeting = "Guten Tag!" if template in CASES else "Guten Tag Ada!"
    assert german.text.startswith(f"{greeting}\n")
    assert f">{greeting}<" in german.html
    assert "Sie erhalten diese E-Mail, weil" in german.text
    assert "\n\n\n" not in german.text


@every_mail
def test_every_word_of_a_mail_comes_from_a_catalog_or_from_its_caller(template: str) -> None:
    environment = make_environment("xx", Masked())
    shop = {"shop_name": "•", "shop_address": "•", "unsubscribe_url": "•", "subject": "•"}
    values = {**masked(CONTEXTS[template], set()), **shop}
    text = environment.get_template(f"mail/{template}.txt")
    subject = "".join(text.blocks["subject"](text.new_context(values)))
    html = environment.get_template(f"mail/{template}.html").render(values)
    labels = " ".join(re.findall('aria-label="([^"]*)"', html))
    for said in (subject, text.render(values), words_of(html), labels):
        assert re.findall("[A-Za-z]+", said) == []


@pytest.mark.parametrize(
    ("template", "changes", "subject"),
    [
        ("confirm_signup", {}, "Bitte bestätigen Sie Ihre Anmeldung bei Mühle & Söhne"),
        ("already_subscribed", {}, "Sie sind bereits bei Mühle & Söhne angemeldet"),
        ("points_expiring", {}, "1.300 Punkte verfallen Ende Juni"),
        ("points_expiring", {"points": 1}, "1 Punkt verfällt Ende Juni"),
        ("tier_ending", {}, "Ihre Stufe Silver Plus bei Mühle & Söhne"),
        ("survey_invitation", {"question": "100 % zufrieden?"}, "100 % zufrieden?"),
        ("recovery_invitation", {}, "Ist jetzt alles in Ordnung? Mühle & Söhne möchte es wissen"),
        ("referral_invitation", {}, "Kennen Sie jemanden, dem es hier auch gefallen würde?"),
        ("case_opened", {}, "Neuer Fall K7QF-2MXR: Priorität HOCH, Bewertung 3"),
        ("case_opened", {"messages": [COMPLAINED]}, "Neuer Fall K7QF-2MXR: Priorität HOCH"),
        ("case_opened", {"continued": True}, "Mehr zu Fall K7QF-2MXR: Priorität HOCH"),
        ("complaint_receipt", {}, "Ihre Nachricht ist bei uns – Mühle & Söhne"),
        ("case_overdue", {}, "2 Fälle sind überfällig"),
    ],
)
def test_the_subject_is_in_the_language_of_the_mail(template: str, changes: dict[str, Any], subject: str) -> None:
    email = mail(template, language="de", **changes)
    assert email.subject == subject
    assert f"<title>{escape(subject)}</title>" in email.html


@pytest.mark.parametrize(
    ("template", "subject"),
    [
        ("confirm_signup", "Please confirm your subscription to Mühle & Söhne"),
        ("already_subscribed", "You are already subscribed to Mühle & Söhne"),
        ("points_expiring", "1,300 points expire at the end of June"),
        ("tier_ending", "Your Silver Plus status at Mühle & Söhne"),
        ("survey_invitation", "How likely are you to recommend us?"),
        ("recovery_invitation", "Did we put things right? Mühle & Söhne would like to know"),
        ("referral_invitation", "Do you know somebody who would like it here, too?"),
        ("case_opened", "New case K7QF-2MXR: HIGH priority, score 3"),
        ("case_overdue", "2 cases are overdue"),
        ("complaint_receipt", "We have your message – Mühle & Söhne"),
    ],
)
def test_the_subject_of_an_english_mail_says_what_it_is_about(template: str, subject: str) -> None:
    assert mail(template).subject == subject


def test_every_code_of_a_case_has_a_word_in_german() -> None:
    for theme in Theme:
        assert theme.replace("_", " ").lower() not in mail("case_opened", language="de", themes=[theme]).text
    for sentiment, word in zip(Sentiment, ("positiv", "neutral", "negativ", "gemischt"), strict=True):
        assert f"Stimmung: {word}\n" in mail("case_opened", language="de", sentiment=sentiment).text
    for priority, word in zip(Priority, ("hoch", "normal", "niedrig"), strict=True):
        assert f"Priorität: {word}\n" in mail("case_opened", language="de", priority=priority).text


@every_mail
def test_the_plain_part_is_plain_and_evenly_spaced(template: str) -> None:
    for unsubscribe_url in (None, LEAVE):
        text = mail(template, unsubscribe_url=unsubscribe_url).text
        assert "&amp;" not in text
        assert "<" not in text
        assert "\n\n\n" not in text
        assert text == text.strip() + "\n"


@every_mail
def test_hostile_values_stay_text(template: str) -> None:
    settings = Settings(shop_name=HOSTILE, shop_address=HOSTILE)
    values = poisoned(CONTEXTS[template])
    html = mail(template, settings=settings, **{**values, "name": HOSTILE}).html
    assert "<script" not in html.lower()
    assert Tags(html).opened == Tags(mail(template, **one_line(CONTEXTS[template])).html).opened


@pytest.mark.parametrize(
    "name",
    [
        *("Ada Lovelace", "Jean-Luc", "O'Brien", "O’Brien", "Zoë", "Zoe\u0308", "王小明", "J. Smith", "अनुष्का"),
        *("Martin Luther King Jr.", "Gerard 't Hooft", "María del Carmen García López"),
    ],
)
def test_a_name_is_greeted_as_it_is_written(name: str) -> None:
    assert f"Hello {name},\n" in mail(name=name).text


@pytest.mark.parametrize(
    "name",
    [
        *(None, "", "  ", "Win 1000 euro", "see evil.example", "https://evil.example", "a@b.example", "x" * 41),
        *(
            "A\x00<b>",
            "Claim your prize at evil dot com now",
            "evil.example.",
            "J.R. Smith",
            "ｅｖｉｌ．ｃｏｍ",
            "evil。com",
        ),
        *("win_big", "Ada ½", "Ada ²", "Ada Ⅻ", "- -", ".", "Ada!", "Ada, call me", "Ada/Bob", "Ada (VIP)", "Ada 🎁"),
    ],
)
def test_what_is_more_than_a_name_is_not_repeated_to_the_reader(name: str | None) -> None:
    email = mail(name=name)
    assert email.text.startswith("Hello,\n")
    assert "Hello," in email.html


def test_a_name_of_two_lines_becomes_a_single_line() -> None:
    assert mail(name="Ada\r\nLovelace").text.startswith("Hello Ada Lovelace,\n")


@pytest.mark.parametrize(("days", "words"), [(1, "for 1 day."), (7, "for 7 days.")])
def test_the_life_of_a_link_is_counted_in_words(days: int, words: str) -> None:
    assert words in mail(valid_days=days).text
    assert words in mail(valid_days=days).html


def test_points_that_expire_are_counted_and_their_last_day_named() -> None:
    email = mail("points_expiring")
    assert "1,300 points will soon be gone. The last day to use them is 30 June 2026.\n" in email.text
    assert "Altogether you have 2,450 points to spend.\n" in email.text
    for words in ("1,300 points</strong> will soon be gone", "<strong>30 June 2026</strong>", "have 2,450 points"):
        assert words in email.html


def test_a_single_point_is_singular_and_all_points_are_not_counted_twice() -> None:
    email = mail("points_expiring", points=1, active=1)
    assert "1 point will soon be gone. The last day to use it is" in email.text
    assert "1 point</strong> will soon be gone. The last day to use it is" in email.html
    assert "Altogether" not in email.text + email.html


@pytest.mark.parametrize(("missing", "words"), [(1, "1 more point"), (1800, "1,800 more points")])
def test_a_tier_that_ends_says_when_and_what_keeps_it(missing: int, words: str) -> None:
    email = mail("tier_ending", missing=missing)
    assert "Your Silver Plus tier lasts until 31 December 2026." in email.text
    assert f"Earn {words} until then, and you keep it." in email.text
    assert "Your Silver Plus tier lasts until <strong>31 December 2026</strong>." in email.html
    assert f"Earn <strong>{words}</strong> until then" in email.html


def test_a_hostile_name_of_a_tier_stays_text() -> None:
    html = mail("tier_ending", tier=HOSTILE).html
    assert "<script" not in html.lower()
    assert "&lt;script&gt;" in html.lower()


@every_invitation
def test_an_invitation_has_a_link_for_each_score_and_one_to_choose_it_later(template: str) -> None:
    email = mail(template)
    links = re.findall(r'<a class="button-link" href="([^"]*)" aria-label="([^"]*)"[^>]*>([^<]*)</a>', email.html)
    assert [(unescape(url), words) for url, _, words in links] == [(SCORE_LINKS[n], str(n)) for n in range(11)]
    assert len({url for url, _, _ in links}) == 11
    names = [f"{n} out of 10" for n in range(1, 10)]
    low, high = ("not at all", "completely") if "recovery" in template else ("not at all likely", "extremely likely")
    assert [name for _, name, _ in links] == [f"0 out of 10, {low}", *names, f"10 out of 10, {high}"]
    assert f">{LINK.replace('&', '&amp;')}</a>" in email.html
    assert f"\n{LINK}\n" in email.text
    assert "score=" not in email.text


@every_invitation
def test_the_scores_stand_in_two_rows_so_that_a_phone_has_room_for_them(template: str) -> None:
    (table,) = re.findall(r"<table[^>]*table-layout:fixed.*?</table>", mail(template).html, re.DOTALL)
    rows = [re.findall(r">(\d+)</a>", row) for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)]
    assert rows == [["0", "1", "2", "3", "4", "5"], ["6", "7", "8", "9", "10"]]
    assert [row.count("<td") for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)] == [6, 6]


@every_invitation
def test_an_invitation_asks_its_question_and_says_how_long_it_is_valid(template: str) -> None:
    email = mail(template, question="Is it <warm> enough?", valid_days=1)
    assert "\nIs it <warm> enough?\n" in email.text
    assert "<strong>Is it &lt;warm&gt; enough?</strong>" in email.html
    assert "works for 1 day." in email.text
    assert "works for 1 day:" in email.html
    assert "works for 14 days." in mail(template).text
    assert "works for 14 days:" in mail(template).html


@every_invitation
def test_an_invitation_says_why_it_was_sent_and_how_to_get_no_more(template: str) -> None:
    email = mail(template, unsubscribe_url=LEAVE)
    for body in (email.text, email.html):
        assert "You get this mail because you" in body
        assert "and agreed that we ask for your opinion." in body
    assert f"Unsubscribe: {LEAVE}\n" in email.text
    assert f'<a href="{LEAVE}"' in email.html


def test_points_for_an_answer_are_promised_only_where_there_are_any() -> None:
    email = mail("survey_invitation")
    assert "you get 20 points for your answer, whatever it is." in email.text
    assert "you get <strong>20 points</strong> for your answer, whatever it is." in email.html
    assert "and 20 points for you." in email.html
    single = mail("survey_invitation", points=1)
    assert "you get 1 point for" in single.text
    assert "you get <strong>1 point</strong> for" in single.html
    none = mail("survey_invitation", points=0)
    assert " point" not in none.text + none.html


def test_after_a_complaint_the_mail_says_when_it_was_resolved() -> None:
    email = mail("recovery_invitation")
    assert "On 2 May 2026 we resolved it." in email.text
    assert "On <strong>2 May 2026</strong> we resolved it." in email.html


@pytest.mark.parametrize(
    ("mine", "friend_points", "words"),
    [
        (250, 100, ("250 points", "100 points")),
        (1, 1, ("1 point", "1 point")),
        (1500, 1000, ("1,500 points", "1,000 points")),
    ],
)
def test_bringing_a_friend_says_the_code_and_who_gets_what(
    mine: int, friend_points: int, words: tuple[str, str]
) -> None:
    email = mail("referral_invitation", points=mine, friend_points=friend_points)
    assert "\nADA-7XQ2\n" in email.text
    assert ">ADA-7XQ2</p>" in email.html
    assert f"your friend gets {words[1]}, and you get {words[0]}." in email.text
    assert f"your friend gets <strong>{words[1]}</strong>, and you get <strong>{words[0]}</strong>." in email.html


def test_a_friend_who_gets_nothing_is_not_promised_anything() -> None:
    email = mail("referral_invitation", friend_points=0)
    for body in (email.text, words_of(email.html)):
        assert "With the first purchase after that, you get 250 points." in body
        assert "your friend" not in body


def test_the_mail_of_a_case_says_who_what_and_about_which_order() -> None:
    email = mail("case_opened")
    assert (
        "A customer needs an answer. Please answer by 4 May 2026, 17:30.\n\n"
        "Customer: Ada Lovelace (customer-7)\nPriority: high\nTaken by: nobody yet\n"
        "Mood: negative\nAbout: opening hours, quality\n\n"
        "Answer to a survey, 3 May 2026, 09:05: 3 out of 10\n\n> The bread was cold.\n> Twice.\n\n"
        "Order 1001 of 30 April 2026: 1,229.00 EUR\n- 2 × Rye bread: 29.00 EUR\n- 1 × Oven: 1,200.00 EUR\n\n"
        "Orders: 12\nSpent: 2,345.50 EUR\nLast order: 30 April 2026\nSegment: Loyal Customers\nCases before: 1\n\n"
        "Answer this mail to write to the customer. "
        "Until the case is resolved, this customer gets no promotions and no surveys from us.\n\nCase: K7QF-2MXR\n"
    ) in email.text
    said = words_of(email.html)
    for line in email.text.partition("Please")[2].partition("\n--")[0].splitlines():
        assert re.sub("^(?:> |- )", "", line) in said
    german = mail("case_opened", language="de").text
    assert "Bestellung 1001 vom 30. April 2026: 1.229,00 EUR\n" in german
    assert "Segment: Treue\n" in german


@every_case_mail
@pytest.mark.parametrize("language", ["en", "de"])
def test_no_mail_of_a_case_shows_how_to_call_the_api(template: str, language: str) -> None:
    email = mail(template, language=language)
    assert not re.search("POST|/cases|/assign|/resolve", email.text + email.html)


def test_a_case_leaves_out_what_is_not_known() -> None:
    silent = {**CONTEXTS["case_opened"]["messages"][0], "text": "", "score": 0}
    unknown: dict[str, Any] = {
        "customer_name": None,
        "order": None,
        "customer": None,
        "can_reply": False,
        "cases_before": 0,
    }
    email = mail("case_opened", messages=[silent], sentiment=None, themes=[], owner="Grace", **unknown)
    for body in (email.text, words_of(email.html)):
        assert "Customer: name not known (customer-7)" in body
        assert "Taken by: Grace" in body
        assert "The customer left no comment." in body
        assert "0 out of 10" in body
        assert "Orders: none yet" in body
        assert "No e-mail address of this customer is known." in body
        assert not re.search("None|Mood|About|Order 1|Segment|Answer this mail", body)
    assert "\n\n\n" not in email.text


def test_a_case_lists_all_that_the_customer_said_and_long_orders_in_part() -> None:
    lines = [{"quantity": 1, "name": f"Cup {number}", "amount": Decimal(1)} for number in range(23)]
    order = {**CONTEXTS["case_opened"]["order"], "lines": lines, "refunded": Decimal("5.00")}
    messages = [*CONTEXTS["case_opened"]["messages"], COMPLAINED]
    email = mail("case_opened", messages=messages, continued=True, order=order)
    for body in (email.text, words_of(email.html)):
        assert "The customer of an open case has written again" in body
        assert body.index("Twice.") < body.index("Complaint, 4 May 2026, 08:00:") < body.index("Broken, too.")
        assert "Cup 19" in body
        assert "Cup 20" not in body
        assert "and 3 more lines" in body
        assert "Refunded of it: 5.00 EUR" in body


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_segment_has_a_word_of_its_own(language: str) -> None:
    customer = CONTEXTS["case_opened"]["customer"]
    words = [
        re.findall("(?m)^Segment: (.*)$", mail("case_opened", language=language, customer=known).text)[0]
        for segment in SEGMENTS
        for known in ({**customer, "segment": segment},)
    ]
    assert len(set(words)) == len(words)
    assert language == "en" or {word for word in words if word in SEGMENTS} == {"Champions"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"])
def test_a_comment_is_set_apart_from_the_words_of_the_mail(end: str) -> None:
    comment = f"Cold.{end}{end}--{end}Unsubscribe: https://evil.example/<b>{HOSTILE}"
    email = mail("case_opened", messages=[{**COMPLAINED, "text": comment}])
    quoted = [line.removeprefix("> ") for line in email.text.split("\n") if line.startswith("> ")]
    assert quoted == comment.split(end)
    assert not re.search(r"(?m)^Unsubscribe", email.text)
    (inside,) = re.findall("<blockquote[^>]*>(.*?)</blockquote>", email.html, re.DOTALL)
    assert [unescape(line) for line in inside.split("<br>")] == comment.split(end)
    assert "<" not in inside.replace("<br>", "")
    assert "a" not in {tag for tag, _ in Tags(email.html).opened}


def test_cases_past_their_time_are_listed_in_the_order_given() -> None:
    email = mail("case_overdue")
    listed = (
        "Case: K7QF-2MXR\nCustomer: Ada Lovelace (customer-7)\nPriority: high\nDue since: 4 May 2026, 17:30\n"
        "Taken by: Grace\n\n"
        "Case: P3HD-8WTN\nCustomer: name not known (customer-9)\nPriority: normal\nDue since: 3 May 2026, 09:05\n"
        "Taken by: nobody yet\n\n"
    )
    assert listed in email.text
    assert " ".join(listed.split()) in words_of(email.html)
    assert "2 customers still wait" in email.text
    assert ">2 customers still wait for an answer</h1>" in email.html
    single = mail("case_overdue", cases=CONTEXTS["case_overdue"]["cases"][:1])
    assert "A customer still waits for an answer.\n" in single.text
    assert ">A customer still waits for an answer</h1>" in single.html


@every_case_mail
def test_a_mail_to_the_shop_greets_without_a_name_and_cannot_be_unsubscribed(template: str) -> None:
    email = mail(template)
    assert email.headers == {}
    assert email.text.startswith("Hello,\n")
    assert "nsubscribe" not in email.text + email.html
    assert "because you look after the customers of Mühle & Söhne." in email.text


@pytest.mark.parametrize("template", OFFERS)
def test_an_offer_says_why_it_was_sent_and_how_to_get_no_more(template: str) -> None:
    email = mail(template, unsubscribe_url=LEAVE)
    assert "because you take part in the points programme of Mühle & Söhne and asked for our offers." in email.text
    assert "because you take part in the points programme of Mühle &amp; Söhne and asked for our" in email.html
    assert f"Unsubscribe: {LEAVE}\n" in email.text
    assert f'<a href="{LEAVE}"' in email.html


def test_a_shop_without_a_postal_address_shows_none() -> None:
    email = mail(settings=Settings(shop_name="Shop"))
    assert email.text.endswith("\n\nShop\n")


def test_a_value_that_the_caller_forgot_is_an_error_and_not_a_gap_in_the_mail() -> None:
    letter = Letter(template="confirm_signup", context={"valid_days": 1})
    with pytest.raises(UndefinedError, match="confirm_url"):
        render_email(letter, SETTINGS, language="en", to="a@example.com", unsubscribe_url=None)


def test_an_unsubscribe_link_is_shown_and_announced_for_one_click() -> None:
    email = mail(unsubscribe_url=LEAVE)
    assert email.headers == {"List-Unsubscribe": f"<{LEAVE}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    assert f"Unsubscribe: {LEAVE}\n" in email.text
    assert f'href="{LEAVE}"' in email.html


def test_a_mail_that_answers_a_request_has_no_unsubscribe_link() -> None:
    email = mail()
    assert email.headers == {}
    assert "nsubscribe:" not in email.text
    assert ">Unsubscribe<" not in email.html


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mailto:a@example.com",
        "javascript:alert(1)",
        f"{LEAVE}>,<http://evil.example",
        f"{LEAVE}\r\nBcc: a@b.c",
        "https://ä.example/",
    ],
)
def test_an_unsubscribe_link_that_could_break_the_header_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="unsubscribe_url"):
        mail(unsubscribe_url=url)


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ada",
        "a@example.com, b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "Ada <a@example.com>",
        "a@b@c",
        "a b@example.com",
        "a@exa\x00mple.com",
    ],
)
def test_anything_but_one_bare_recipient_is_refused(to: str) -> None:
    with pytest.raises(ValueError, match="to:"):
        mail(to=to)


def test_an_answer_goes_to_the_one_address_that_is_given(ses: "SESV2Client") -> None:
    letter = Letter(template="case_opened", context=CONTEXTS["case_opened"])

    def answered_to(address: str | None) -> Email:
        return render_email(
            letter, SETTINGS, language="en", to="care@shop.example", unsubscribe_url=None, reply_to=address
        )

    assert sent(ses, answered_to("ada@example.com"))["ReplyToAddresses"] == ["ada@example.com"]
    for address in ("", "ada", "ada@example.com, eve@example.com", "ada@example.com\r\nBcc: eve@example.com"):
        with pytest.raises(ValueError, match="reply_to"):
            answered_to(address)


@pytest.mark.parametrize("question", ["", " \r\n"])
def test_a_mail_without_a_subject_is_refused(question: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        mail("survey_invitation", question=question)


@pytest.mark.parametrize("headers", [{"X-Note": "a\r\nBcc: b@example.com"}, {"X-Note\r\nBcc": "b"}, {"X-Note": "ü"}])
def test_a_header_that_is_not_one_line_of_ascii_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="header"):
        Email(to="a@example.com", subject="Hi", html="", text="", headers=headers)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\x00"])
def test_a_subject_and_a_shop_name_cannot_start_a_new_header(ses: "SESV2Client", end: str) -> None:
    settings = Settings(shop_name=f"Shop{end}Bcc: eve@evil.example")
    email = mail("survey_invitation", question=f"Hi{end}Bcc: eve@evil.example", settings=settings)
    request = sent(ses, email, settings)
    assert request["Content"]["Simple"]["Subject"]["Data"] == "Hi Bcc: eve@evil.example"
    assert request["FromEmailAddress"] == '"Shop Bcc: eve@evil.example" <hello@shop.example>'


def test_ses_gets_both_parts_the_headers_the_tags_and_the_configuration_set(ses: "SESV2Client") -> None:
    email = mail("already_subscribed", unsubscribe_url=LEAVE)
    request = sent(ses, email)
    assert request["Destination"] == {"ToAddresses": ["ada@example.com"]}
    assert request["ConfigurationSetName"] == "regulars-test"
    content = request["Content"]["Simple"]
    assert content["Subject"] == {"Data": "You are already subscribed to Mühle & Söhne", "Charset": "UTF-8"}
    assert content["Body"]["Html"] == {"Data": email.html, "Charset": "UTF-8"}
    assert content["Body"]["Text"] == {"Data": email.text, "Charset": "UTF-8"}
    assert {h["Name"]: h["Value"] for h in content["Headers"]} == email.headers
    assert request["EmailTags"] == [{"Name": "template", "Value": "already_subscribed"}]


@pytest.mark.parametrize(
    "shop_name",
    [
        "Shop",
        "Mühle & Söhne",
        'The "Corner", Ltd.',
        "Кофейня на углу и ещё очень длинное имя магазина у реки 1234",
        "☕ 咖啡" * 12,
    ],
)
def test_the_sender_shows_the_name_of_the_shop_in_seven_bits(ses: "SESV2Client", shop_name: str) -> None:
    settings = Settings(shop_name=shop_name, sender="hello@shop.example")
    written: str = sent(ses, mail(settings=settings), settings)["FromEmailAddress"]
    assert written.isascii()
    assert all(len(word) <= 75 for word in written.split() if word.startswith("=?"))
    # The older parser: the newer one leaves a blank between two encoded words of a name, against RFC 2047.
    name, address = parseaddr(written)
    assert (str(make_header(decode_header(name))), address) == (shop_name, "hello@shop.example")


def test_importing_the_module_waits_with_what_is_slow_to_import() -> None:
    modules = "sys, shared.mail.compose, shared.edge.pages"
    code = f"import {modules}; print(sorted({{'boto3', 'botocore', 'jinja2'}} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
