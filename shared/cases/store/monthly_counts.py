"""How many cases were opened and resolved: pk `NPS#<month of opening>`, sk `CASES`, beside the month's answers."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.months import month_of

SORT_KEY: Final = "CASES"


def add(opened_on: date, counts: Mapping[str, int]) -> Write:
    """The write that adds to `opened`, `resolved` and `minutes` of the month in which a case was opened."""
    counts = {name: count for name, count in counts.items() if count}
    names = {f"#{name}": name for name in counts}
    change = "ADD " + ", ".join(f"#{name} :{name}" for name in counts)
    key = {"pk": f"NPS#{month_of(opened_on)}", "sk": SORT_KEY}
    return CUSTOMERS.update(key, change, "", {f":{name}": count for name, count in counts.items()}, names)
