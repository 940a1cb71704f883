"""Purchases as CSV: the rows of a shop's export become orders, one at a time, however long the file is."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import ValidationError

from shared.core.errors import Invalid, RegularsError
from shared.core.money import CURRENCY_CODES, parse_amount
from shared.edge.http import validation_errors
from shared.purchases.payloads import PurchasePayload

CUSTOMER_COLUMNS: Final = ("email", "customer_id")
NEEDED_COLUMNS: Final = ("order_id", "ordered_at", "total", "currency")
SUM_COLUMNS: Final = ("tax", "shipping", "discount")
ORDER_COLUMNS: Final = (*NEEDED_COLUMNS, *CUSTOMER_COLUMNS, *SUM_COLUMNS, "coupon", "channel")
LINE_COLUMNS: Final = ("sku", "name", "category", "quantity", "price")
# What a rejects file has on top; it can be imported again as it is.
REASON_COLUMN: Final = "reason"

_BOM: Final = b"\xef\xbb\xbf"
# Stand in for bytes that are no UTF-8, so that a rejects file gives them back unchanged.
_NOT_UTF_8: Final = re.compile("[\udc80-\udcff]")
# Spreadsheets that separate columns by semicolons write decimals with a comma. Three digits behind it are left
# alone: they may as well be thousands.
_DECIMAL_COMMA: Final = re.compile(r"-?\d+,\d{1,2}")


# Cells that begin like this are formulas to a spreadsheet.
FORMULA: Final = "^([=+\\-@\t\r])"
_NUMBER: Final = re.compile(r"[+-]?[\d.,\s]+")


class UnreadableFile(Exception):
    """The file as a whole cannot be imported; the message is a sentence that says why."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a file is written. `columns` are the header's cells; `position` finds the known ones by their name.

    `body_at` is the byte at which the rows begin.
    """

    columns: tuple[str, ...]
    position: Mapping[str, int]
    delimiter: str
    has_bom: bool
    body_at: int

    @property
    def unknown(self) -> list[str]:
        """Columns that mean nothing here, such as a misspelt one."""
        known = {self.columns[at] for at in self.position.values()}
        return [name for name in self.columns if name not in known and name.strip().lower() != REASON_COLUMN]

    def cell(self, row: Sequence[str], name: str) -> str:
        """The trimmed cell of a column; blank where the file has no such column or the row ends before it."""
        at = self.position.get(name)
        return row[at].strip() if at is not None and at < len(row) else ""


@dataclass
class OrderRows:
    """The rows of one order, as they stand in the file up to byte `end`."""

    end: int
    rows: list[list[str]] = field(default_factory=list)


def read_layout(path: Path) -> Layout:
    """Read the header. Names may be in any case and order; the delimiter is the most frequent one in the header.

    Raises UnreadableFile where columns are missing or twice, or the file is no text.
    """
    with path.open("rb") as file:
        start = file.read(4096)
        if b"\0" in start:
            raise UnreadableFile(f"{path.name} is not a CSV file in UTF-8; save it as “CSV UTF-8”.")
        has_bom = start.startswith(_BOM)
        header = start.removeprefix(_BOM).split(b"\n")[0].decode("utf-8", "replace")
        delimiter = max(",;\t", key=header.count)
        file.seek(len(_BOM) if has_bom else 0)
        body_at, columns = next(_records(file, delimiter), (0, []))
    names = [name.strip().lower() for name in columns]
    known = {*ORDER_COLUMNS, *LINE_COLUMNS}
    twice = sorted({name for name in names if name in known and names.count(name) > 1})
    if twice:
        raise UnreadableFile(f"{path.name} has the column {twice[0]} more than once.")
    missing = [name for name in NEEDED_COLUMNS if name not in names]
    if not set(CUSTOMER_COLUMNS) & set(names):
        missing.append("email or customer_id")
    if set(LINE_COLUMNS) & set(names):
        missing += [name for name in ("sku", "quantity", "price") if name not in names]
    if missing:
        present = ", ".join(name for name in names if name) or "none"
        raise UnreadableFile(f"{path.name} lacks the columns: {', '.join(missing)}. It has: {present[:300]}.")
    return Layout(
        columns=tuple(columns),
        position={name: at for at, name in enumerate(names) if name in known},
        delimiter=delimiter,
        has_bom=has_bom,
        body_at=body_at,
    )


def read_orders(path: Path, layout: Layout, start: int | None = None) -> Iterator[OrderRows]:
    """The orders of a file from byte `start`, which is where an order ended, or from the first.

    Rows of one order are adjacent. Raises UnreadableFile where a row cannot even be split into cells.
    """
    order: OrderRows | None = None
    with path.open("rb") as file:
        file.seek(layout.body_at if start is None else start)
        try:
            for end, row in _records(file, layout.delimiter):
                if not any(cell.strip() for cell in row):
                    continue
                if order and _continues(layout, order.rows[0], row):
                    order.rows.append(row)
                    order.end = end
                    continue
                if order:
                    yield order
                order = OrderRows(end, [row])
        except csv.Error as error:
            line = _line_at(path, order.end if order else layout.body_at)
            raise UnreadableFile(
                f"{path.name} cannot be read on from line {line}: {error}. Is a quotation mark never closed?"
            ) from None
    if order:
        yield order


def to_payload(layout: Layout, rows: Sequence[Sequence[str]]) -> PurchasePayload:
    """The purchase that an order's rows describe. Raises Invalid, or pydantic's ValidationError, saying what is wrong.

    What `total` has above the lines is booked as shipping, and what it has below them as a discount, where the
    file has no columns for these (tax and shipping, or discount).
    """
    _check_rows(layout, rows)
    order = {name: _common(layout, rows, name) for name in ORDER_COLUMNS}
    missing = [name for name in NEEDED_COLUMNS if not order[name]]
    if missing:
        raise Invalid(f"{', '.join(missing)}: missing")
    currency = order["currency"].upper()
    if currency not in CURRENCY_CODES:
        raise Invalid(f"currency: {order['currency']!r} is not an ISO 4217 code such as EUR")

    def amount(name: str, text: str) -> int:
        if not text:
            raise Invalid(f"{name}: missing")
        if layout.delimiter == ";" and _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        try:
            return parse_amount(text, currency)
        except Invalid as error:
            raise Invalid(f"{name}: {error.detail}") from None

    products: list[dict[str, Any]] = [
        {
            "sku": _needed(layout, row, "sku"),
            "name": layout.cell(row, "name"),
            "category": layout.cell(row, "category"),
            "quantity": _quantity(_needed(layout, row, "quantity")),
            "price": amount("price", layout.cell(row, "price")),
        }
        for row in rows
        if _has_line(layout, row)
    ]
    total = amount("total", order["total"])
    sums = {name: amount(name, order[name]) if order[name] else 0 for name in SUM_COLUMNS}
    if products:
        sums = _booked(layout, total, sum(line["price"] * line["quantity"] for line in products), sums)
    return PurchasePayload.model_validate(
        {
            "order_id": order["order_id"],
            "customer": {name: order[name] for name in CUSTOMER_COLUMNS if order[name]},
            "ordered_at": order["ordered_at"],
            "currency": currency,
            "total": total,
            **sums,
            "coupon": order["coupon"],
            "channel": order["channel"],
            "products": products,
        }
    )


def describe_problem(error: Exception) -> str:
    """One line for the `reason` column; raises what is no refusal."""
    if isinstance(error, RegularsError):
        return error.detail
    if isinstance(error, ValidationError):
        errors = validation_errors(error) or []
        return "; ".join(
            f"{name}: {entry['detail']}" if (name := _name_of(entry["pointer"])) else entry["detail"]
            for entry in errors
        )
    if isinstance(error, OverflowError):
        return "ordered_at: lies too far away"
    raise error


def _name_of(pointer: str) -> str:
    """`/customer/email` → `email`, `/products/0/sku` → `sku of line 1`."""
    parts = pointer.split("/")[1:]
    if parts[:1] == ["products"] and len(parts) > 2:
        return f"{parts[2]} of line {int(parts[1]) + 1}"
    return parts[-1] if parts else ""


def _records(file: BinaryIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows from where the file stands, each with the byte at which it ends."""
    at = file.tell()

    def lines() -> Iterator[str]:
        nonlocal at
        for line in file:
            at += len(line)
            yield line.decode("utf-8", "surrogateescape")

    for row in csv.reader(lines(), delimiter=delimiter):
        yield at, row


