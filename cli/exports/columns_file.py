"""Orders of a shop's export as columns: ten million rows in seconds, and no row that cannot be read stops it.

The file is taken in chunks that end where a row ends. Each is first parsed as if all its cells were plain; where a
cell is not, the chunk's cells are taken as texts, and only the pieces of it that hold a row which cannot be read go
through Python row by row, so that the row can be shown and kept.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from cli.exports.cells import EPOCH, SLASHED, UNKNOWN, Amounts, Days, Integers, compact, order_shown
from cli.exports.header import CANCELLED, DateOrder
from cli.exports.names import Names, Numbered, as_texts, combined, encoded, numbered, text_at
from cli.exports.rows import REASON_COLUMN, Layout, UnreadableFile, as_cells, header_of_rejects
from shared.core.errors import Invalid
from shared.core.money import CURRENCY_CODES, parse_amount

# Small enough for its memory to be used again for the next chunk.
CHUNK_BYTES: Final = 8 << 20
PIECE_BYTES: Final = 1 << 18
_CHUNKS_AT_ONCE: Final = 2
_BLOCK_BYTES: Final = 4 << 20
# An opening quotation mark that is not closed within so many lines is taken for a mistake of its row alone.
_MAX_LINES_OF_A_ROW: Final = 2_000
SHOWN_REJECTS: Final = 5
# So many rows are enough to know the kind of names of the next rows.
_FEW_ROWS: Final = 10_000
_MAY_BE_BLANK: Final = frozenset(("customer_id", "email", "refunded", "status"))
_BLANKS: Final = ["", " ", "  ", "   "]
_BOM: Final = b"\xef\xbb\xbf"

Show = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Orders:
    """The rows that are orders or refunds, and what became of the others.

    `customers` are in the order of their names, `customer` are positions in it, `amount` minor units. `order_id` is
    None where the file has no such column. `units` minor units make a unit of the currency, which is None where it is
    not known. `blank` rows are further lines of an order. `dates` is the order taken for dates such as
    03/04/2024, where there were any, and `dates_example` the date that proves it, blank where the order was given.
    `cancelled` rows were left out for their status. Refunds in a column of their orders follow all rows, as refunds.
    """

    customers: pa.Array
    customer: NDArray[np.int32]
    day: Integers
    amount: Integers
    order_id: list[Names] | None
    currency: str | None
    units: int
    rows: int
    blank: int
    cancelled: int
    dates: DateOrder | None
    dates_example: str
    rejected: int
    first_rejects: list[tuple[int, str]]
    rejects: Path | None


@dataclass(frozen=True)
class _Row:
    """A row as csv split it, with the number of its first line in the file; `reason` where it could not be split."""

    line: int
    cells: list[str]
    reason: str = ""


@dataclass
class _Values:
    """The cells of some rows as values; `complete` rows are orders or refunds, `wrong` rows have the reason why not."""

    customer: Names
    order_id: Names | None
    day: Integers
    amount: Integers
    complete: NDArray[np.bool_]
    # The part of each amount that was refunded, where a column has it.
    refunded: Integers | None = None
    cancelled: NDArray[np.bool_] | None = None
    wrong: dict[int, str] = field(default_factory=dict)
    # Rows without a day, an amount or a customer of which their order's own row has not been seen yet.
    waiting: list[int] = field(default_factory=list)


def read_orders(
    path: Path,
    layout: Layout,
    *,
    zone: tzinfo,
    currency: str | None,
    now: datetime,
    rejects: Path,
    show: Show,
    dates: DateOrder | None = None,
) -> Orders:
    """All orders of a file. `show(bytes, rows)` is called as it goes on. `dates` is the order of dates such as
    03/04/2024, by default what the file's other dates prove.

    Rows that cannot be read are written to `rejects`, which is removed where there are none. Raises UnreadableFile
    where no row at all can be read.
    """
    reader = _Reader(path, layout, zone, currency, now, rejects, dates)
    try:
        # While a chunk becomes values the next is parsed.
        with ThreadPoolExecutor(_CHUNKS_AT_ONCE) as pool:
            begun: deque[tuple[bytes, int, Future[_Values | None]]] = deque()
            for chunk, at in _chunks(path, layout.body_at):
                reader.look_ahead(chunk)
                begun.append((chunk, at, pool.submit(reader.parse, chunk)))
                del chunk
                if len(begun) == _CHUNKS_AT_ONCE:
                    reader.take_next(begun, show)
            while begun:
                reader.take_next(begun, show)
        return reader.finish()
    finally:
        reader.close()


class _Reader:
    def __init__(
        self,
        path: Path,
        layout: Layout,
        zone: tzinfo,
        currency: str | None,
        now: datetime,
        rejects: Path,
        dates: DateOrder | None,
    ) -> None:
        self.rows = 0
        self._path = path
        self._layout = layout
        self._currency = currency
        self._days = Days(zone, (now.astimezone(zone).date() - EPOCH).days + 1, self._date_order)
        self._given_dates = dates
        self._dates: DateOrder | None = None
        self._dates_example = ""
        self._amounts: Amounts | None = None
        self._line = 1 + _count_lines(path, layout.body_at)
        self._columns = {name: layout.position[name] for name in layout.position}
        self._has_order_id = "order_id" in layout.position
        self._parts: list[_Values] = []
        self._last_order_id: str | None = None
        self._blank = self._cancelled = 0
        # Refunds from a column of their orders, and the ids of cancelled orders.
        self._back: list[_Values] = []
        self._cancelled_ids: list[Names] = []
        self._waiting: list[tuple[str, _Row, str]] = []
        self._rejects = _Rejects(rejects, layout)
        self._day_type: Any = None
        self._is_typed = True
        self._texts_only: set[str] = set()

    def parse(self, chunk: bytes) -> _Values | None:
        """The values of a chunk where all its cells are plain; chunks may be parsed at the same time."""
        return self._typed(chunk) if self._is_typed else None

    def take_next(self, begun: "deque[tuple[bytes, int, Future[_Values | None]]]", show: Show) -> None:
        """The rows of the chunk that was begun first, which begins and ends where a row does."""
        chunk, at, parsed = begun.popleft()
        if self._take_plain(chunk, parsed.result()):
            self._line += chunk.count(b"\n")
        else:
            start = 0
            for end in _pieces(chunk):
                piece = chunk[start:end]
                if not self._take_plain(piece, self.parse(piece)):
                    self._take_rows(piece)
                self._line += piece.count(b"\n")
                start = end
        show(at, self.rows)

    def finish(self) -> Orders:
        parts, self._parts = self._parts, []
        order_ids = [part.order_id for part in parts if part.order_id is not None] if self._has_order_id else None
        self._resolve_waiting(order_ids)
        if self._back:
            if order_ids is None:
                order_ids = _places(parts)
            parts += self._back
            order_ids += [part.order_id for part in self._back if part.order_id is not None]
        self._rejects.finish()
        if not parts:
            raise UnreadableFile(self._nothing())
        names = [part.customer for part in parts]
        day = np.concatenate([part.day for part in parts])
        amount = np.concatenate([part.amount for part in parts])
        del parts
        customers, codes = encoded(names, lower="customer_id" not in self._columns)
        assert self._amounts
        return Orders(
            customers=customers,
            customer=codes,
            day=day,
            amount=amount,
            order_id=order_ids,
            currency=self._currency,
            units=self._amounts.units,
            rows=self.rows,
            blank=self._blank,
            cancelled=self._cancelled,
            dates=self._dates,
            dates_example=self._dates_example,
            rejected=self._rejects.count,
            first_rejects=self._rejects.first,
            rejects=self._rejects.path if self._rejects.count else None,
        )

    def close(self) -> None:
        self._rejects.close()

    def look_ahead(self, chunk: bytes) -> None:
        """Take the currency and the way of writing days from the first rows of the first chunk."""
        if self._amounts is not None:
            return
        days, currencies, totals = [], [], []
        for number, row in enumerate(self._split(chunk[:PIECE_BYTES], 0)):
            if number == 1_000:
                break
            days.append(self._layout.cell(row.cells, "ordered_at"))
            currencies.append(self._layout.cell(row.cells, "currency"))
            totals.append(self._layout.cell(row.cells, "total"))
        if self._currency is None:
            codes = [code.upper() for code in currencies if code.upper() in CURRENCY_CODES]
            self._currency = codes[0] if codes else None
        units = 100
        if self._currency:
            try:
                units = parse_amount("1", self._currency)
            except Invalid:  # pragma: no cover (every code of ours has a whole unit)
                units = 100
        self._amounts = Amounts(units, decimal_comma=self._layout.delimiter == ";")
        sample = next((day for day in days if day), "")
        if len(sample) <= 10:
            self._day_type = pa.date32()
            self._is_typed = "-" in sample
        else:
            offset = sample.endswith("Z") or sample[-6] in "+-" or sample[-5] in "+-"
            self._day_type = pa.timestamp("us", tz="UTC") if offset else pa.timestamp("us")

    # Plain: everything at once

    def _take_plain(self, chunk: bytes, values: _Values | None) -> bool:
        """Whether the chunk was taken; it is not where a row cannot be read."""
        if values is None:
            values = self._texts(chunk)
            if values is None or values.wrong or values.waiting:
                return False
            # The next chunks will be like a large chunk.
            self._is_typed = self._is_typed and len(chunk) <= PIECE_BYTES
        self._add(values, len(values.day))
        return True

    def _typed(self, chunk: bytes) -> _Values | None:
        """The values where all cells are plain, else None."""
        assert self._amounts
        types = {name: pa.string() for name in self._columns}
        types |= {"ordered_at": self._day_type, "total": pa.float64()}
        if "refunded" in types:
            types["refunded"] = pa.float64()
        if "currency" in types:
            types["currency"] = pa.dictionary(pa.int32(), pa.string())
        try:
            table = self._parsed(chunk, types)
        except pa.ArrowInvalid:
            return None
        if any(table[name].null_count for name in self._columns if name not in _MAY_BE_BLANK):
            return None
        customer = self._customer(table)
        if customer.null_count or not self._one_currency(table):
            return None
        moments = table["ordered_at"].combine_chunks()
        if pa.types.is_date(self._day_type):
            day = moments.cast(pa.int32()).to_numpy().astype(np.int64)
        elif self._day_type.tz:
            day = self._days.of_moments(moments.cast(pa.int64()).to_numpy())
        else:
            day = np.floor_divide(moments.cast(pa.int64()).to_numpy(), 86_400_000_000)
        amount = self._amounts.of_floats(table["total"].to_numpy())
        if amount is None or not self._days.are_possible(day):
            return None
        refunded = None
        if "refunded" in self._columns:
            refunded = self._amounts.of_floats(pc.fill_null(table["refunded"], 0.0).to_numpy())
            if refunded is None:
                return None
        order_id = table["order_id"].combine_chunks() if self._has_order_id else None
        cancelled = self._is_cancelled(table)
        values = _Values(customer, order_id, day, amount, ~cancelled, refunded, cancelled)
        self._shorten(values)
        return values

    def _texts(self, chunk: bytes) -> _Values | None:
        """The values from cells as texts, None where the cells cannot be separated."""
        try:
            table = self._parsed(chunk, dict.fromkeys(self._columns, pa.string()))
        except pa.ArrowInvalid:
            return None
        return self._values(table)

    def _parsed(self, chunk: bytes, types: dict[str, Any]) -> pa.Table:
        """Raises ArrowInvalid where a row is wider or narrower than the header, or a cell does not fit its type."""
        names = [f"_{at}" for at in range(len(self._layout.columns))]
        for name, at in self._columns.items():
            names[at] = name
        is_quoted = b'"' in chunk
        return pyarrow.csv.read_csv(
            pa.BufferReader(chunk),
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=_BLOCK_BYTES),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self._layout.delimiter, quote_char='"' if is_quoted else False, newlines_in_values=is_quoted
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=_BLANKS,
                strings_can_be_null=True,
                decimal_point="," if self._layout.delimiter == ";" else ".",
            ),
        )

    def _date_order(self) -> DateOrder | None:
        """The order of dates such as 03/04/2024: as given, or as all other dates in the file prove."""
        if self._given_dates is not None:
            self._dates = self._given_dates
            return self._dates
        proofs: dict[DateOrder, str] = {}
        for chunk, _ in _chunks(self._path, self._layout.body_at):
            for text in self._slashed(chunk):
                if (order := order_shown(text)) is not None:
                    proofs.setdefault(order, text.strip())
            if len(proofs) > 1:
                return None
        for order, example in proofs.items():
            self._dates, self._dates_example = order, example
        return self._dates

    def _slashed(self, chunk: bytes) -> list[str]:
        """The different dates by numbers in a chunk of which the year is the last."""
        try:
            texts = self._parsed(chunk, {"ordered_at": pa.string()})["ordered_at"]
        except pa.ArrowInvalid:
            cells = (self._layout.cell(row.cells, "ordered_at") for row in self._split(chunk, 0) if not row.reason)
            texts = pa.chunked_array([pa.array([_utf_8(cell) for cell in cells], pa.string())])
        texts = pc.utf8_trim_whitespace(pc.unique(texts))
        # Without the time behind: a day has many.
        days = pc.utf8_slice_codeunits(texts.filter(pc.match_substring_regex(texts, SLASHED)), 0, 10)
        different: list[str] = pc.unique(days).to_pylist()
        return different

    # Row by row

    def _take_rows(self, piece: bytes) -> None:
        rows: list[_Row] = []
        for row in self._split(piece, self._line):
            if row.reason:
                self.rows += 1
                self._rejects.add(row, row.reason)
            elif any(cell.strip() for cell in row.cells):
                rows.append(row)
        if not rows:
            return
        cells = {
            name: pa.array([_utf_8(self._layout.cell(row.cells, name)) or None for row in rows], pa.string())
            for name in self._columns
        }
        values = self._values(pa.table(cells))
        width = len(self._layout.columns)
        for at, row in enumerate(rows):
            beyond = [cell for cell in row.cells[width:] if cell.strip()]
            if beyond:
                values.wrong[at] = f"the row has more cells than the header: {', '.join(beyond)[:100]}"
            elif any(_utf_8(cell) != cell for cell in row.cells):
                values.wrong[at] = "the row is not in UTF-8; save the file as “CSV UTF-8”"
        for at, reason in sorted(values.wrong.items()):
            self._rejects.add(rows[at], reason)
            values.complete[at] = False
        for at in values.waiting:
            if at not in values.wrong:
                reason = self._missing(values, at)
                self._waiting.append((cells["order_id"][at].as_py(), rows[at], reason))
        self._add(values, len(rows))

    def _split(self, piece: bytes, line: int) -> Iterator[_Row]:
        """The rows of a piece; one whose quotation mark is never closed ends with its line and comes with a reason."""
        lines = [text + "\n" for text in piece.decode("utf-8", "surrogateescape").split("\n")]
        if lines and lines[-1] == "\n":
            lines.pop()
        at = 0
        while at < len(lines):
            window = _Window(lines[at : at + _MAX_LINES_OF_A_ROW])
            ended = 0
            with suppress(csv.Error):
                for cells in csv.reader(window, delimiter=self._layout.delimiter):
                    if window.is_over:
                        break
                    yield _Row(line + at + ended, cells)
                    ended = window.taken
            at += ended
            if ended == 0:
                cells = next(csv.reader(lines[at : at + 1], delimiter=self._layout.delimiter, quoting=csv.QUOTE_NONE))
                yield _Row(line + at, cells, "a quotation mark is never closed")
                at += 1

    # Both

    def _values(self, table: pa.Table) -> _Values:
        assert self._amounts
        texts = {name: combined(table[name]) for name in self._columns}
        day, wrong = self._days.of_texts(texts["ordered_at"])
        self._days.check(day, wrong)
        amount, wrong_amounts = self._amounts.of_texts(texts["total"])
        refunded: Integers | None = None
        wrong_refunds: dict[int, str] = {}
        if "refunded" in texts:
            refunded, wrong_refunds = self._amounts.of_texts(texts["refunded"], "refunded")
            refunded[refunded == UNKNOWN] = 0
        for reasons in (wrong_amounts, wrong_refunds):
            for at, reason in reasons.items():
                wrong[at] = f"{wrong[at]}; {reason}" if at in wrong else reason
        customer = self._customer(table)
        for at in self._other_currency(texts):
            wrong[at] = f"currency: {texts['currency'][at].as_py()!r}, but this file is scored in {self._currency}"
        named = customer.is_valid().to_numpy(zero_copy_only=False)
        complete = named & (day != UNKNOWN) & (amount != UNKNOWN)
        order_id = None
        if self._has_order_id:
            order_id = texts["order_id"]
            complete &= order_id.is_valid().to_numpy(zero_copy_only=False)
        cancelled = self._is_cancelled(table)
        # Whatever else is wrong with an order that does not count.
        wrong = {at: reason for at, reason in wrong.items() if not cancelled[at]}
        for at in wrong:
            complete[at] = False
        complete &= ~cancelled
        values = _Values(customer, order_id, day, amount, complete, refunded, cancelled, wrong)
        lacking = np.flatnonzero(~complete & ~cancelled)
        if len(lacking) > len(wrong):
            self._sort_out(values, [at for at in lacking.tolist() if at not in wrong])
        return values

    def _sort_out(self, values: _Values, lacking: list[int]) -> None:
        """Rows that lack something are lines of an order whose own row is known, wait for that, or are wrong."""
        known = named = np.zeros(len(lacking), dtype=bool)
        if values.order_id is not None:
            order_ids = as_texts(values.order_id)
            ids = order_ids.take(pa.array(lacking))
            is_head = values.complete if values.cancelled is None else values.complete | values.cancelled
            heads = [order_ids.filter(pa.array(is_head)), pa.array([self._last_order_id], pa.string())]
            known = pc.is_in(ids, pa.concat_arrays(heads), skip_nulls=True).to_numpy(zero_copy_only=False)
            named = ids.is_valid().to_numpy(zero_copy_only=False)
        for number, at in enumerate(lacking):
            if known[number]:
                continue
            if named[number]:
                values.waiting.append(at)
            elif as_texts(values.customer)[at].is_valid or values.day[at] != UNKNOWN or values.amount[at] != UNKNOWN:
                values.wrong[at] = self._missing(values, at)

    def _missing(self, values: _Values, at: int) -> str:
        lacks = []
        if not as_texts(values.customer)[at].is_valid:
            lacks.append(" and ".join(name for name in ("customer_id", "email") if name in self._columns))
        if values.order_id is not None and not as_texts(values.order_id)[at].is_valid:
            lacks.append("order_id")
        lacks += ["ordered_at"] if values.day[at] == UNKNOWN else []
        lacks += ["total"] if values.amount[at] == UNKNOWN else []
        return f"{', '.join(lacks)}: missing"

    def _customer(self, table: pa.Table) -> pa.Array:
        """The customer's id, or their address where they have none."""
        if "email" not in self._columns:
            return combined(table["customer_id"])
        if "customer_id" not in self._columns:
            return combined(table["email"])
        ids, addresses = combined(table["customer_id"]), combined(table["email"])
        return pc.coalesce(ids, pc.utf8_lower(addresses)) if ids.null_count else ids

    def _is_cancelled(self, table: pa.Table) -> NDArray[np.bool_]:
        """The rows whose status says that they are no orders."""
        if "status" not in self._columns:
            return np.zeros(table.num_rows, dtype=bool)
        statuses = pc.utf8_lower(pc.utf8_trim_whitespace(combined(table["status"])))
        cancelled: NDArray[np.bool_] = pc.is_in(statuses, pa.array(CANCELLED)).to_numpy(zero_copy_only=False)
        return cancelled

    def _one_currency(self, table: pa.Table) -> bool:
        if "currency" not in self._columns or self._currency is None:
            return True
        return all(code.strip().upper() == self._currency for code in pc.unique(table["currency"]).to_pylist())

    def _other_currency(self, texts: dict[str, pa.Array]) -> list[int]:
        if "currency" not in texts or self._currency is None:
            return []
        codes = pc.utf8_upper(pc.utf8_trim_whitespace(texts["currency"]))
        other = pc.fill_null(pc.not_equal(codes, self._currency), False)
        places: list[int] = np.flatnonzero(other.to_numpy(zero_copy_only=False)).tolist()
        return places

    def _add(self, values: _Values, rows: int) -> None:
        self.rows += rows
        is_head = values.complete
        if values.cancelled is not None and values.cancelled.any():
            is_head = values.complete | values.cancelled
            self._cancelled += int(values.cancelled.sum())
            if values.order_id is not None:
                self._cancelled_ids.append(as_texts(values.order_id).filter(pa.array(values.cancelled)))
        self._blank += rows - int(is_head.sum()) - len(values.wrong) - len(values.waiting)
        if values.order_id is not None and is_head.any():
            last = int(np.flatnonzero(is_head)[-1])
            self._last_order_id = text_at(values.order_id, last)
        if not values.complete.all():
            mask = pa.array(values.complete)
            values = _Values(
                as_texts(values.customer).filter(mask),
                as_texts(values.order_id).filter(mask) if values.order_id is not None else None,
                values.day[values.complete],
                values.amount[values.complete],
                values.complete[values.complete],
                values.refunded[values.complete] if values.refunded is not None else None,
            )
        if len(values.day):
            self._add_refunds(values)
            values.refunded = values.cancelled = None
            self._shorten(values)
            self._parts.append(values)

    def _add_refunds(self, values: _Values) -> None:
        """Keep what was given back of these rows as refunds of the same orders, of their whole amount at most."""
        if values.refunded is None:
            return
        back = np.where(values.amount > 0, np.minimum(np.abs(values.refunded), values.amount), 0)
        is_back = back > 0
        if not is_back.any():
            return
        mask, at = pa.array(is_back), np.flatnonzero(is_back)
        order_id: Names = pa.array(at + sum(len(part.day) for part in self._parts)).cast(pa.string())
        if values.order_id is not None:
            order_id = as_texts(values.order_id).filter(mask)
        customer = as_texts(values.customer).filter(mask)
        refunds = _Values(customer, order_id, values.day[at], -back[at], is_back[at])
        self._shorten(refunds)
        self._back.append(refunds)

    def _shorten(self, values: _Values) -> None:
        """Write the rows in less memory."""
        values.customer = self._short("customer", values.customer)
        if values.order_id is not None:
            values.order_id = self._short("order_id", values.order_id)
        values.day, values.amount = compact(values.day), compact(values.amount)

    def _short(self, column: str, names: Names) -> Names:
        """The names as numbers where all are numbered in one way."""
        if isinstance(names, Numbered) or column in self._texts_only:
            return names
        short = numbered(names)
        if short is None and len(names) >= _FEW_ROWS:
            # Neither will the names of the next chunks be numbers.
            self._texts_only.add(column)
        return names if short is None else short

    def _resolve_waiting(self, parts: Sequence[Names] | None) -> None:
        """Rows that waited for their order's own row: it has come by now, or they lack its values."""
        if not self._waiting or parts is None:
            return
        known = [*parts, *self._cancelled_ids]
        order_ids = pa.chunked_array([as_texts(part) for part in known], pa.string())
        waiting = pa.array([order_id for order_id, _, _ in self._waiting], pa.string())
        seen = order_ids.filter(pc.is_in(order_ids, waiting)) if len(order_ids) else order_ids
        come = pc.is_in(waiting, pc.unique(seen)).to_pylist()
        for is_known, (_, row, reason) in zip(come, self._waiting, strict=True):
            if is_known:
                self._blank += 1
            else:
                self._rejects.add(row, reason)

    def _nothing(self) -> str:
        if not self.rows:
            return f"{self._path.name} has a header but no rows."
        if self._cancelled and not self._rejects.count:
            return f"All orders of {self._path.name} are cancelled."
        why = "; ".join(f"line {line}: {reason}" for line, reason in self._rejects.first[:1])
        if self.rows == 1:
            return f"The only row of {self._path.name} cannot be read ({why})."
        return f"None of the {self.rows:,} rows of {self._path.name} can be read ({why})."


