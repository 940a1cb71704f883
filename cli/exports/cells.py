"""Cells of a shop's export: days and amounts, by whole columns where all are plain, else cell by cell."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cli.exports.header import DateOrder
from shared.core.money import MAX_AMOUNT

Ints = NDArray[np.int64]
# Half as large where the numbers are small: fresh memory costs time too.
Integers = NDArray[np.int32] | NDArray[np.int64]
_INT32: Final = np.iinfo(np.int32)

EPOCH: Final = date(1970, 1, 1)
# Stands for a cell that is blank or cannot be read.
UNKNOWN: Final = np.iinfo(np.int64).min
_DAY_US: Final = 86_400_000_000

_ISO_DAY: Final = r"^\d{4}-\d{2}-\d{2}$"
_ISO_LOCAL: Final = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$"
_ISO_OFFSET: Final = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:?\d{2})$"
# A date by numbers of which the year is the last.
SLASHED: Final = r"^(\d{1,2})[/-](\d{1,2})[/-](\d{4})\b"
_MONTHS: Final = {
    name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}

_PLAIN: Final = r"^[+-]?\d{1,15}(\.\d+)?$"
_SIGNS: Final = re.compile(r"^(?:[A-Z]{1,3}\$|[A-Z]{3}|[$€£¥₹₩₽₺₴₫฿₪₱zł]|Kč|kr\.?|Fr\.|R\$)", re.IGNORECASE)
_SIGNS_BEHIND: Final = re.compile(r"(?:[A-Z]{3}|[$€£¥₹₩₽₺₴₫฿₪₱]|zł|Kč|kr\.?|Fr\.)$", re.IGNORECASE)


class _TwoDaysError(ValueError):
    """A date that may be either of two days."""


class Days:
    """Moments and days as days since 1970-01-01 in one time zone.

    `order_of` is called once, where a date such as 03/04/2024 first appears; it returns None where the order is not
    known.
    """

    def __init__(self, zone: tzinfo, latest: int, order_of: Callable[[], DateOrder | None]) -> None:
        self._zone = zone
        self._latest = latest
        self._order_of = cache(order_of)
        self._midnights: tuple[int, Ints] = (0, np.empty(0, dtype=np.int64))

    def of_moments(self, micros: Ints) -> Ints:
        """The zone's day of each moment, given in microseconds since 1970."""
        if self._zone is UTC or not len(micros):
            return np.floor_divide(micros, _DAY_US)
        low, high = int(micros.min()) // _DAY_US - 1, int(micros.max()) // _DAY_US + 2
        first, midnights = self._midnights
        if not len(midnights) or low < first or high >= first + len(midnights):
            midnights = np.array([self._midnight(day) for day in range(low, high + 1)], dtype=np.int64)
            first = low
            self._midnights = (first, midnights)
        days: Ints = np.searchsorted(midnights, micros, side="right") - 1 + first
        return days

    def are_possible(self, days: Ints) -> bool:
        """Whether somebody may have bought on each of these days."""
        return not len(days) or (int(days.min()) >= 0 and int(days.max()) <= self._latest)

    def of_texts(self, texts: pa.Array) -> tuple[Ints, dict[int, str]]:
        """The day of each cell, UNKNOWN for a blank cell, and the problems of cells that cannot be read."""
        texts = pc.utf8_trim_whitespace(texts)
        # `2024-03-05 12:33:44 +0100`, `2024-03-05 12:33:44 UTC`, `2024/03/05`, `20240305`
        texts = pc.replace_substring_regex(texts, r"(\d) ?(?:UTC|GMT)$", r"\1Z")
        texts = pc.replace_substring_regex(texts, r"(\d) ([+-]\d{2}:?\d{2})$", r"\1\2")
        texts = pc.replace_substring_regex(texts, r"^(\d{4})/?(\d{2})/?(\d{2})\b", r"\1-\2-\3")
        days = np.full(len(texts), UNKNOWN, dtype=np.int64)
        for pattern, type_ in (
            (_ISO_DAY, pa.timestamp("s")),
            (_ISO_LOCAL, pa.timestamp("us")),
            (_ISO_OFFSET, pa.timestamp("us", tz="UTC")),
        ):
            rows = _matching(texts, pattern, days)
            if len(rows):
                try:
                    moments = texts.take(pa.array(rows)).cast(type_).cast(pa.timestamp("us", tz=type_.tz))
                except pa.ArrowInvalid:  # such as the 30th of February; the other cells are then read separately too
                    continue
                micros = moments.cast(pa.int64()).to_numpy()
                days[rows] = self.of_moments(micros) if type_.tz else np.floor_divide(micros, _DAY_US)
        return _rest(texts, days, self._read)

    def _read(self, text: str) -> int | str:
        try:
            day = self._day(text)
        except _TwoDaysError:
            return (
                f"ordered_at: {text[:40]!r} may be day/month or month/day; "
                f"--dates {DateOrder.DAY_FIRST} or --dates {DateOrder.MONTH_FIRST} tells which"
            )
        except ValueError:
            return f"ordered_at: {text[:40]!r} is no date such as 2026-01-31 or 2026-01-31T10:00:00+01:00"
        except OverflowError:
            return f"ordered_at: {text[:40]!r} lies too far away"
        if day < 0:
            return f"ordered_at: {text[:40]!r} lies before 1970"
        return day

    def check(self, days: Ints, wrong: dict[int, str]) -> None:
        """Days that lie before 1970 or in the future become wrong."""
        for row in np.flatnonzero((days != UNKNOWN) & ((days < 0) | (days > self._latest))).tolist():
            when = EPOCH + timedelta(days=int(days[row])) if abs(days[row]) < 700_000 else "the day"
            wrong[row] = f"ordered_at: {when} lies {'before 1970' if days[row] < 0 else 'in the future'}"
            days[row] = UNKNOWN

    def _day(self, text: str) -> int:
        """Raises ValueError where the text is no date that can only mean one day."""
        if not re.match(r"\d{4}", text):
            return self._day_of_words(text)
        if match := re.fullmatch(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})(?:[ T]\d{1,2}:\d\d.*)?", text):
            year, month, day = (int(part) for part in match.groups())
            if not re.search(r"[+-]\d\d:?\d\d$|Z$", text[10:]):
                return (date(year, month, day) - EPOCH).days
        moment = datetime.fromisoformat(text)
        local = moment.astimezone(self._zone) if moment.tzinfo else moment
        return (local.date() - EPOCH).days

    def _day_of_words(self, text: str) -> int:
        """`5 Mar 2024`, `March 5, 2024`, `05.03.2024` and `13/03/2024`, with or without a time behind.

        Raises ValueError where the text is none of these; `05/03/2024` is another day in America, and is read
        in the order that the rest of the file proves.
        """
        if match := re.match(r"(\d{1,2})\.(\d{1,2})\.(\d{4})\b", text):
            day, month, year = (int(part) for part in match.groups())
        elif match := re.match(SLASHED, text):
            first, second, year = (int(part) for part in match.groups())
            order = order_shown(text)
            if order is None and first != second and first <= 12 and second <= 12:
                order = self._order_of()
                if order is None:
                    raise _TwoDaysError
            day, month = (second, first) if order == DateOrder.MONTH_FIRST else (first, second)
        elif match := re.match(r"(\d{1,2})[ -]([A-Za-z]{3})[a-z]*[ ,-]+(\d{4})\b", text):
            day, month, year = int(match[1]), _MONTHS.get(match[2].lower(), 0), int(match[3])
        elif match := re.match(r"([A-Za-z]{3})[a-z]* (\d{1,2}),? (\d{4})\b", text):
            day, month, year = int(match[2]), _MONTHS.get(match[1].lower(), 0), int(match[3])
        else:
            raise ValueError
        return (date(year, month, day) - EPOCH).days

    def _midnight(self, day: int) -> int:
        """The microsecond at which a day begins in the zone."""
        start = datetime.combine(EPOCH + timedelta(days=day), datetime.min.time(), self._zone)
        return round(start.timestamp()) * 1_000_000


