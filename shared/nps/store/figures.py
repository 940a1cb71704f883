"""NPS figures by the month of the invitation: pk `NPS#<month>`, items by survey, segment, channel and category.

Counted in the transaction that records the invitation or answer, so that they are exact whatever is retried; in SHARDS
parts, for two transactions cannot count on the same item at once. Every night they are added up into one item, sk
`TOTAL`, and what is counted afterwards lies beside it until the next night.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from zlib import crc32

from shared.cases.store import monthly_counts
from shared.core.codec import As, Stored
from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.nps.counting import DIMENSIONS, UNKNOWN, MonthFigures, Row
from shared.nps.margin import EMPTY, Group, Histogram
from shared.nps.survey import RECOVERY

SHARDS: Final = 16
# A transaction takes a hundred writes, the total's among them.
MOST_AT_ONCE: Final = 99
# An item takes 400 KB.
_MAX_TOTAL_BYTES: Final = 380_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCounts:
    """Invitations and answers by score; `combination` is of the dimensions and the part of the customers."""

    month: str
    combination: str
    survey_id: str
    segment: str = UNKNOWN
    channel: str = UNKNOWN
    category: str = UNKNOWN
    invited: int = 0
    s0: int = 0
    s1: int = 0
    s2: int = 0
    s3: int = 0
    s4: int = 0
    s5: int = 0
    s6: int = 0
    s7: int = 0
    s8: int = 0
    s9: int = 0
    s10: int = 0

    @property
    def histogram(self) -> Histogram:
        """The answers by score."""
        return (
            self.s0, self.s1, self.s2, self.s3, self.s4, self.s5, self.s6, self.s7, self.s8, self.s9, self.s10,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeCounts:
    """Answers of a group by theme."""

    month: str
    group: str
    delivery: Annotated[int, Stored("DELIVERY")] = 0
    packaging: Annotated[int, Stored("PACKAGING")] = 0
    payment: Annotated[int, Stored("PAYMENT")] = 0
    price: Annotated[int, Stored("PRICE")] = 0
    product_choice: Annotated[int, Stored("PRODUCT_CHOICE")] = 0
    quality: Annotated[int, Stored("QUALITY")] = 0
    returns: Annotated[int, Stored("RETURNS")] = 0
    service: Annotated[int, Stored("SERVICE")] = 0
    size: Annotated[int, Stored("SIZE")] = 0
    stock: Annotated[int, Stored("STOCK")] = 0
    website: Annotated[int, Stored("WEBSITE")] = 0


def _to_text(rows: tuple[Row, ...]) -> str:
    lines = [[*(row.dimensions[name] for name in DIMENSIONS), row.invited, *row.histogram] for row in rows]
    return json.dumps(lines, ensure_ascii=False, separators=(",", ":"))


def _from_text(text: str) -> tuple[Row, ...]:
    count = len(DIMENSIONS)
    return tuple(
        Row(
            dimensions=dict(zip(DIMENSIONS, line[:count], strict=True)),
            invited=line[count],
            histogram=tuple(line[count + 1 :]),
        )
        for line in json.loads(text)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Invitations and answers of a month that have been added up, in some 60 bytes for each combination."""

    month: str
    rows: Annotated[tuple[Row, ...], As(_to_text, _from_text)]
    version: int


ANSWERS: Final = Kind(AnswerCounts, CUSTOMERS, "NPS#{month}", "ANSWERS#{combination}", in_key=("month", "combination"))
TOTALS: Final = Kind(Total, CUSTOMERS, "NPS#{month}", "TOTAL", in_key=("month",))
THEMES: Final = Kind(ThemeCounts, CUSTOMERS, "NPS#{month}", "THEMES#{group}", in_key=("month", "group"))


