"""Comments: the sentiment and themes of a customer's own words in English or German.

Words are looked up in the lists below. That is quick, needs no library and errs on irony and on what it has never
read; it is meant for counting the themes of many comments, never for deciding about a single customer.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, TypeVar

# Text beyond it is not read, so that the work for a comment is bounded.
MAX_CHARACTERS: Final = 4_000
# How many words after "not" it still counts for.
NEGATION_WORDS: Final = 3
# A mood wins over the other where it occurs more than three times as often; else the comment is mixed.
_OUTNUMBERS: Final = 3


class Sentiment(StrEnum):
    """How a comment sounds."""

    POSITIVE = "POSITIVE"
    NEUTRAL = "NEUTRAL"
    NEGATIVE = "NEGATIVE"
    MIXED = "MIXED"


class Theme(StrEnum):
    """A subject of comments."""

    DELIVERY = "DELIVERY"
    PACKAGING = "PACKAGING"
    PAYMENT = "PAYMENT"
    PRICE = "PRICE"
    PRODUCT_CHOICE = "PRODUCT_CHOICE"
    QUALITY = "QUALITY"
    RETURNS = "RETURNS"
    SERVICE = "SERVICE"
    SIZE = "SIZE"
    STOCK = "STOCK"
    WEBSITE = "WEBSITE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The reading of a comment: `sentiment` is None for an empty one; `themes`, each once, in the order of Theme."""

    sentiment: Sentiment | None
    themes: tuple[Theme, ...]


class _Kind(Enum):
    GOOD = 1
    BAD = 2
    EXPECTED = 3  # bad where it is negated, else nothing: "answer", "arrived"
    EXCESS = 4  # bad after "too", else nothing: "small"
    THANKS = 5  # good where the comment says nothing else
    PLAIN = 6  # nothing, though a shorter word, or the other language, has it as something


