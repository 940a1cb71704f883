"""The catalogs of texts, `shared/<capability>/locales/<language>/LC_MESSAGES`: made from templates and code.

`python -m infra.catalogs` (`make texts`) brings every `messages.po` up to date, keeps what is translated in it, and
compiles it to the `messages.mo` that functions read.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.core import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from infra import ROOT
from shared.core.locales import LANGUAGES, SOURCE_LANGUAGE

_METHODS: Final = [("**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2")]
_OPTIONS: Final = {
    name: {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
    for name in ("templates/**.html", "templates/**.txt")
}
_KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "translatable": None,
}


class StableCatalog(Catalog):
    """A catalog without the dates and the version of Babel, which would change its files with every run."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """The header that gettext needs."""
        return [
            ("Language", str(self.locale)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Plural-Forms", self.plural_forms),
        ]


def catalog_folders() -> list[Path]:
    """`LC_MESSAGES` of every capability that has texts, in every language but English."""
    return [
        package / "locales" / language / "LC_MESSAGES"
        for package in sorted(path for path in (ROOT / "shared").iterdir() if path.is_dir())
        if _texts(package)
        for language in LANGUAGES
        if language != SOURCE_LANGUAGE
    ]


def renewed(folder: Path) -> Catalog:
    """The catalog of such a folder: all texts of its capability now, with the translations that it has of them."""
    language = folder.parent.name
    known = Catalog(locale=language)
    if (folder / "messages.po").exists():
        with (folder / "messages.po").open("rb") as file:
            known = read_po(file, locale=language)
    catalog = StableCatalog(
        fuzzy=False, locale=Locale.parse(language), header_comment=f"# {folder.parents[2].name}: {language}."
    )
    for filename, text, context in _texts(folder.parents[2]):
        translation = known.get(text[0] if isinstance(text, tuple) else text, context)
        if translation and isinstance(translation.string, tuple) != isinstance(text, tuple):
            translation = None  # It has gained or lost a plural.
        catalog.add(
            text,
            translation.string if translation else None,
            locations=[(filename, 0)],
            flags=translation.flags & {"fuzzy"} if translation else (),
            context=context,
        )
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """The text that people translate."""
    file = BytesIO()
    write_po(file, catalog, include_lineno=False)
    return file.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """The same, compiled for the standard library's gettext."""
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def _texts(package: Path) -> list[tuple[str, str | tuple[str, ...], str | None]]:
    extracted = extract_from_dir(package, _METHODS, _OPTIONS, _KEYWORDS)
    return [(filename, text, context) for filename, _, text, _, context in extracted]


def main() -> None:
    """Write all catalogs, and say what is not translated yet."""
    for folder in catalog_folders():
        catalog = renewed(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "messages.po").write_bytes(as_po(catalog))
        (folder / "messages.mo").write_bytes(as_mo(catalog))
        missing = [message.id for message in catalog if message.id and not is_translated(message)]
        sys.stdout.write(f"{folder.relative_to(ROOT)}: {len(catalog)} texts, {len(missing)} not translated\n")


def is_translated(message: Message) -> bool:
    """Whether a text is translated, in the singular and in the plural where it has one, and by a person."""
    string = message.string
    return not message.fuzzy and bool(string if isinstance(string, str) else string and all(string))


if __name__ == "__main__":
    main()
