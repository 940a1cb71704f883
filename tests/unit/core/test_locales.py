"""Which language somebody is addressed in."""

import pytest

from shared.core.locales import choose_locale
from shared.core.settings import Settings


@pytest.mark.parametrize(
    ("preferred", "language"),
    [
        (("de",), "de"),
        (("de-AT",), "de"),
        (("de_CH",), "de"),
        (("DE",), "de"),
        (("zh-Hant-TW",), "en"),
        (("fr",), "en"),
        (("den",), "en"),
        (("",), "en"),
        ((None,), "en"),
        ((None, "de"), "de"),
        (("en-GB", "de"), "en"),
        (("fr", "de"), "de"),
    ],
)
def test_the_first_preferred_locale_that_is_spoken_decides(preferred: tuple[str | None, ...], language: str) -> None:
    assert choose_locale(*preferred) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.8, de;q=0.9", "de"),
        ("fr-FR, fr;q=0.9, de;q=0.5, *;q=0.1", "de"),
        ("de;q=0, en", "en"),
        ("de;q=0", "en"),
        ("de ; q=0.5", "de"),
        ("de;Q=1.000", "de"),
        ("fr", "en"),
        ("*", "en"),
        ("", "en"),
        ("de;q=2", "en"),
        ("de;q=nan", "en"),
        ("de;q=0.٥", "en"),
        ("de en", "en"),
        ("de;;", "en"),
        (",,;=,de", "de"),
        ("\x00,de\n", "de"),
        ("x" * 10_000, "en"),
    ],
)
def test_a_browser_is_heard_by_its_weights_and_what_is_malformed_is_passed_over(header: str, language: str) -> None:
    assert choose_locale(None, accept_language=header) == language


def test_the_customers_own_locale_goes_before_the_browser_and_the_shop_comes_last() -> None:
    assert choose_locale("en", accept_language="de", default="de") == "en"
    assert choose_locale(None, accept_language="en", default="de") == "en"
    assert choose_locale("fr", accept_language="it", default="de") == "de"


def test_the_language_of_a_shop_is_one_that_is_spoken() -> None:
    assert Settings().locale == "en"
    assert Settings.from_environment({"LOCALE": "de"}).locale == "de"
    with pytest.raises(ValueError, match="locale 'fr': want one of en, de"):
        Settings.from_environment({"LOCALE": "fr"})