class _Rejects:
    """The rows that could not be read, in a file of their own with the reasons; there is none without such rows."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path = path
        self.count = 0
        self.first: list[tuple[int, str]] = []
        self._layout = layout
        self._fresh = path.with_name(path.name + ".new")
        self._file: Any = None

    def add(self, row: _Row, reason: str) -> None:
        self.count += 1
        if len(self.first) < SHOWN_REJECTS:
            self.first.append((row.line, reason))
        if self._file is None:
            self._file = self._fresh.open("wb")
            self._file.write(_BOM if self._layout.has_bom else b"")
            self._write(header_of_rejects(self._layout))
        self._write(as_cells(self._layout, row.cells, reason))

    def finish(self) -> None:
        """Put the file where it belongs, and none where an earlier one is out of date."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._fresh.replace(self.path)
        elif not self.count:
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._fresh.unlink(missing_ok=True)

    def _write(self, cells: list[str]) -> None:
        text = StringIO()
        csv.writer(text, delimiter=self._layout.delimiter, lineterminator="\n").writerow(cells)
        self._file.write(text.getvalue().encode("utf-8", "surrogateescape"))


class _Window:
    """Lines for csv to take; `is_over` once it asks for more than there are, as within quotation marks."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self.taken = 0
        self.is_over = False

    def __iter__(self) -> "_Window":
        return self

    def __next__(self) -> str:
        if self.taken == len(self._lines):
            self.is_over = True
            raise StopIteration
        self.taken += 1
        return self._lines[self.taken - 1]


def _chunks(path: Path, start: int) -> Iterator[tuple[bytes, int]]:
    """The file from a byte on, in chunks that end where a row does; each with the byte up to which has been read."""
    with path.open("rb") as file, ThreadPoolExecutor(1) as ahead:
        file.seek(start)
        at, rest = start, b""
        coming = ahead.submit(file.read, CHUNK_BYTES)
        while more := coming.result():
            coming = ahead.submit(file.read, CHUNK_BYTES)
            at += len(more)
            chunk = rest + more if rest else more
            del more
            end = _end_of_rows(chunk)
            rest = chunk[end:]
            if end:
                yield chunk[:end], at
        if rest:
            yield rest, at


def _end_of_rows(chunk: bytes) -> int:
    """Where the last whole row of a chunk ends, 0 where none does: at a line's end outside of quotation marks."""
    if b'"' not in chunk:
        return chunk.rfind(b"\n") + 1
    quotes = chunk.count(b'"')
    end, stop = len(chunk), max(len(chunk) - PIECE_BYTES, 0)
    while (at := chunk.rfind(b"\n", stop, end)) >= 0:
        quotes -= chunk.count(b'"', at + 1, end)
        if quotes % 2 == 0:
            return at + 1
        end = at
    # Some quotation mark has no counterpart: no line's end is surely outside.
    return chunk.rfind(b"\n") + 1