# How the lists are written: umlauts and ß spelt out, `stem*` for all words that begin so, `_` between the words of a
# phrase. The longest phrase wins, then the whole word, then the longest stem.
_ENGLISH: Final = {
    _Kind.GOOD: """
        affordable amazing* awesome bargain* beautiful* best better brilliant* cheap cheaper comfortable* comfy
        convenient* cool courteous delicious delight* durable easily easy easier efficient* enjoy* exceed* excellent*
        fabulous fair fantastic* fast faster fastest favorite* favourite* fine flawless* fresh friendly friendlier
        generous* glad good gorgeous great happily happy happier helped helpful* impeccable impress* intuitive kind
        kindly knowledgeable like liked love* loving lovely neat nice nicely nicer outstanding painless* perfect*
        phenomenal pleasant* pleased pleasure polite* professional* prompt promptly quick* reasonable reasonably
        recommend* reliable reliably responsive satisfied satisfaction seamless* smooth* solid speedy spotless
        straightforward sturdy stunning super superb tasty terrific thoughtful top trustworthy welcoming well wonderful*
        worked works worth wow yummy as_advertised as_described as_expected as_pictured as_promised be_back buy_again
        come_back coming_back hassle_free high_quality keep_it_up in_no_time on_time order_again problem_free shop_again
        spot_on thumbs_up trouble_free use_again would_buy user_friendly
        """,
    _Kind.BAD: """
        abysmal ages angry annoy* appalling atrocious awful* awkward bad badly broke broken bug buggy bugs cancelled
        canceled careless cheaply clumsy clunky complain* complicated confus* crack* crash* crap crappy damag* defect*
        delay* difficult* dirty disappoint* disaster* disgrace* disgust* dissatisf* dreadful* error* expensive fail
        failed failing fails failure* fault* faulty flimsy forever forgot forgotten fraud* frustrat* garbage hassle
        horrendous horribl* ignor* impolite impossible incompetent incomplete incorrect* inconvenien* inferior insult*
        issue* joke junk lack* late laughable leak* lied lost mediocre mess messy misleading missing mistake* nightmare
        outrageous overpriced pathetic poor* pricey problem* refus* regret* ridiculous* ripoff rotten rubbish rude*
        sadly scam* scratch* shame shambles shocking* shoddy slow* sluggish smells smelled stain* stale stolen stressful
        suspicious terrible terribly torn trouble* unacceptable unclear uncomfortable unfortunate* unfriendly unhappy
        unhelpful unpleasant unprofessional unreliable unresponsive unsatisf* unusable upset* useless* wait waited
        waiting waste* worse worst wrong* charged_twice cheap_material cheap_plastic cheap_quality do_not_buy don't_buy
        ever_again expected_better expected_more fall_apart falling_apart falls_apart fed_up feels_cheap fell_apart
        fell_off hard_to hidden_costs hidden_fees let_down looks_cheap never_again not_enough not_what out_of_stock
        rip_off ripped_off room_for_improvement so_long sold_out stay_away stopped_working thank_you_for_nothing
        thanks_for_nothing took_long zero_stars
        """,
    _Kind.EXPECTED: """
        answer* arriv* available back choice clear contact* deliver* fit fits fixed find help load loads match order
        reach receiv* refund* repl* resolv* respon* send sent ship* solv* stock support understand* update* work
        """,
    _Kind.EXCESS: "big few heavy high large little long loose many much narrow short small thick thin tight",
    _Kind.THANKS: "cheers thank thanks thx",
    _Kind.PLAIN: """
        as_well best_regards best_wishes feel_like feels_like good_afternoon good_day good_evening good_morning how_fast
        how_well i'd_like i'd_love kind_of kind_regards kinds_of look_like looks_like mist no_doubt no_idea no_wonder
        not_just not_only replac* something_like supermarket* supervis* toll what_kind would_like would_love
        """,
}
_GERMAN: Final = {
    _Kind.GOOD: """
        angenehm* anstandslos* ansprechend* aufmerksam* ausgezeichnet* begeister* beeindruck* bequem* beste besten
        bester bestes bestens besser* brillant* einwandfrei* empfehl* empfohlen entgegenkommend* erfreu* erstklassig*
        exzellent* fabelhaft* fair* fantastisch* fehlerfrei* fehlerlos* flott* freu* freundlich* frisch* funktionier*
        gefaellt gefallen gefiel geklappt genial* gepasst gern gerne gluecklich* grandios* grossartig* guenstig* gut
        gute guten gutem guter gutes haltbar* herrlich* hervorragend* hilfreich* hilfsbereit* hochwertig* hoeflich*
        huebsch* ideal* intuitiv* klappt klappte klasse kompetent* kulant* lecker* liebevoll* lob lohnt mega muehelos*
        nett* optimal* passt passte perfekt* phantastisch* positiv* praktisch* preiswert* prima problemlos*
        professionell* prompt* puenktlich* rasch* reibungslos* robust* sauber* schick* schnell* schoen* serioes*
        sorgfaeltig* spitze spitzenmaessig stabil* stimmt super* tadellos* toll* top traumhaft* uebersichtlich*
        ueberzeug* unkompliziert* unproblematisch* unschlagbar* vertrau* vielfaeltig* vorbildlich* weiterempfehl*
        wertig* wunderbar* wunderschoen* zuegig* zufrieden* zuverlaessig* zuvorkommend* cent_wert geld_wert immer_wieder
        in_ordnung jederzeit_wieder macht_spass weiter_so wie_abgebildet wie_beschrieben wie_erwartet wie_versprochen
        """,
    _Kind.BAD: """
        abgestuerzt absturz* abzocke* aerger* ausverkauf* auszusetzen bedauerlich* beschaed* beschwer* betrog* betrug*
        defekt* dreckig* dreist* enttaeusch* erbaermlich* ewig* falsch* fehl* frech* frust* furchtbar* gerissen gestoert
        gewartet graesslich* grauenhaft* grauenvoll* ignorier* inakzeptabel* inkompetent* kaputt* katastroph* klagen
        kompliziert* laecherlich* lahm* langsam* leider maengel* mangel* meckern minderwertig* mies* miserabel* mist
        mittelmaessig* muehsam* negativ* nerv* nutzlos* peinlich* problem* schade schaebig* schimmel* schlampig*
        schlecht* schleppend* schlimm* schmutzig* schrecklich* schrott* schwach* schwierig* spaet stinkt storniert
        teuer* teure teurer teures teuren traurig* ueberfordert* ueberteuert* umstaendlich* unangenehm* unbequem*
        unbrauchbar* unerreichbar* unfaehig* unfair* unfreundlich* unguenstig* unhoeflich* unklar* unmoeglich*
        unprofessionell* unpuenktlich* unserioes* unuebersichtlich* unverschaemt* unvollstaendig* unzufrieden*
        unzumutbar* unzuverlaessig* veraergert* veraltet* verbesserungswuerdig* vergeblich* vergessen vergriffen
        verloren* vermiss* verspaet* verwirr* verzoeger* vertroest* wackel* warte warten wartet wartezeit* wucher*
        wuetend zerbrochen* zerkratz* zerknittert* zerriss* zerstoert* billig_verarbeitet billige_qualitaet dauert_lange
        dauerte_lange doppelt_abgebucht finger_weg geht_nicht gar_nicht_geht lange_gedauert lange_lieferzeit
        lange_lieferzeiten luft_nach_oben mehr_erwartet nicht_mehr_bestellen nicht_mehr_kaufen nicht_wieder nie_mehr
        nie_wieder niemals_wieder sehr_lange so_lala so_lange wirkt_billig zu_wuenschen_uebrig
        """,
    _Kind.EXPECTED: """
        angekommen ankam antwort* auswahl beantwort* bekommen entspr* erhalten erreich* erstatt* finde finden findet
        gefunden geholfen geliefert* geloest gemeldet genug haelt helfen hilfe hilft kommt lieferbar* loesung meldet
        passen reagier* reaktion rueckmeld* stimmen verfuegbar* verstaend* vorhanden vorraetig* wert zurueckbekommen
        """,
    _Kind.EXCESS: """
        duenn* dick* eng enge gross grosse hoch hohe klein kleine knapp kurz lang lange schmal schwer viel weit wenig
        wenige
        """,
    _Kind.THANKS: "dank danke dankeschoen",
    _Kind.PLAIN: """
        bad die fast freundliche_gruesse freundlichen_gruessen guten_abend guten_morgen guten_tag kind kinder* late lied
        nicht_nur not schoene_gruesse schoenen_tag so_gut_wie supermarkt* well
        """,
}
_ABOUT: Final = {
    Theme.DELIVERY: """
        ahead_of_time arriv* carrier* courier* delay* deliver* dhl dispatch* dpd driver gls hermes on_time package
        packages parcel* post postage posted ship* tracking angekommen ankam liefer* geliefert* kurier* paeckchen paket*
        postbote* puenktlich* sendung* spediteur* spedition* unpuenktlich* verschick* versand* versendet verspaet*
        zugestellt zusteller* zustellung*
        """,
    Theme.PACKAGING: """
        box boxed boxes bubble_wrap cardboard packaging packed packing wrapped wrapping eingepackt geschenkverpack*
        karton* verpack*
        """,
    Theme.PAYMENT: """
        bill billed charged credit_card debit_card invoice* klarna pay paying payment* paypal abgebucht bezahl*
        kreditkarte* lastschrift* mahnung* rechnung* zahlen zahlung*
        """,
    Theme.PRICE: """
        affordable bargain* cheap cheaper cheapest cost costly costs coupon* deals discount* expensive money overpriced
        price priced prices pricey pricing rip_off ripoff ripped_off voucher* abzocke* billig* gebuehr* geld guenstig*
        gutschein* kosten kostenlos* kostet preis* rabatt* sonderangebot* teuer* teure teurer teures teuren ueberteuert*
        unguenstig* wucher*
        """,
    Theme.PRODUCT_CHOICE: """
        assortment brands choice choices collection more_colors more_colours range selection variety auswahl*
        kollektion* marken produktpalette* sortiment* vielfalt* vielfaeltig*
        """,
    Theme.QUALITY: """
        broke broken cheap_plastic crack* damag* defect* durable durability fabric fall_apart falling_apart falls_apart
        faulty feels_cheap fell_apart flimsy leak* looks_cheap material* quality scratch* shoddy stopped_working sturdy
        torn well_made beschaed* defekt* gerissen haltbar* hochwertig* kaputt* maengel* mangelhaft* minderwertig*
        qualita* robust* schrott* stabil* stoff stoffe verarbeit* wertig* wirkt_billig zerbrochen* zerkratz* zerriss*
        """,
    Theme.RETURNS: """
        cancel* exchange* money_back refund* return returned returning returns send_back send_it_back sending_back
        sent_back sent_it_back warranty erstatt* garantie* geld_zurueck gewaehrleistung gutschrift* reklam* retour*
        rueckerstatt* rueckgabe* ruecknahme* ruecksend* rueckversand* storn* umgetauscht umtausch* widerruf*
        zurueckbekommen zurueckgegeben zurueckgeschickt zurueckgesendet zurueckschick* zuruecksend*
        """,
    Theme.SERVICE: """
        advice advisor agent agents answer* chat chatbot employee* friendly helpdesk helpful* helpline hotline polite*
        replied replies reply respond* response* rude* service* staff support* team unfriendly unhelpful
        ansprechpartner* antwort* beantwort* berat* freundlich* hilfsbereit* hoeflich* inkompetent* kompetent* kulant*
        kundenbetreu* kundendienst* mitarbeit* personal rueckmeld* telefonisch* unfreundlich* unhoeflich* verkaeufer*
        """,
    Theme.SIZE: """
        fit fits fitted fitting size sized sizes sizing too_big too_large too_long too_loose too_short too_small
        too_tight faellt_gross faellt_klein faellt_kleiner faellt_groesser groesse* passform* passgenau* zu_eng zu_gross
        zu_klein zu_kurz zu_weit
        """,
    Theme.STOCK: """
        availability available back_order back_orders backorder* in_stock out_of_stock restock* sold_out stock
        unavailable
        auf_lager ausverkauf* lagernd lieferbar* verfuegbar* vergriffen vorraetig*
        """,
    Theme.WEBSITE: """
        app basket browser checkout click* homepage log_in login navigat* online_shop page pages password* search site
        sites user_friendly web webpage webshop website* bestellprozess* bestellvorgang* einlogg* internetseite*
        kundenkonto onlineshop* passwort* seite seiten suchfunktion* warenkorb* webseite*
        """,
}
# German compounds: a single word may have two themes, or have its theme in its last part.
_IN_COMPOUNDS: Final = (
    ("auswahl", Theme.PRODUCT_CHOICE),
    ("beratung", Theme.SERVICE),
    ("groesse", Theme.SIZE),
    ("kosten", Theme.PRICE),
    ("gebuehr", Theme.PRICE),
    ("liefer", Theme.DELIVERY),
    ("preis", Theme.PRICE),
    ("qualitaet", Theme.QUALITY),
    ("rechnung", Theme.PAYMENT),
    ("service", Theme.SERVICE),
    ("verpack", Theme.PACKAGING),
    ("versand", Theme.DELIVERY),
    ("zahlung", Theme.PAYMENT),
)
_NEGATORS: Final = frozenset(
    """
    ain't aren't barely can't cannot cant couldn't couldnt didn't didnt doesn't doesnt don't dont hadn't hardly hasn't
    hasnt haven't havent isn't isnt neither never no nobody none nor not nothing shouldn't wasn't wasnt weren't without
    won't wont wouldn't wouldnt
    kaum kein keine keinem keinen keiner keinerlei keines nicht nichts nie niemals niemand niemanden ned net ohne weder
    """.split()
)
# "Could be faster": praise in the conditional is a complaint.
_CONDITIONALS: Final = frozenset(
    """
    could couldn't couldnt should shouldn't would wouldn't
    duerfte duerften haette haetten koennte koennten muesste muessten sollte sollten waere waeren wuenschte
    """.split()
)
# In German "nicht" may follow its verb, behind whom it concerns: "gefällt mir leider gar nicht".
_NEGATED_AFTERWARDS_WORDS: Final = 5
_NEGATED_AFTERWARDS: Final = tuple(
    """
    antwort empfehl entspr erreich find funktionier gefaell gefiel haelt hilft klapp kommt lohn meld passen passt
    reagier stimm ueberzeug
    """.split()
)
_AFTERWARDS: Final = frozenset("kaum nicht nichts nie niemals niemand niemanden".split())
_CLAUSE_WORDS: Final = frozenset(
    "aber allerdings although and but doch however jedoch obwohl sondern und weil because".split()
)
_ENGLISH_SIGNS: Final = frozenset("and are for have is it my of that the they this to very with you your".split())
_GERMAN_SIGNS: Final = frozenset(
    "aber auch bei das den der die ein eine es hat ich ist mein mir mit nicht sehr und von war wir zu".split()
)
_EXCESSIVE: Final = frozenset(("allzu", "too", "zu"))
_OR: Final = frozenset(("nor", "oder", "or"))
_MORE: Final = frozenset(("etwas", "mehr", "more"))
_COMPARATIVE: Final = ("er", "ere", "eren")
_SIGNS: Final = {
    **dict.fromkeys((":)", ":-)", ";)", ";-)", *"👍👏🙏😀😃😄😁😊🙂😍🥰😘🤩😎🥳❤♥💕💖💯⭐🌟🎉✅☺"), 1),
    **dict.fromkeys((":(", ":-(", *"👎😞😔😟🙁☹😠😡🤬😤😢😭😩😫💩🤮🤢😒❌💔"), -1),
}

