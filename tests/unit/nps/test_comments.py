"""What comments sound like and are about, judged by hand."""

import unicodedata
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.nps import comments
from shared.nps.comments import Sentiment, Theme

POSITIVE, NEUTRAL, NEGATIVE, MIXED = Sentiment.POSITIVE, Sentiment.NEUTRAL, Sentiment.NEGATIVE, Sentiment.MIXED

JUDGED = [
    # English
    ("Great service and fast delivery, will order again!", POSITIVE, "DELIVERY SERVICE"),
    ("Everything arrived on time and well packed.", POSITIVE, "DELIVERY PACKAGING"),
    ("The parcel came two weeks late and nobody answered my emails.", NEGATIVE, "DELIVERY SERVICE"),
    ("Good quality but far too expensive.", MIXED, "PRICE QUALITY"),
    ("Never again.", NEGATIVE, ""),
    ("No problems at all, thank you", POSITIVE, ""),
    ("not good", NEGATIVE, ""),
    ("Not bad at all", POSITIVE, ""),
    ("The shoes were too small and returning them was a nightmare.", NEGATIVE, "RETURNS SIZE"),
    ("I ordered on Monday and picked it up on Friday.", NEUTRAL, ""),
    ("Still waiting for my refund after 6 weeks!!!", NEGATIVE, "RETURNS"),
    ("Love the new website, so easy to find things.", POSITIVE, "WEBSITE"),
    ("Website keeps crashing at checkout, very frustrating", NEGATIVE, "WEBSITE"),
    ("My favourite shop. Huge choice and fair prices.", POSITIVE, "PRICE PRODUCT_CHOICE"),
    ("It was sold out although the site said it was in stock.", NEGATIVE, "STOCK WEBSITE"),
    ("The box was torn and the mug inside broken.", NEGATIVE, "PACKAGING QUALITY"),
    ("Customer support was rude and unhelpful.", NEGATIVE, "SERVICE"),
    ("I couldn't be happier with my purchase", POSITIVE, ""),
    ("Delivery could be faster.", NEGATIVE, "DELIVERY"),
    ("can't complain", POSITIVE, ""),
    ("The material feels cheap and it fell apart after one wash.", NEGATIVE, "QUALITY"),
    ("I don't like that you only accept PayPal", NEGATIVE, "PAYMENT"),
    ("Not only fast but also really friendly!", POSITIVE, "SERVICE"),
    ("I would not recommend this shop to anyone.", NEGATIVE, ""),
    ("My order never arrived.", NEGATIVE, "DELIVERY"),
    ("Thanks!", POSITIVE, ""),
    ("Thanks for nothing", NEGATIVE, ""),
    ("👍👍👍", POSITIVE, ""),
    ("Dress is lovely 😍 see https://shop.example/terrible-late-broken", POSITIVE, ""),
    ("I was charged twice and they won’t give me my money back", NEGATIVE, "PAYMENT RETURNS"),
    ("Shipping costs are ridiculous.", NEGATIVE, "DELIVERY PRICE"),
    ("The colour is not what I expected.", NEGATIVE, ""),
    ("Well made, true to size and good value for money.", POSITIVE, "PRICE QUALITY SIZE"),
    ("WORST SHOP EVER", NEGATIVE, ""),
    ("Could you tell me when the blue one is available?", NEUTRAL, "STOCK"),
    ("Never had any problems or delays", POSITIVE, "DELIVERY"),
    ("Not good and expensive", NEGATIVE, "PRICE"),
    # German
    ("Schnelle Lieferung, gerne wieder!", POSITIVE, "DELIVERY"),
    ("Sehr freundlicher Kundenservice, alles bestens.", POSITIVE, "SERVICE"),
    ("Leider kam das Paket erst nach drei Wochen an.", NEGATIVE, "DELIVERY"),
    ("Die Qualität ist gut, aber der Preis ist zu hoch.", MIXED, "PRICE QUALITY"),
    ("nicht gut", NEGATIVE, ""),
    ("Nie wieder!", NEGATIVE, ""),
    ("Keine Probleme, alles super", POSITIVE, ""),
    ("Das Kleid gefällt mir leider gar nicht", NEGATIVE, ""),
    ("Die Hose passt nicht, viel zu klein.", NEGATIVE, "SIZE"),
    ("Rücksendung war kompliziert und die Erstattung dauerte ewig.", NEGATIVE, "RETURNS"),
    ("Der Kundendienst ist unfreundlich und niemand antwortet.", NEGATIVE, "SERVICE"),
    ("Habe nichts zu meckern", POSITIVE, ""),
    ("Ware kam beschädigt an, Verpackung völlig zerrissen", NEGATIVE, "PACKAGING QUALITY"),
    ("Versandkosten sind zu teuer!", NEGATIVE, "DELIVERY PRICE"),
    ("Große Auswahl und faire Preise", POSITIVE, "PRICE PRODUCT_CHOICE"),
    ("Lieferzeit könnte kürzer sein, sonst top.", POSITIVE, "DELIVERY"),
    ("Die Beratung am Telefon war sehr kompetent.", POSITIVE, "SERVICE"),
    ("Artikel war ausverkauft, obwohl er im Onlineshop als verfügbar angezeigt wurde.", NEGATIVE, "STOCK WEBSITE"),
    ("Ich konnte mich nicht einloggen, die Webseite funktioniert nicht.", NEGATIVE, "WEBSITE"),
    ("Preis-Leistungs-Verhältnis stimmt", POSITIVE, "PRICE"),
    ("Immer noch keine Antwort auf meine E-Mail", NEGATIVE, "SERVICE"),
    ("Die Lieferung war fast zwei Wochen unterwegs.", NEUTRAL, "DELIVERY"),
    ("Geschenk für mein Kind", NEUTRAL, ""),
    ("Habe am Montag bestellt.", NEUTRAL, ""),
    ("Guten Tag, wann ist die Größe 42 wieder auf Lager?", NEUTRAL, "SIZE STOCK"),
    ("Vielen Dank", POSITIVE, ""),
    ("UNVERSCHÄMT! Rechnung doppelt abgebucht", NEGATIVE, "PAYMENT"),
    ("Tolle Sachen, schoene Stoffe, puenktliche Zustellung", POSITIVE, "DELIVERY QUALITY"),
    ("Es war nicht nur günstig, sondern auch hochwertig.", POSITIVE, "PRICE QUALITY"),
    ("Könnte nicht besser sein", POSITIVE, ""),
    ("Umtausch ohne Probleme möglich, sehr kulant", POSITIVE, "RETURNS SERVICE"),
    # other languages have no list, and share a word here and there
    ("Livraison rapide, merci beaucoup", NEUTRAL, ""),
    ("とても良い店です", NEUTRAL, ""),
    ("Доставка за два дня", NEUTRAL, ""),
]