def _continues(layout: Layout, first: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a row belongs to the order above it: by its id, or by a line without anything of an order's own."""
    order_id, own_id = layout.cell(first, "order_id"), layout.cell(row, "order_id")
    if not order_id or own_id:
        return bool(order_id) and own_id == order_id
    return _has_line(layout, row) and all(
        layout.cell(row, name) in ("", layout.cell(first, name)) for name in ORDER_COLUMNS
    )


def _has_line(layout: Layout, row: Sequence[str]) -> bool:
    return any(layout.cell(row, name) for name in LINE_COLUMNS)


def _check_rows(layout: Layout, rows: Sequence[Sequence[str]]) -> None:
    for row in rows:
        if any(_NOT_UTF_8.search(cell) for cell in row):
            raise Invalid("the row is not in UTF-8; save the file as “CSV UTF-8”")
        beyond = [cell for cell in row[len(layout.columns) :] if cell.strip()]
        if beyond:
            raise Invalid(f"the row has more cells than the header: {', '.join(beyond)[:100]}")


def _common(layout: Layout, rows: Sequence[Sequence[str]], name: str) -> str:
    """The order's own value: its rows may repeat it or leave it blank."""
    values = list(dict.fromkeys(cell for row in rows if (cell := layout.cell(row, name))))
    if len(values) > 1:
        raise Invalid(f"{name}: the rows of the order say {values[0]!r} and {values[1]!r}")
    return values[0] if values else ""


def _needed(layout: Layout, row: Sequence[str], name: str) -> str:
    if not (cell := layout.cell(row, name)):
        raise Invalid(f"{name}: missing")
    return cell


def _quantity(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9})([.,]0*)?", text)
    if not match:
        raise Invalid(f"quantity: {text!r} is not a whole number")
    return int(match[1])