_BREAK: Final = "."
_ENDS: Final = frozenset(",.:;!?()…–")
# A letter run with inner apostrophes, a smiley, a known emoji, or the end of a clause: no two can start alike, so
# that every character is looked at once.
_TOKEN: Final = re.compile(
    rf"[:;]-?[()]|[^\W\d_]+(?:'[^\W\d_]+)*|[{''.join(_ENDS)}]|[{''.join(sign for sign in _SIGNS if len(sign) == 1)}]"
)
# Decomposed umlauts carry their dots (U+0308) as a character of its own.
_FOLD: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "\u0308": "e", "’": "'", "‘": "'", "´": "'", "`": "'", "ʼ": "'"}
)

_Value = TypeVar("_Value")
_SHORTEST_STEM: Final = 3
_SHORTEST_COMPOUND: Final = 8


def _index(lists: Mapping[_Value, str]) -> dict[str, _Value]:
    return {word: value for value, words in lists.items() for word in words.split()}


_KINDS: Final = {"en": _index(_ENGLISH), "de": _index(_GERMAN)}
_THEMES: Final = _index(_ABOUT)
_LISTED: Final = (*_KINDS["en"], *_KINDS["de"], *_THEMES)
_PHRASE_WORDS: Final = 1 + max(word.count("_") for word in _LISTED)
_LONGEST_STEM: Final = max(len(word) for word in _LISTED if word.endswith("*")) - 1