@pytest.mark.parametrize(("text", "sentiment", "themes"), JUDGED)
def test_a_comment_is_read_as_a_person_reads_it(text: str, sentiment: Sentiment, themes: str) -> None:
    reading = comments.read(text)
    assert (reading.sentiment, " ".join(reading.themes)) == (sentiment, themes)


@pytest.mark.parametrize("text", ["", " ", "\n\t \u2003", "\u200b\ufeff", "\x00\x07"])
def test_an_empty_comment_has_no_sentiment(text: str) -> None:
    assert comments.read(text) == comments.Reading(sentiment=None, themes=())


@pytest.mark.parametrize("text", ["-", "...", "42", "🚀", "?!", "https://shop.example/great", "me@great.example"])
def test_a_comment_without_a_word_of_its_own_is_neutral(text: str) -> None:
    assert comments.read(text).sentiment is NEUTRAL


@pytest.mark.parametrize("word", sorted(comments._NEGATORS))
def test_every_negation_turns_praise_into_a_complaint(word: str) -> None:
    assert comments.read(f"{word} good").sentiment is NEGATIVE
    assert comments.read(f"{word} schlecht").sentiment is POSITIVE


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("not one two good", NEGATIVE),
        ("not one two three good", POSITIVE),
        ("not that, good", POSITIVE),
        ("not that but good", POSITIVE),
        ("nicht eins zwei gut", NEGATIVE),
        ("nicht eins zwei drei gut", POSITIVE),
        ("Funktioniert bei mir leider überhaupt nicht", NEGATIVE),
        ("Funktioniert, nicht schwer", POSITIVE),
    ],
)
def test_a_negation_reaches_three_words_and_not_beyond_its_clause(text: str, sentiment: Sentiment) -> None:
    assert comments.read(text).sentiment is sentiment


@pytest.mark.parametrize("text", ["schön", "SCHÖN", "schoen", unicodedata.normalize("NFD", "schön"), "Schönes"])
def test_umlauts_are_the_same_in_all_spellings(text: str) -> None:
    assert comments.read(text).sentiment is POSITIVE


def test_a_word_that_is_another_one_without_its_umlaut_is_not_taken_for_it() -> None:
    assert comments.read("schon").sentiment is NEUTRAL


