"""The languages of pages and mails, and the rule that chooses between them."""

import re
from collections.abc import Iterator
from typing import Final

# Templates and code are written in the first; each other language has a catalog in every `shared/<capability>/locales`.
LANGUAGES: Final = ("en", "de")
SOURCE_LANGUAGE: Final = LANGUAGES[0]
# RFC 9110, section 12.5.4: a tag and its weight, from 0 to 1.
_ACCEPTED: Final = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*\s*(?:;\s*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?"
)


def choose_locale(*preferred: str | None, accept_language: str = "", default: str = SOURCE_LANGUAGE) -> str:
    """The first preferred language that is one of LANGUAGES, else `default`.

    `preferred` are locales such as `de-AT` or `de_AT`, the most important first, None where one is not known; after
    them come the languages of an `Accept-Language` header by their weights. Regions are ignored, as
    are unknown languages and malformed tags.
    """
    locales = [re.split("[-_]", locale)[0].lower() for locale in preferred if locale]
    return next((language for language in (*locales, *_accepted(accept_language)) if language in LANGUAGES), default)


def translatable(text: str) -> str:
    """`text` as it is: marks a text in code for the catalogs, to be translated where it is shown."""
    return text


def _accepted(header: str) -> Iterator[str]:
    """The languages of an `Accept-Language` header, the highest weight first; a weight of 0 excludes a language."""
    entries = [match for text in header.split(",") if (match := _ACCEPTED.fullmatch(text))]
    weighted = [(float(match[2] or 1), match[1].lower()) for match in entries]
    return (language for weight, language in sorted(weighted, key=lambda entry: -entry[0]) if weight)