def read(text: str, locale: str | None = None) -> Reading:
    """The sentiment and themes of a comment, from its first MAX_CHARACTERS; no text raises an error.

    Both languages are always looked up, for customers mix them. Where a word means something else in each ("fast",
    "kind") the language of the comment's small words decides, then that of the `locale` (`de-AT`, `en_GB`), then
    English. A word within NEGATION_WORDS after a negation counts as its opposite, some German verbs also before
    one; words that are in neither list, as those of other languages, count as nothing, and a comment of nothing
    else is neutral.
    """
    text = text.strip()[:MAX_CHARACTERS]
    if not any(character.isprintable() and not character.isspace() for character in text):
        return Reading(sentiment=None, themes=())
    words = _words(text)
    return Reading(sentiment=_sentiment(words, _languages(words, locale)), themes=_themes(words))


def _words(text: str) -> list[str]:
    """Folded words, smileys and emojis; a _BREAK wherever a clause ends."""
    chunks = text.replace("\n", " . ").casefold().translate(_FOLD).split()
    kept = (chunk for chunk in chunks if not (chunk.startswith("www.") or "://" in chunk or "@" in chunk))
    tokens = _TOKEN.findall(" ".join(kept))
    return [_BREAK if token in _ENDS else token for token in tokens]


def _languages(words: Iterable[str], locale: str | None) -> tuple[str, str]:
    votes = sum((word in _GERMAN_SIGNS) - (word in _ENGLISH_SIGNS) for word in words)
    if votes == 0:
        votes = 1 if (locale or "").casefold().startswith("de") else -1
    return ("de", "en") if votes > 0 else ("en", "de")


