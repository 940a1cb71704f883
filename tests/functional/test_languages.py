"""The language of pages and mails, from the form to the survey: the customer's, else the browser's, else the shop's."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.cases.links import complaint_path
from shared.customers.customer import Customer
from shared.customers.links import confirmation_path, preferences_path
from shared.customers.store import profiles, proofs
from shared.edge.templates import translate
from shared.nps.links import survey_path
from shared.nps.survey import DEFAULT_TEXTS, RECOVERY_TEXTS
from tests.functional.aws import client, sent_mails
from tests.functional.scenes import answered, as_records, ask, change_survey, facts_of, sign_up

Invoke = Callable[..., dict[str, Any]]
Load = Callable[..., dict[str, Any]]

GRACE = "grace@example.com"
QUESTION = "Wie wahrscheinlich ist es, dass Sie uns weiterempfehlen?"


@pytest.fixture
def sender() -> None:
    client("ses").verify_email_identity(EmailAddress="hello@shop.example")


@pytest.fixture
def browse(invoke: Invoke, load: Load) -> Invoke:
    """Run a function on an event file as a browser that prefers `language`; `form` are the fields of a form."""

    def run(name: str, language: str, form: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
        event = load(name, **changes)
        event["headers"]["accept-language"] = language
        if form is not None:
            event["body"] = base64.b64encode(urlencode(form).encode()).decode()
            event["isBase64Encoded"] = True
        return invoke(name, event)

    return run


def grace() -> Customer:
    known = profiles.get_by_email(GRACE)
    assert known is not None
    return known


def token_of(known: Customer) -> str:
    assert known.signup is not None
    return confirmation_path(known.customer_id, 0, known.signup).partition("token=")[2]


def confirmation_mail(invoke: Invoke, known: Customer) -> Any:
    (fact,) = facts_of(known.customer_id, "CustomerSignedUp")
    assert invoke("send_confirmation", as_records(fact)) == {"batchItemFailures": []}
    return sent_mails()[-1]


@pytest.mark.parametrize(
    ("fields", "language"),
    [
        ({"locale": "de-AT"}, "en-US,en;q=0.9"),
        ({}, "de-AT,de;q=0.9,en;q=0.8"),
    ],
)
def test_a_german_customer_gets_german_pages_mails_and_surveys(
    invoke: Invoke, browse: Invoke, sender: None, fields: dict[str, str], language: str
) -> None:
    page = browse("register_customer/form", language, {"email": GRACE, "consent": "on", **fields})
    assert (page["statusCode"], page["headers"]["content-language"]) == (202, "de")
    assert '<html lang="de">' in page["body"]
    assert "Bitte sehen Sie in Ihr Postfach" in page["body"]

    mail = confirmation_mail(invoke, grace())
    assert mail.subject == "Bitte bestätigen Sie Ihre Anmeldung bei Our shop"
    assert "Anmeldung bestätigen" in mail.body

    # From here on the profile decides, whatever the browser says.
    token = token_of(grace())
    page = browse("confirm_signup/get", "fr", fill={"TOKEN": token})
    assert "Bestätigen Sie Ihre Anmeldung" in page["body"]
    page = browse("confirm_signup/post", "en", fill={"TOKEN": token})
    assert "Vielen Dank, Sie sind angemeldet" in page["body"]
    customer_id = grace().customer_id
    assert grace().contact.locale == fields.get("locale", "de")

    invoke("configure_surveys/put_rules")  # No quiet hours.
    change_survey(invoke, texts={"en": {}})
    asked = ask(customer_id)
    (fact,) = facts_of(customer_id, "SurveyInvited")
    assert invoke("send_survey_invitation", as_records(fact)) == {"batchItemFailures": []}
    assert sent_mails()[-1].subject == QUESTION
    assert "Wie zufrieden sind Sie mit uns?" in sent_mails()[-1].body
    token = survey_path(customer_id, 0, asked.invitation_id, asked.expires_at).removeprefix("surveys/")
    page = browse("answer_survey/get", "en", fill={"TOKEN": token})
    assert f'<legend lang="de">{QUESTION}</legend>' in page["body"]
    assert "Was hat Ihnen am besten gefallen?" in page["body"]
    answer = answered(invoke, asked, 3)
    assert "Wir gehen der Sache nach und melden uns bei Ihnen." in answer["body"]
    assert answer["headers"]["content-language"] == "de"


def test_a_browser_in_the_language_of_the_shop_is_not_put_on_record(browse: Invoke) -> None:
    browse("register_customer/form", "en-US,en;q=0.9", {"email": GRACE, "consent": "on"})
    assert grace().locale is None


def test_a_signup_by_a_server_does_not_take_over_the_language_of_the_server(browse: Invoke, load: Load) -> None:
    browse("register_customer/json", "de", locale=None)
    known = profiles.get_by_email("ada@example.com")
    assert known is not None
    assert known.locale is None


def test_without_a_locale_the_language_of_the_shop_is_spoken(
    invoke: Invoke, browse: Invoke, sender: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALE", "de")
    invoke("register_customer/json", email=GRACE, locale=None)
    assert confirmation_mail(invoke, grace()).subject == "Bitte bestätigen Sie Ihre Anmeldung bei Our shop"
    fill = {"TOKEN": token_of(grace())}
    assert "Bestätigen Sie Ihre Anmeldung" in invoke("confirm_signup/get", fill=fill)["body"]
    assert "Confirm your subscription" in browse("confirm_signup/get", "en-GB", fill=fill)["body"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": "grace", "consent": "on"}, ["E-Mail-Adresse", "Das ist keine gültige E-Mail-Adresse."]),
        ({"email": GRACE}, ["Ihre Einwilligung", "Bitte füllen Sie dieses Feld aus."]),
        ({"email": GRACE, "consent": "no"}, ["Bitte setzen Sie das Häkchen"]),
        ({"email": GRACE, "consent": "on", "birthday": "1850-01-01"}, ["zwischen dem 1. Januar 1900 und heute"]),
        ({"email": GRACE, "consent": "on", "name": "x" * 121}, ["Bitte fassen Sie sich hier kürzer."]),
        ({"email": GRACE, "consent": "on", "phone": "none"}, ["Das hat nicht die Form, die wir erwarten."]),
        ({"email": GRACE, "consent": "on", "redirect": "https://evil.example"}, ["in diesem Shop nicht freigegeben"]),
        ({"email": GRACE, "consent": "on", "source": "x" * 140_000}, ["Es enthält zu viel."]),
    ],
)
def test_what_is_wrong_with_a_form_is_said_in_the_language_of_the_browser(
    browse: Invoke, form: dict[str, str], words: list[str]
) -> None:
    page = browse("register_customer/form", "de", form)
    assert page["statusCode"] in (413, 422)
    assert page["headers"]["content-language"] == "de"
    for said in words:
        assert said in page["body"]
    for english in ("Field required", "Input should", "String should", "want a"):
        assert english not in page["body"]


def test_a_link_of_nobody_is_answered_in_the_language_of_the_browser(browse: Invoke) -> None:
    for name in ("confirm_signup/get", "manage_preferences/get", "unsubscribe_customer/get", "show_points_page/get"):
        page = browse(name, "de", fill={"TOKEN": "broken"})
        assert (page["statusCode"], page["headers"]["content-language"]) == (400, "de")
        assert "Dieser Link funktioniert nicht" in page["body"]


def test_choices_on_a_german_page_name_the_german_text_that_was_agreed_to(invoke: Invoke) -> None:
    for locale, text in (("de", "preferences-2026-11-de"), ("en", "preferences-2026-11")):
        customer_id = sign_up(invoke, f"{locale}@example.com", locale=locale)
        known = profiles.get(customer_id)
        assert known is not None
        token = preferences_path(customer_id, 0, known.created_at.replace(year=9000)).partition("token=")[2]
        page = invoke("manage_preferences/leave", fill={"TOKEN": token})
        assert ("Sie sind von allem abgemeldet." in page["body"]) == (locale == "de")
        (fact,) = facts_of(customer_id, "ConsentWithdrawn")
        assert proofs.of([fact])[fact.type, fact.id].evidence.consent_text == text


def test_a_complaint_is_thanked_for_in_the_language_of_its_form(invoke: Invoke) -> None:
    customer_id = sign_up(invoke, GRACE, locale="de")
    path = complaint_path(customer_id, 0, grace().created_at.replace(year=9000))
    page = invoke("take_complaint/get", fill={"TOKEN": path.partition("token=")[2]})["body"]
    assert "Sagen Sie uns, was schiefgelaufen ist" in page
    token = page.partition('name="token" value="')[2].partition('"')[0]
    answer = invoke("take_complaint/post", fill={"TOKEN": token})
    assert answer["statusCode"] == 200
    assert "Ihre Nachricht ist bei uns" in answer["body"]


def test_words_that_a_survey_leaves_to_us_are_in_the_language_of_the_rest(invoke: Invoke) -> None:
    customer_id = sign_up(invoke, GRACE, locale="de")
    change_survey(invoke, texts={"de": {"question": "Schmeckt Ihnen unser Tee?"}})
    asked = ask(customer_id)
    token = survey_path(customer_id, 0, asked.invitation_id, asked.expires_at).removeprefix("surveys/")
    page = invoke("answer_survey/get", fill={"TOKEN": token})["body"]
    assert '<legend lang="de">Schmeckt Ihnen unser Tee?</legend>' in page
    for text in DEFAULT_TEXTS.follow_ups.values():
        assert text not in page
        assert translate(text, "de") in page


def test_every_text_of_ours_in_surveys_has_a_translation() -> None:
    for texts in (DEFAULT_TEXTS, RECOVERY_TEXTS):
        for text in (texts.question, *texts.follow_ups.values(), *texts.thanks.values()):
            assert not text or translate(text, "de") != text
