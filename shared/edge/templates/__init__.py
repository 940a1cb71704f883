"""The texts that people see: Jinja2 templates in `shared/<capability>/templates`, their translations in `…/locales`."""

from datetime import date
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.core.locales import LANGUAGES, SOURCE_LANGUAGE, translatable

if TYPE_CHECKING:
    from jinja2 import Environment

_SHARED: Final = Path(__file__).parents[2]
FOLDERS: Final = sorted(_SHARED.glob("*/templates"))
_MONTHS: Final = (
    translatable("January"),
    translatable("February"),
    translatable("March"),
    translatable("April"),
    translatable("May"),
    translatable("June"),
    translatable("July"),
    translatable("August"),
    translatable("September"),
    translatable("October"),
    translatable("November"),
    translatable("December"),
)


@cache
def environment(language: str) -> "Environment":
    """The Jinja2 environment of one of LANGUAGES. A name that a template needs and the caller did not pass raises
    `UndefinedError`.
    """
    return make_environment(language, translations(language))


def make_environment(language: str, catalog: NullTranslations) -> "Environment":
    """A Jinja2 environment whose templates take their texts from the catalog."""
    # Imported on first use: a request that renders nothing, and every cold start, does without it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
    from markupsafe import Markup

    env = Environment(
        loader=FileSystemLoader(FOLDERS),
        extensions=["jinja2.ext.i18n"],
        # Everything is escaped except in the plain-text parts of mails, where `&amp;` would be shown as such.
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        catalog.gettext, catalog.ngettext, newstyle=True, pgettext=catalog.pgettext, npgettext=catalog.npgettext
    )
    marks = str.maketrans(
        {",": catalog.pgettext("between thousands", ","), ".": catalog.pgettext("before decimals", ".")}
    )
    env.globals["lang"] = language
    env.globals["inline"] = lambda name: Markup(source(name))  # noqa: S704  a file of ours
    env.filters["number"] = lambda number: f"{number:,}".translate(marks)
    env.filters["long_date"] = lambda day: _long_date(day, catalog)
    env.filters["moment"] = lambda at: (
        catalog.gettext("%(day)s, %(time)s")
        % {
            "day": _long_date(at, catalog),
            "time": f"{at:%H:%M}",
        }
    )
    env.filters["month"] = lambda day: catalog.gettext(_MONTHS[day.month - 1])
    return env


def translate(text: str, language: str) -> str:
    """A text that is marked `translatable`, in one of LANGUAGES; any other text unchanged."""
    return translations(language).gettext(text)


@cache
def translations(language: str) -> NullTranslations:
    """The catalogs of all deployed capabilities, merged; empty for English, in which texts are written.

    Raises ValueError for a language outside LANGUAGES.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r}: want one of {', '.join(LANGUAGES)}")
    merged = NullTranslations()
    if language != SOURCE_LANGUAGE:
        for path in sorted(_SHARED.glob(f"*/locales/{language}/LC_MESSAGES/messages.mo")):
            with path.open("rb") as file:
                merged.add_fallback(GNUTranslations(file))
    return merged


@cache
def source(name: str) -> str:
    """A stylesheet exactly as pages contain it, and thus as their Content-Security-Policy hashes it."""
    return next(path for folder in FOLDERS if (path := folder / name).is_file()).read_text("utf-8")


def _long_date(day: date, catalog: NullTranslations) -> str:
    parts = {"day": day.day, "month": catalog.gettext(_MONTHS[day.month - 1]), "year": day.year}
    return catalog.gettext("%(day)s %(month)s %(year)s") % parts
