"""The CDNOW sample: real purchases of one in ten of the 23,570 people who first bought there in early 1997.

The file lies in the PyPI package `lifetimes`, of which nothing else is used. Its columns: customer, number in the
sample, day, CDs, dollars. Fader and Hardie, https://www.brucehardie.com/notes/026/.
"""

import csv
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Final

from shared.core.money import parse_amount

CURRENCY: Final = "USD"
_NAME: Final = "CDNOW_sample.txt"
_COLUMNS: Final = (
    "order_id",
    "customer_id",
    "ordered_at",
    "total",
    "currency",
    "sku",
    "name",
    "category",
    "quantity",
    "price",
)


def find() -> Path | None:
    """The sample's file, None where the package is not installed."""
    try:
        files = metadata.files("lifetimes") or []
    except metadata.PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())) for file in files if file.name == _NAME]
    return paths[0] if paths and paths[0].is_file() else None


def to_csv(sample: Path, target: Path) -> None:
    """Write the sample as `regulars import` takes it: an order per row, its CDs as a line where the price divides."""
    nth: Counter[tuple[str, str]] = Counter()
    with sample.open(encoding="ascii") as purchases, target.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        for purchase in purchases:
            if not purchase.strip():
                continue
            customer, _, day, pieces, dollars = purchase.split()
            nth[customer, day] += 1
            rows.writerow(
                [
                    f"cdnow-{customer}-{day}-{nth[customer, day]}",
                    f"cdnow-{customer}",
                    f"{day[:4]}-{day[4:6]}-{day[6:]}",
                    dollars,
                    CURRENCY,
                    *_line(int(pieces), parse_amount(dollars, CURRENCY)),
                ]
            )


def _line(pieces: int, cents: int) -> list[str]:
    """The line of an order: only the sum of its pieces is known, so a price is given only where it divides evenly."""
    price, rest = divmod(cents, pieces)
    if rest:
        return [""] * 5
    return ["CD", "Compact disc", "Music", str(pieces), f"{price // 100}.{price % 100:02d}"]