def _booked(layout: Layout, total: int, lines: int, sums: dict[str, int]) -> dict[str, int]:
    surplus = total - (lines - sums["discount"] + sums["tax"] + sums["shipping"])
    if surplus > 0 and not {"tax", "shipping"} & set(layout.position):
        return {**sums, "shipping": surplus}
    if surplus < 0 and "discount" not in layout.position:
        return {**sums, "discount": -surplus}
    return sums


def _line_at(path: Path, offset: int) -> int:
    """The number of the line that begins at a byte; read only for a message."""
    with path.open("rb") as file:
        lines, left = 1, offset
        while left and (chunk := file.read(min(left, 1 << 20))):
            lines += chunk.count(b"\n")
            left -= len(chunk)
    return lines


def as_cells(layout: Layout, row: Sequence[str], reason: str) -> list[str]:
    """A row for the rejects file: as wide as the header, with its reason in the last column."""
    at = len(layout.columns)
    cells = [*row[:at], *([""] * (at - len(row)))]
    names = [name.strip().lower() for name in layout.columns]
    if REASON_COLUMN in names:
        cells[names.index(REASON_COLUMN)] = reason
        return cells
    return [*cells, reason]


def formula_warning(rejects: Path | None) -> str:
    """A warning where a rejects file has cells that a spreadsheet would run; empty where it has none.

    They are left as they came, for the file is imported again.
    """
    if rejects is None:
        return ""
    try:
        with rejects.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            header = file.readline()
            rows = csv.reader(file, delimiter=max(",;\t|", key=header.count))
            if not any(re.match(FORMULA, cell) and not _NUMBER.fullmatch(cell) for row in rows for cell in row):
                return ""
    except (OSError, csv.Error):
        return ""
    return f"Cells of {rejects.name} begin with =, +, - or @: a spreadsheet takes them for formulas; use a text editor."


def header_of_rejects(layout: Layout) -> list[str]:
    """The header of the rejects file; a rejects file that is imported again keeps the header it has."""
    names = [name.strip().lower() for name in layout.columns]
    return list(layout.columns) if REASON_COLUMN in names else [*layout.columns, REASON_COLUMN]
