"""Every page and mail on a phone of 375 px, also with words and links that have no end: none scrolls sideways.

Nothing is deployed for this: the templates are rendered here.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from shared.core.settings import Settings
from shared.edge.pages import render_page
from tests.e2e.conftest import IN_A_BROWSER
from tests.unit.edge.test_pages import PAGES
from tests.unit.mail.test_compose import CONTEXTS, mail

pytestmark = IN_A_BROWSER
PHONE: Final[ViewportSize] = {"width": 375, "height": 740}
LONG: Final = "https://shop.example/" + "donaudampfschifffahrt" * 10 + "@" + "x" * 60 + ".example"
# The members that people or shops write; a template looks others up, or computes with them.
TEXTS: Final = (
    "name", "customer_name", "customer_id", "case_id", "owner", "text", "question", "comment", "shop_name", "order_id",
    "email_masked", "receipt_to", "code", "tier",
)  # fmt: skip


def stretched(value: Any, name: str = "") -> Any:
    """`value` with a word of 300 characters in place of every text that people or shops write."""
    if isinstance(value, dict):
        return {key: stretched(item, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [stretched(item, name) for item in value]
    return LONG if isinstance(value, str) and name in TEXTS else value


@pytest.fixture(scope="module")
def phone(chromium: Browser) -> Iterator[Page]:
    """A browser's window of that width."""
    page = chromium.new_page(viewport=PHONE)
    yield page
    page.close()


def overflow(phone: Page, html: str) -> int:
    """By how many pixels the document is wider than the phone."""
    phone.set_content(html)
    wider: int = phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("template", CONTEXTS)
def test_no_mail_is_wider_than_a_phone(phone: Page, template: str, language: str) -> None:
    settings = Settings(shop_name="W" * 60, shop_address="W" * 200)
    assert overflow(phone, mail(template, language=language).html) <= 0
    changes = {**stretched(CONTEXTS[template]), "name": "Ada"}
    assert overflow(phone, mail(template, language=language, settings=settings, **changes).html) <= 0


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_a_phone(phone: Page, name: str, language: str) -> None:
    template, context = PAGES[name]
    for values in (context, stretched(context)):
        html = render_page(template, language, **values)
        assert overflow(phone, html) <= 0


def test_a_document_that_is_wider_is_found(phone: Page) -> None:
    assert overflow(phone, f"<p>{LONG}</p>") > 100
