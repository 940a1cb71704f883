"""NPS figures by the month of the invitation: pk `NPS#<month>`, items by survey, segment, channel and category.

Counted in the transaction that records what is counted, so that they are exact whatever is retried; in SHARDS parts,
for two transactions cannot count on the same item at once.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any, Final
from zlib import crc32

from shared.core import old_table as table
from shared.core.months import month_of
from shared.nps.margin import EMPTY, Group, Histogram, add, group_of
from shared.nps.survey import RECOVERY, Answer, Invitation

_ANSWERS: Final = "ANSWERS#"
_THEMES: Final = "THEMES#"
_CASES: Final = "CASES"
DIMENSIONS: Final = ("survey_id", "segment", "channel", "category")
UNKNOWN: Final = "-"
ANONYMOUS: Final = "Anonymous"
SHARDS: Final = 16


def count_invitation(asked: Invitation, zone: tzinfo) -> table.Write:
    """The write that counts an invitation (2 write units)."""
    return _add(_month(asked.invited_at, zone), _key_of(asked), {"invited": 1}, _dimensions(asked))


def count_answer(asked: Invitation, before: Answer | None, zone: tzinfo) -> list[table.Write]:
    """The writes that count an answer, or count it anew after a change (2 write units, 2 or 4 more for its themes)."""
    assert asked.answer is not None
    month = _month(asked.invited_at, zone)
    counts = {f"s{asked.answer.score}": 1}
    if before:
        counts[f"s{before.score}"] = counts.get(f"s{before.score}", 0) - 1
    moved = before is None or before.score != asked.answer.score
    writes = [_add(month, _key_of(asked), counts, _dimensions(asked))] if moved else []
    return [*writes, *_theme_writes(month, asked, before)]


def count_anonymous(survey_id: str, place: str, answer_id: str, given: Answer, zone: tzinfo) -> list[table.Write]:
    """The writes that count an answer by an anonymous link."""
    about = {"segment": ANONYMOUS, "channel": place}
    month = _month(given.answered_at, zone)
    dimensions = {"survey_id": survey_id, **about}
    writes = [_add(month, _group_key(survey_id, about, answer_id), {f"s{given.score}": 1}, dimensions)]
    if given.themes:
        writes.append(_add(month, f"{_THEMES}{group_of(given.score)}", dict.fromkeys(given.themes, 1)))
    return writes


class MonthFigures:
    """What is counted in one month."""

    def __init__(self, items: Iterable[Mapping[str, Any]]) -> None:
        self.rows: list[tuple[dict[str, str], int, Histogram]] = []
        self.recovery: Histogram = EMPTY
        self.themes: dict[str, dict[str, int]] = {}
        self.cases: dict[str, int] = {}
        for item in items:
            counted = {name: value for name, value in item.items() if name not in ("pk", "sk", *DIMENSIONS)}
            if item["sk"].startswith(_ANSWERS):
                histogram: Histogram = tuple(counted.get(f"s{score}", 0) for score in range(11))
                if item["survey_id"] == RECOVERY:
                    self.recovery = add(self.recovery, histogram)
                else:
                    dimensions = {name: item.get(name, UNKNOWN) for name in DIMENSIONS}
                    self.rows.append((dimensions, counted.get("invited", 0), histogram))
            elif item["sk"].startswith(_THEMES):
                self.themes[item["sk"].removeprefix(_THEMES)] = counted
            else:
                self.cases = counted


def month(name: str) -> MonthFigures:
    """The figures of a month (1 read unit per 4 KB; an item has some 150 bytes)."""
    return MonthFigures(table.query(table.customers_table(), f"NPS#{name}"))


def _theme_writes(month: str, asked: Invitation, before: Answer | None) -> list[table.Write]:
    assert asked.answer is not None
    changes: dict[Group, dict[str, int]] = {}
    for given, sign in ((asked.answer, 1), (before, -1)):
        if given:
            counts = changes.setdefault(group_of(given.score), {})
            for theme in given.themes:
                counts[theme] = counts.get(theme, 0) + sign
    kept = {group: {theme: n for theme, n in counts.items() if n} for group, counts in changes.items()}
    return [_add(month, f"{_THEMES}{group}", counts) for group, counts in kept.items() if counts]


def _add(month: str, sk: str, counts: Mapping[str, int], dimensions: Mapping[str, str] | None = None) -> table.Write:
    counts = {name: count for name, count in counts.items() if count}
    names = {f"#{name}": name for name in (*counts, *(dimensions or {}))}
    values: dict[str, Any] = {f":{name}": count for name, count in counts.items()}
    values |= {f":{name}": text for name, text in (dimensions or {}).items()}
    change = ""
    if dimensions:
        change += "SET " + ", ".join(f"#{name} = :{name}" for name in dimensions) + " "
    change += "ADD " + ", ".join(f"#{name} :{name}" for name in counts)
    return table.update(table.customers_table(), {"pk": f"NPS#{month}", "sk": sk}, change, "", values, names)


def _key_of(asked: Invitation) -> str:
    return _group_key(asked.survey_id, asked.about, asked.customer_id)


def _group_key(survey_id: str, about: Mapping[str, str], counted: str) -> str:
    shard = crc32(counted.encode()) % SHARDS
    parts = [survey_id, *(about.get(name, UNKNOWN) for name in DIMENSIONS[1:]), str(shard)]
    return _ANSWERS + "#".join(parts)


def _dimensions(asked: Invitation) -> dict[str, str]:
    return {"survey_id": asked.survey_id, **{name: asked.about[name] for name in DIMENSIONS[1:] if name in asked.about}}


def _month(at: datetime, zone: tzinfo) -> str:
    return month_of(at.astimezone(zone).date())