def _pieces(chunk: bytes) -> Iterator[int]:
    """Where the pieces of a chunk end."""
    at = 0
    while at < len(chunk):
        part = chunk[at : at + PIECE_BYTES]
        end = len(part) if at + len(part) == len(chunk) else _end_of_rows(part) or len(part)
        at += end
        yield at


def _places(parts: Sequence[_Values]) -> list[Names]:
    """For rows without the id of an order their place in the file."""
    places: list[Names] = []
    at = 0
    for part in parts:
        places.append(Numbered(b"", 0, np.arange(at, at + len(part.day))))
        at += len(part.day)
    return places


def _utf_8(cell: str) -> str:
    """The cell without what stands for bytes that are no UTF-8."""
    return cell.encode("utf-8", "replace").decode() if not cell.isascii() else cell


def _count_lines(path: Path, end: int) -> int:
    with path.open("rb") as file:
        return file.read(end).count(b"\n")


def check_rejects_path(path: Path) -> None:
    """Raises UnreadableFile where the rejects file would take the place of something that is none."""
    if path.exists():
        with path.open("rb") as file:
            header = file.readline(65_536).decode("utf-8", "replace").strip().lower()
        if header and REASON_COLUMN not in header.replace(";", ",").replace("\t", ",").replace('"', "").split(","):
            raise UnreadableFile(f"{path} exists and holds no rejected rows; move it away.")