class Amounts:
    """Decimals as whole minor units; `units` of these make a unit of the currency."""

    def __init__(self, units: int, *, decimal_comma: bool) -> None:
        self.units = units
        self._decimal_comma = decimal_comma

    def of_floats(self, amounts: NDArray[np.float64]) -> Ints | None:
        """Rounded to minor units; None where an amount is not a number or out of range."""
        minor = np.rint(amounts * self.units)
        # Not so for NaN either.
        if len(minor) and not (float(minor.max()) <= MAX_AMOUNT and float(minor.min()) >= -MAX_AMOUNT):
            return None
        return minor.astype(np.int64)

    def of_texts(self, texts: pa.Array, column: str = "total") -> tuple[Ints, dict[int, str]]:
        """The amount of each cell, UNKNOWN for a blank cell, and the problems of cells that cannot be read."""
        texts = pc.utf8_trim_whitespace(texts)
        minor = np.full(len(texts), UNKNOWN, dtype=np.int64)
        # Where decimals have a comma, a point may stand before thousands.
        rows = _matching(texts, r"^[+-]?\d{1,15}$" if self._decimal_comma else _PLAIN, minor)
        if len(rows):
            plain = self.of_floats(texts.take(pa.array(rows)).cast(pa.float64()).to_numpy())
            if plain is not None:
                minor[rows] = plain
        return _rest(texts, minor, lambda text: self._read(text, column))

    def _read(self, text: str, column: str) -> int | str:
        try:
            amount = Decimal(_plain_decimal(text, decimal_comma=self._decimal_comma))
        except (InvalidOperation, ValueError) as error:
            return f"{column}: {text[:40]!r} {error if isinstance(error, ValueError) else 'is no amount'}"
        if not amount.is_finite() or abs(amount) * self.units > MAX_AMOUNT:
            return f"{column}: {text[:40]!r} is too large"
        return int(np.rint(float(amount) * self.units))