def _find(words: list[str], at: int, table: Mapping[str, _Value]) -> tuple[_Value, int] | None:
    """The table's value for the phrase, word or stem at a place, and its number of words."""
    for length in range(min(_PHRASE_WORDS, len(words) - at), 0, -1):
        value = table.get("_".join(words[at : at + length]))
        if value is not None:
            return value, length
    word = words[at]
    for length in range(min(_LONGEST_STEM, len(word)), _SHORTEST_STEM - 1, -1):
        value = table.get(f"{word[:length]}*")
        if value is not None:
            return value, 1
    return None


def _sentiment(words: list[str], languages: Iterable[str]) -> Sentiment:
    tables = [_KINDS[language] for language in languages]
    good = bad = thanks = at = 0
    negated_until = conditional_until = -1
    while at < len(words):
        word, before, used = words[at], words[at - 1] if at else _BREAK, 1
        if word == _BREAK or word in _CLAUSE_WORDS or word in _SIGNS:
            negated_until = conditional_until = -1
            worth = _SIGNS.get(word, 0)
        else:
            kind, used = next(filter(None, (_find(words, at, table) for table in tables)), (None, 1))
            opposite = at <= negated_until or _negated_afterwards(words, at)
            if kind is _Kind.GOOD and at <= conditional_until and (before in _MORE or word.endswith(_COMPARATIVE)):
                opposite = not opposite
            worth = _worth(kind, opposite=opposite, excessive=before in _EXCESSIVE)
            thanks += kind is _Kind.THANKS
            if used == 1 and word in _CONDITIONALS:
                conditional_until = at + NEGATION_WORDS
            if used == 1 and (word in _NEGATORS or (word in _OR and at <= negated_until + 1)):
                negated_until = at + NEGATION_WORDS
        good += worth > 0
        bad += worth < 0
        at += used
    if not good and not bad:
        return Sentiment.POSITIVE if thanks else Sentiment.NEUTRAL
    if good > _OUTNUMBERS * bad:
        return Sentiment.POSITIVE
    return Sentiment.NEGATIVE if bad > _OUTNUMBERS * good else Sentiment.MIXED