def get(month: str) -> MonthFigures:
    """The figures of a month such as `2026-11` (1 read unit per 4 KB; an item has some 150 bytes)."""
    items = CUSTOMERS.query(f"NPS#{month}")
    total = next((TOTALS.entity(item) for item in items if TOTALS.owns(item)), None)
    rows = [*(total.rows if total else ()), *(row_of(ANSWERS.entity(item)) for item in items if ANSWERS.owns(item))]
    recovery = [row.histogram for row in rows if row.dimensions["survey_id"] == RECOVERY]
    cases = next((monthly_counts.MONTHS.entity(item) for item in items if monthly_counts.MONTHS.owns(item)), None)
    return MonthFigures(
        rows=tuple(row for row in rows if row.dimensions["survey_id"] != RECOVERY),
        recovery=tuple(map(sum, zip(*recovery, strict=True))) or EMPTY,
        themes={
            item["sk"].partition("#")[2]: {name: count for name, count in item.items() if name not in ("pk", "sk")}
            for item in items
            if THEMES.owns(item)
        },
        opened=cases.opened if cases else 0,
        resolved=cases.resolved if cases else 0,
        minutes=cases.minutes if cases else 0,
    )


def get_parts(month: str) -> tuple[Total | None, list[AnswerCounts]]:
    """What has been added up of a month, and what has been counted since (1 read unit per 4 KB, and 1)."""
    return TOTALS.get(month=month), [ANSWERS.entity(item) for item in CUSTOMERS.query(f"NPS#{month}", "ANSWERS#")]


def is_too_long(total: Total) -> bool:
    """Whether an item would not take this total: then what has been counted since stays beside the one before."""
    return len(_to_text(total.rows).encode()) > _MAX_TOTAL_BYTES


def put_total(total: Total) -> Write:
    """The write of version n of a total over its version n − 1 (2 write units per KB)."""
    return TOTALS.put_version(total)


def delete_part(counts: AnswerCounts) -> Write:
    """The write that takes a count off that has been added up, if it is still this (2 write units)."""
    names = ("invited", *(f"s{score}" for score in range(len(EMPTY))))
    known = {name: getattr(counts, name) for name in names}
    # What was never counted is not there, and reads as 0.
    unchanged = [
        f"({name} = :{name}" + ("" if count else f" OR attribute_not_exists({name})") + ")"
        for name, count in known.items()
    ]
    key = ANSWERS.key(month=counts.month, combination=counts.combination)
    return CUSTOMERS.delete(key, " AND ".join(unchanged), {f":{name}": count for name, count in known.items()})


def row_of(counts: AnswerCounts) -> Row:
    """A part of the counts as a row of the report."""
    dimensions = {name: getattr(counts, name) for name in DIMENSIONS}
    return Row(dimensions=dimensions, invited=counts.invited, histogram=counts.histogram)


def count_invitation(month: str, dimensions: Mapping[str, str], customer_id: str) -> Write:
    """The write that counts an invitation (2 write units). `dimensions` that are not known may be absent."""
    return _add_answers(month, dimensions, customer_id, {"invited": 1})


def count_scores(month: str, dimensions: Mapping[str, str], counted: str, counts: Mapping[int, int]) -> list[Write]:
    """The write of changed counts by score (2 write units), none where nothing changes.

    `counted` is the customer's id, or the answer's where the customer is not known: the part follows from it.
    """
    if not counts:
        return []
    return [_add_answers(month, dimensions, counted, {f"s{score}": count for score, count in counts.items()})]


def count_themes(month: str, counts: Mapping[Group, Mapping[str, int]]) -> list[Write]:
    """The writes of changed counts by theme (2 write units for each group)."""
    return [_add(THEMES.key(month=month, group=group), themes, {}) for group, themes in counts.items()]


def _add_answers(month: str, dimensions: Mapping[str, str], counted: str, counts: Mapping[str, int]) -> Write:
    shard = crc32(counted.encode()) % SHARDS
    combination = "#".join([*(dimensions.get(name, UNKNOWN) for name in DIMENSIONS), str(shard)])
    known = {name: dimensions[name] for name in DIMENSIONS if name in dimensions}
    return _add(ANSWERS.key(month=month, combination=combination), counts, known)


def _add(key: Mapping[str, str], counts: Mapping[str, int], dimensions: Mapping[str, str]) -> Write:
    names = {f"#{name}": name for name in (*counts, *dimensions)}
    values: dict[str, Any] = {f":{name}": value for name, value in (*counts.items(), *dimensions.items())}
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in dimensions) + " " if dimensions else ""
    change += "ADD " + ", ".join(f"#{name} :{name}" for name in counts)
    return CUSTOMERS.update(key, change, "", values, names)