def _plain_decimal(text: str, *, decimal_comma: bool) -> str:
    """`€ 1.234,50` → `1234.50`. Raises ValueError where the text could mean two amounts, or none."""
    # Spreadsheets write a minus sign of their own.
    bare = re.sub(r"[\s'’]", "", text).replace("−", "-")
    negative = False
    if match := re.fullmatch(r"\((.*)\)|-(.*)|(.*)-|\+?(.*)", bare):
        bare = next(part for part in match.groups() if part is not None)
        negative = match[4] is None
    bare = _SIGNS_BEHIND.sub("", _SIGNS.sub("", bare))
    if not negative and bare.startswith("-"):
        negative, bare = True, bare[1:]
    for thousands, point in ((",", "."), (".", ",")):
        grouped = rf"\d{{1,3}}(\{thousands}\d{{3}})+\{point}\d+|\d{{1,3}}(\{thousands}\d{{3}}){{2,}}"
        if re.fullmatch(grouped, bare):
            return ("-" if negative else "") + bare.replace(thousands, "").replace(point, ".")
    if re.fullmatch(r"\d{1,3},\d{3}", bare) or (decimal_comma and re.fullmatch(r"\d{1,3}\.\d{3}", bare)):
        raise ValueError("may be thousands or decimals")
    if re.fullmatch(r"\d+,\d+", bare):
        bare = bare.replace(",", ".")
    if not re.fullmatch(r"\d+(\.\d*)?([eE][+-]?\d{1,2})?|\.\d+", bare):
        raise ValueError("is no amount such as 12.50")
    return ("-" if negative else "") + bare


def order_shown(text: str) -> DateOrder | None:
    """The order that a date by numbers proves: `13/03/2024` can only have its day first."""
    match = re.match(SLASHED, text.strip())
    if not match:
        return None
    first, second = int(match[1]), int(match[2])
    if first <= 12 < second <= 31:
        return DateOrder.MONTH_FIRST
    return DateOrder.DAY_FIRST if second <= 12 < first <= 31 else None


def _matching(texts: pa.Array, pattern: str, values: Ints) -> Ints:
    """The rows that fit the pattern and have no value yet."""
    fits = pc.fill_null(pc.match_substring_regex(texts, pattern), False).to_numpy(zero_copy_only=False)
    return np.flatnonzero(fits & (values == UNKNOWN))


def _rest(texts: pa.Array, values: Ints, read: Callable[[str], int | str]) -> tuple[Ints, dict[int, str]]:
    """Fill in what is not blank and has no value yet, each different text once."""
    filled = pc.fill_null(pc.greater(pc.utf8_length(texts), 0), False).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(filled & (values == UNKNOWN))
    wrong: dict[int, str] = {}
    if len(rows):
        encoded = texts.take(pa.array(rows)).dictionary_encode()
        results: list[Any] = [read(text) for text in encoded.dictionary.to_pylist()]
        for row, code in zip(rows.tolist(), encoded.indices.to_pylist(), strict=True):
            if isinstance(results[code], str):
                wrong[row] = results[code]
            else:
                values[row] = results[code]
    return values, wrong


def compact(numbers: Integers) -> Integers:
    """The same numbers in half the memory where they fit."""
    fits = not len(numbers) or (int(numbers.min()) >= _INT32.min and int(numbers.max()) <= _INT32.max)
    return numbers.astype(np.int32, copy=False) if fits else numbers