def _worth(kind: _Kind | None, *, opposite: bool, excessive: bool) -> int:
    """1 for praise, -1 for a complaint, 0 for neither."""
    if kind is _Kind.GOOD:
        return -1 if opposite else 1
    if kind is _Kind.BAD or (kind is _Kind.EXCESS and excessive):
        return 1 if opposite else -1
    return -1 if kind is _Kind.EXPECTED and opposite else 0


def _negated_afterwards(words: list[str], at: int) -> bool:
    if words[at].startswith(_NEGATED_AFTERWARDS):
        for number in range(at + 1, min(at + 1 + _NEGATED_AFTERWARDS_WORDS, len(words))):
            if words[number] == _BREAK or words[number] in _CLAUSE_WORDS:
                return False
            if words[number] in _AFTERWARDS:
                return words[number + 1 : number + 2] != ["nur"]
    return False


def _themes(words: list[str]) -> tuple[Theme, ...]:
    themes: set[Theme] = set()
    at = 0
    while at < len(words):
        theme, used = _find(words, at, _THEMES) or (None, 1)
        if theme is not None:
            themes.add(theme)
        if len(words[at]) >= _SHORTEST_COMPOUND:
            themes.update(other for part, other in _IN_COMPOUNDS if words[at].find(part, 1) > 0)
        at += used
    return tuple(theme for theme in Theme if theme in themes)
