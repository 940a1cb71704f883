"""How many cases were opened and resolved: pk `NPS#<month of opening>`, sk `CASES`, beside the month's answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfCases:
    """The cases that were opened in a month, how many of them are resolved, and the minutes that those were open."""

    month: str
    opened: int = 0
    resolved: int = 0
    minutes: int = 0


MONTHS: Final = Kind(MonthOfCases, CUSTOMERS, "NPS#{month}", "CASES", in_key=("month",))


def add(month: str, counts: Mapping[str, int]) -> Write:
    """The write that adds to `opened`, `resolved` and `minutes` of the month in which a case was opened."""
    counts = {name: count for name, count in counts.items() if count}
    names = {f"#{name}": name for name in counts}
    change = "ADD " + ", ".join(f"#{name} :{name}" for name in counts)
    values = {f":{name}": count for name, count in counts.items()}
    return CUSTOMERS.update(MONTHS.key(month=month), change, "", values, names)