@pytest.mark.parametrize(("eszett", "spelt_out"), [("großartig", "grossartig"), ("GROẞARTIG", "GROSSARTIG")])
def test_eszett_is_double_s(eszett: str, spelt_out: str) -> None:
    assert comments.read(eszett) == comments.read(spelt_out)
    assert comments.read(eszett).sentiment is POSITIVE


@pytest.mark.parametrize("apostrophe", "'’‘`´")
def test_apostrophes_of_all_keyboards_negate(apostrophe: str) -> None:
    assert comments.read(f"it isn{apostrophe}t good").sentiment is NEGATIVE


@pytest.mark.parametrize(
    ("text", "locale", "sentiment"),
    [
        ("fast", "en_GB", POSITIVE),
        ("fast", "de-AT", NEUTRAL),
        ("fast", "de", NEUTRAL),
        ("fast", None, POSITIVE),
        ("fast", "fr-FR", POSITIVE),
        ("fast", "", POSITIVE),
        # their own words say more than the locale of their profile
        ("the delivery was fast", "de", POSITIVE),
        ("ich habe fast zwei Wochen auf die Ware gehofft", "en", NEUTRAL),
        # and what is in one list only is found whatever the locale says
        ("terrible", "de", NEGATIVE),
        ("furchtbar", "en", NEGATIVE),
        ("furchtbar", "xx-unknown-\x00", NEGATIVE),
    ],
)
def test_a_word_of_both_languages_is_read_in_the_comments_then_in_the_locales(
    text: str, locale: str | None, sentiment: Sentiment
) -> None:
    assert comments.read(text, locale).sentiment is sentiment


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("great, lovely, perfect, but late", MIXED),
        ("great, lovely, perfect, superb, but late", POSITIVE),
        ("late, broken, rude, but cheap", MIXED),
        ("late, broken, rude, awful, but cheap", NEGATIVE),
    ],
)
def test_a_mood_wins_where_it_is_more_than_three_times_the_other(text: str, sentiment: Sentiment) -> None:
    assert comments.read(text).sentiment is sentiment


def test_what_lies_behind_the_limit_is_not_read() -> None:
    room = comments.MAX_CHARACTERS - len("good")
    assert comments.read("x " * (room // 2) + "good").sentiment is POSITIVE
    assert comments.read("x " * (room // 2) + " good").sentiment is NEUTRAL
    assert comments.read(" " * 10 * comments.MAX_CHARACTERS + "good").sentiment is POSITIVE


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "not " * 100_000,
        "'" * 100_000,
        "a'" * 100_000,
        ":-" * 100_000,
        "versandkosten" * 10_000,
        "u\u0308" * 100_000,
        "\ufdfa\u0130\ud800" * 10_000,
        "<script>alert(1)</script>",
        "'; DROP TABLE customers; --",
        "{{7*7}} ${7*7} %s %n",
    ],
)
def test_hostile_text_is_read_like_any_other(text: str) -> None:
    assert comments.read(text).sentiment is NEUTRAL


def in_order(themes: tuple[Theme, ...]) -> bool:
    return list(themes) == sorted(set(themes), key=list(Theme).index)


@given(st.text(st.characters(), max_size=300), st.one_of(st.none(), st.text(max_size=8)))
def test_any_text_gives_a_reading(text: str, locale: str | None) -> None:
    reading = comments.read(text, locale)
    assert reading.sentiment is not None or not reading.themes
    assert in_order(reading.themes)


@given(st.lists(st.sampled_from([word for text, *_ in JUDGED for word in text.split()] + [".", "\n"]), max_size=80))
def test_letter_case_and_repetition_do_not_change_a_reading(words: list[str]) -> None:
    text = " ".join(words)
    reading = comments.read(text)
    assert comments.read(text.upper()) == reading
    assert in_order(reading.themes)
    assert comments.read(f"{text}\n{text}"[: comments.MAX_CHARACTERS]).themes == reading.themes


@pytest.mark.parametrize("theme", Theme)
def test_every_theme_occurs_in_some_comment(theme: Theme) -> None:
    assert any(theme in comments.read(text).themes for text, *_ in JUDGED)


@pytest.mark.parametrize("table", [*comments._KINDS.values(), comments._THEMES])
def test_no_list_has_a_word_that_cannot_match(table: Mapping[str, Any]) -> None:
    for listed, value in table.items():
        words = comments._words(listed.rstrip("*").replace("_", " "))
        assert comments._find(words, 0, table) == (value, len(words)), listed


@pytest.mark.parametrize("lists", [comments._ENGLISH, comments._GERMAN, comments._ABOUT])
def test_no_list_has_a_word_twice(lists: Mapping[Any, str]) -> None:
    listed = [word for words in lists.values() for word in words.split()]
    assert len(listed) == len(set(listed))
