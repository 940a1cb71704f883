"""The catalogs of texts: complete, compiled, and of one mind; and what templates may lean on."""

import re
from gettext import NullTranslations
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from jinja2 import Environment
from jinja2.meta import find_referenced_templates

from infra import ROOT
from infra.catalogs import as_mo, as_po, catalog_folders, is_translated, renewed
from shared.core.locales import LANGUAGES, SOURCE_LANGUAGE
from shared.edge import templates

FOLDERS = catalog_folders()
OTHER_LANGUAGES = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]

every_catalog = pytest.mark.parametrize(
    "folder", FOLDERS, ids=lambda folder: f"{folder.parents[2].name}-{folder.parent.name}"
)


def messages(folder: Path) -> list[Message]:
    return [message for message in renewed(folder) if message.id]


def sides(message: Message) -> list[tuple[str, str]]:
    """A text and its translation; those of one and of many where it counts."""
    if isinstance(message.id, str):
        assert isinstance(message.string, str)
        return [(message.id, message.string)]
    assert isinstance(message.string, tuple)
    singular, many = message.id
    return [(singular, message.string[0]), *((many, string) for string in message.string[1:])]


@every_catalog
def test_a_catalog_holds_the_texts_of_templates_and_code_and_no_others(folder: Path) -> None:
    assert (folder / "messages.po").read_bytes() == as_po(renewed(folder)), "make texts brings it up to date"
    assert (folder / "messages.mo").read_bytes() == as_mo(renewed(folder)), "make texts compiles it"


@every_catalog
def test_every_text_is_translated_and_keeps_its_placeholders(folder: Path) -> None:
    assert [message.id for message in messages(folder) if not is_translated(message)] == []
    for message in messages(folder):
        for text, translation in sides(message):
            # A count of one may go without its number: "once".
            named = set(re.findall(r"%\((\w+)\)s", text)) - {"number"}
            assert named == set(re.findall(r"%\((\w+)\)s", translation)) - {"number"}, text
            assert "<" not in text + translation, "markup belongs into templates"
            assert "%" not in re.sub(r"%\(\w+\)s", "", text + translation)


@every_catalog
def test_translations_are_typeset_as_their_language_wants_it(folder: Path) -> None:
    for message in messages(folder):
        for _, translation in sides(message):
            assert not re.search(r"[\"'`]|\.\.\.| - |\s$|^\s|  ", translation), translation
            assert not re.search(r"\b(du|dich|dir|dein\w*|euch|euer)\b", translation, re.IGNORECASE), translation


def test_the_same_text_has_the_same_translation_in_every_capability() -> None:
    for language in OTHER_LANGUAGES:
        known: dict[object, object] = {}
        for folder in FOLDERS:
            if folder.parent.name == language:
                for message in messages(folder):
                    assert known.setdefault((message.context, message.id), message.string) == message.string


def test_there_are_catalogs_of_the_languages_that_are_spoken_and_no_others() -> None:
    there = {path.parents[1] for path in (ROOT / "shared").glob("*/locales/*/LC_MESSAGES/*.*")}
    assert there == {folder.parent for folder in FOLDERS}


def test_english_loads_no_catalog_and_a_language_that_is_not_spoken_is_refused() -> None:
    assert type(templates.translations("en")) is NullTranslations
    assert templates.translate("Thank you", "en") == "Thank you"
    assert templates.translate("Thank you", "de") == "Vielen Dank"
    with pytest.raises(ValueError, match="language 'fr'"):
        templates.translations("fr")


def test_a_template_leans_on_its_own_capability_and_on_the_edge_alone() -> None:
    env = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    for folder in templates.FOLDERS:
        for path in [*folder.rglob("*.html"), *folder.rglob("*.txt")]:
            for name in find_referenced_templates(env.parse(path.read_text())):
                assert name is not None
                homes = {home.parent.name for home in templates.FOLDERS if (home / name).exists()}
                assert homes <= {folder.parent.name, "edge"}, (path, name)
                assert len(homes) == 1


def test_plain_text_brings_no_macros_into_html() -> None:
    # Jinja takes what a macro returns for safe where its caller escapes, whatever the macro's own file does.
    for folder in templates.FOLDERS:
        for path in folder.rglob("*.html"):
            for name in re.findall(r"from '([^']+\.txt)' import", path.read_text()):
                assert "macro " not in (folder / name).read_text().replace("No macros", "")
