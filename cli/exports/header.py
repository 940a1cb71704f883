"""The columns of a shop's export: which of them say who ordered what, when and for how much."""

import csv
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from cli.exports.rows import Layout, UnreadableFile

# Names that shop systems give these columns, as `_plain` writes them.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "customer_id": (
        "customer id", "customer", "customer no", "customer number", "customerid", "client id", "user id", "userid",
        "buyer id", "member id",
    ),
    "email": (
        "email", "e mail", "email address", "e mail address", "customer email", "billing email", "buyer email",
    ),
    "order_id": (
        "order id", "orderid", "order no", "order number", "order", "invoice", "invoice no", "invoiceno",
        "invoice number", "transaction id",
    ),
    "ordered_at": (
        "ordered at", "order date", "orderdate", "created at", "date created", "date", "purchase date",
        "purchased at", "invoice date", "invoicedate", "transaction date",
    ),
    "total": (
        "total", "order total", "total price", "grand total", "total amount", "order amount", "amount",
        "order total amount",
    ),
    "currency": ("currency", "order currency", "currency code"),
    "refunded": ("refunded", "refunded amount", "amount refunded", "total refunded", "order refund amount"),
    "status": ("status", "order status", "financial status", "payment status"),
}  # fmt: skip
COLUMNS: Final = tuple(_NAMES)
# Of these one of several, or none, will do.
_OPTIONAL: Final = frozenset(("customer_id", "email", "currency", "refunded", "status"))
# Statuses of orders that do not count.
CANCELLED: Final = ("cancelled", "canceled", "voided", "failed")
# A file with one of these may have a row per line of an order.
_OF_LINES: Final = frozenset((
    "sku", "lineitem sku", "lineitem name", "lineitem quantity", "quantity", "qty", "product", "product id",
    "product name", "product code", "item", "item id", "item name", "stockcode", "stock code",
))  # fmt: skip
# Shopify calls the order's number `Name`; elsewhere that is a person.
_SHOPIFY: Final = frozenset(("financial status", "lineitem name", "fulfillment status"))

_BOM: Final = b"\xef\xbb\xbf"


class DateOrder(StrEnum):
    """The first part of a date such as 03/04/2024."""

    MONTH_FIRST = "month-first"
    DAY_FIRST = "day-first"


def read_header(path: Path, mapped: Mapping[str, str]) -> Layout:
    """The header of a file, and where it has the columns that scoring needs.

    `mapped` gives the file's own names for some of COLUMNS. Raises UnreadableFile where one is missing or could be
    several.
    """
    with path.open("rb") as file:
        start = file.read(4096)
        if b"\0" in start:
            raise UnreadableFile(f"{path.name} is not a CSV file in UTF-8; save it as “CSV UTF-8”.")
        if b"\n" not in start and b"\r" in start[:-1]:
            raise UnreadableFile(f"{path.name} ends its lines as old Macs did; save it as “CSV UTF-8”.")
        has_bom = start.startswith(_BOM)
        header = start.removeprefix(_BOM).split(b"\n")[0].decode("utf-8", "replace")
        delimiter = max(",;\t", key=header.count)
        file.seek(len(_BOM) if has_bom else 0)
        cells: list[str] = []
        try:
            lines = (line.decode("utf-8", "replace") for line in iter(file.readline, b""))
            cells = next(csv.reader(lines, delimiter=delimiter), [])
        except csv.Error as error:
            raise UnreadableFile(f"The header of {path.name} cannot be read: {error}.") from None
        body_at = file.tell()
    if not any(cell.strip() for cell in cells):
        raise UnreadableFile(f"{path.name} is empty: it has no header.")
    return Layout(
        columns=tuple(cells),
        position=_positions(path.name, cells, mapped),
        delimiter=delimiter,
        has_bom=has_bom,
        body_at=body_at,
    )


def has_lines(columns: Sequence[str]) -> bool:
    """Whether a header has a column that tells of the lines of orders."""
    return any(_plain(cell) in _OF_LINES for cell in columns)


def _positions(file: str, cells: Sequence[str], mapped: Mapping[str, str]) -> dict[str, int]:
    position: dict[str, int] = {}
    for column, name in mapped.items():
        at = [number for number, cell in enumerate(cells) if cell.strip().lower() == name.strip().lower()]
        if len(at) != 1:
            how_often = "more than one column" if at else "no column"
            raise UnreadableFile(f"{file} has {how_often} {name!r} for {column}. It has: {_listed(cells)}.")
        position[column] = at[0]
    plain = [_plain(cell) for cell in cells]
    for column in COLUMNS:
        if column not in position and (at := _named(column, plain, set(position.values()))):
            if len(at) > 1 and column not in _OPTIONAL:
                several = " or ".join(repr(cells[place]) for place in at)
                raise UnreadableFile(f"{file}: {column} may be {several}; say which with --map {column}=NAME.")
            if len(at) == 1:
                position[column] = at[0]
    missing = [column for column in ("ordered_at", "total") if column not in position]
    if not {"customer_id", "email"} & set(position):
        missing.insert(0, "customer_id or email")
    if missing:
        example = missing[0].partition(" ")[0]
        raise UnreadableFile(
            f"{file} lacks {_and(missing)}. It has: {_listed(cells)}. "
            f'Say which column it is, such as --map {example}="Name in the file".'
        )
    return position


def _named(column: str, plain: Sequence[str], taken: set[int]) -> list[int]:
    """Where the header has a name of a column: its own name, or else any other that is usual for it."""
    own = [at for at, name in enumerate(plain) if name == _plain(column) and at not in taken]
    if own:
        return own
    usual = [at for at, name in enumerate(plain) if name in _NAMES[column] and at not in taken]
    if column == "order_id" and not usual and _SHOPIFY & set(plain):
        return [at for at, name in enumerate(plain) if name == "name" and at not in taken]
    return usual


def _plain(cell: str) -> str:
    """`Order-ID ` → `order id`."""
    return re.sub(r"[\s_\-]+", " ", cell).strip().lower()


def _listed(cells: Sequence[str]) -> str:
    return ", ".join(cell.strip() for cell in cells if cell.strip())[:300] or "none"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
