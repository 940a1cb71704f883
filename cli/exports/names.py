"""Customers' names as small numbers, so that ten million of them are compared in moments.

Most shops number their customers, be it `1042`, `C-001042` or `cus1042`: such names are a common text with a number
behind, and comparing these numbers will do. Any others are compared as the texts that they are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cli.exports.cells import Integers, Ints, compact

_MAX_DIGITS: Final = 18
_DIGITS_OF_INT32: Final = 9
_NUMBERED: Final = re.compile(rb"(.*?)([0-9]{1,%d})" % _MAX_DIGITS, re.DOTALL)
_ZERO: Final = ord("0")
# A table of the numbers between the least and the greatest has at most so many places for each row.
_PLACES_PER_ROW: Final = 4
# Where names are numbered in more ways than so many, they are compared as texts.
_MAX_KINDS: Final = 8


@dataclass(frozen=True)
class Numbered:
    """Names that are a prefix and a number, which has `width` digits, or as many as it needs where that is 0."""

    prefix: bytes
    width: int
    numbers: Integers

    def __len__(self) -> int:
        return len(self.numbers)


# Texts, or numbers that stand for them.
Names: TypeAlias = pa.Array | Numbered


def numbered(names: pa.Array) -> Numbered | None:
    """The numbers behind one and the same text, None where the names are of another form."""
    size = len(names)
    if not size or names.null_count:
        return None
    _, offsets_at, data_at = names.buffers()
    offsets = np.frombuffer(offsets_at, np.int32)[names.offset : names.offset + size + 1]
    start, end = int(offsets[0]), int(offsets[-1])
    if start == end:
        return None
    data = np.frombuffer(data_at, np.uint8)[start:end]
    length = int(offsets[1]) - start
    match = _NUMBERED.fullmatch(data[:length].tobytes())
    if match is None:
        return None
    prefix, width = match[1], len(match[2])
    if length * size == end - start and bool((np.diff(offsets) == length).all()):
        rows = data.reshape(size, length)
        if prefix and not (rows[:, : len(prefix)] == np.frombuffer(prefix, np.uint8)).all():
            return None
        digits = rows[:, len(prefix) :] - np.uint8(_ZERO)
        if int(digits.max()) > 9:
            return None
        first = digits[:, 0]
        numbers: Integers = first.astype(np.int64) if width > _DIGITS_OF_INT32 else first.astype(np.int32)
        for at in range(1, width):
            numbers *= 10
            numbers += digits[:, at]
        leads = width > 1 and int(numbers.min()) < 10 ** (width - 1)
        return Numbered(prefix, width if leads else 0, numbers)
    return _of_any_width(names, prefix, offsets, data)


def _of_any_width(
    names: pa.Array, prefix: bytes, offsets: NDArray[np.int32], data: NDArray[np.uint8]
) -> Numbered | None:
    lengths = np.diff(offsets) - len(prefix)
    if int(lengths.min()) < 1 or int(lengths.max()) > _MAX_DIGITS:
        return None
    starts = offsets[:-1] - offsets[0]
    for at, byte in enumerate(prefix):
        if not (data[starts + at] == byte).all():
            return None
    # With a leading zero two names would have the same number.
    if ((data[starts + len(prefix)] == _ZERO) & (lengths > 1)).any():
        return None
    others = data - np.uint8(_ZERO) > 9
    if np.count_nonzero(others) != len(names) * sum(not _ZERO <= byte <= _ZERO + 9 for byte in prefix):
        return None
    texts = pc.utf8_slice_codeunits(names, len(prefix.decode())) if prefix else names
    return Numbered(prefix, 0, compact(texts.cast(pa.int64()).to_numpy()))


def text_at(names: Names, at: int) -> Any:
    """One of the names, None where it is null."""
    if isinstance(names, Numbered):
        names = as_texts(Numbered(names.prefix, names.width, names.numbers[at : at + 1]))
        at = 0
    return names[at].as_py()


def encoded(parts: Sequence[Names], *, lower: bool) -> tuple[pa.Array, NDArray[np.int32]]:
    """The different names in ascending order, and the position in them of each row's."""
    kinds: dict[tuple[bytes, int] | None, list[int]] = {}
    for number, part in enumerate(parts):
        kinds.setdefault((part.prefix, part.width) if isinstance(part, Numbered) else None, []).append(number)
    if len(kinds) > _MAX_KINDS:
        parts, kinds = [as_texts(part) for part in parts], {None: list(range(len(parts)))}
    encodings = [_of_one_kind([parts[number] for number in numbers], lower=lower) for numbers in kinds.values()]
    if len(encodings) == 1:
        return encodings[0]
    every: Any = pa.concat_arrays([names for names, _ in encodings]).dictionary_encode()
    names, ranks = _in_order(every)
    ends = np.cumsum([0, *(len(part) for part in parts)])
    codes = np.empty(ends[-1], dtype=np.int32)
    first = 0
    for numbers, (own, own_codes) in zip(kinds.values(), encodings, strict=True):
        mapped = ranks[first : first + len(own)][own_codes]
        first += len(own)
        at = 0
        for number in numbers:
            codes[ends[number] : ends[number + 1]] = mapped[at : at + len(parts[number])]
            at += len(parts[number])
    return names, codes


def numbers_of(parts: Sequence[Names], rows: Integers) -> Ints:
    """A number for the name of each of these rows; equal names, but for blanks around them, have equal ones."""
    if len({(part.prefix, part.width) if isinstance(part, Numbered) else None for part in parts}) == 1:
        every = [part.numbers for part in parts if isinstance(part, Numbered)]
        if every:
            return np.concatenate(every)[rows].astype(np.int64, copy=False)
    texts: Any = pa.chunked_array([as_texts(part) for part in parts], pa.string()).take(pa.array(rows))
    encoding = combined(pc.utf8_trim_whitespace(texts)).dictionary_encode()
    numbers: Ints = encoding.indices.to_numpy().astype(np.int64)
    return numbers


def _of_one_kind(parts: Sequence[Names], *, lower: bool) -> tuple[pa.Array, NDArray[np.int32]]:
    first = parts[0]
    if not isinstance(first, Numbered):
        return _encoded_texts(pa.chunked_array(parts, pa.string()), lower=lower)
    unique, codes = _encoded_numbers([part.numbers for part in parts if isinstance(part, Numbered)])
    if first.width == 0:
        order = _as_texts_are(unique)
        unique, codes = unique[order], _places(order)[codes]
    return _tidy(as_texts(Numbered(first.prefix, first.width, unique)), lower=lower), codes


def _in_order(encoding: Any) -> tuple[pa.Array, NDArray[np.int32]]:
    """The texts of a dictionary in ascending order, and the position in them of each row's."""
    order = pc.sort_indices(encoding.dictionary).to_numpy()
    return encoding.dictionary.take(pa.array(order)), _places(order)[encoding.indices.to_numpy()]


def _places(order: Any) -> NDArray[np.int32]:
    """The place in an order of what has a number."""
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places


def as_texts(names: Names) -> pa.Array:
    """The names as they stand in the file."""
    if not isinstance(names, Numbered):
        return names
    if not names.width:
        texts = pa.array(names.numbers).cast(pa.string())
        return pc.binary_join_element_wise(names.prefix.decode(), texts, "") if names.prefix else texts
    start, length = len(names.prefix), len(names.prefix) + names.width
    rows = np.empty((len(names), length), dtype=np.uint8)
    rows[:, :start] = np.frombuffer(names.prefix, np.uint8)
    left = names.numbers
    for at in range(length - 1, start - 1, -1):
        left, rows[:, at] = np.divmod(left, 10)
    rows[:, start:] += _ZERO
    offsets = np.arange(0, (len(names) + 1) * length, length, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(names), [None, pa.py_buffer(offsets), pa.py_buffer(rows)])


def _encoded_numbers(parts: Sequence[Integers]) -> tuple[Ints, NDArray[np.int32]]:
    """The different numbers in ascending order, and the position in them of each."""
    least, greatest = min(int(part.min()) for part in parts), max(int(part.max()) for part in parts)
    rows = sum(len(part) for part in parts)
    codes = np.empty(rows, dtype=np.int32)
    places = greatest - least + 1
    if places <= max(_PLACES_PER_ROW * rows, 1 << 16):
        is_there = np.zeros(places, dtype=bool)
        for part in parts:
            is_there[part - least] = True
        rank = np.cumsum(is_there, dtype=np.int32)
        rank -= 1
        at = 0
        for part in parts:
            np.take(rank, part - least, out=codes[at : at + len(part)], mode="clip")
            at += len(part)
        return np.flatnonzero(is_there) + least, codes
    encoding = combined(pa.chunked_array([pa.array(part.astype(np.int64)) for part in parts]).dictionary_encode())
    unique = encoding.dictionary.to_numpy()
    order = np.argsort(unique)
    return unique[order], _places(order)[encoding.indices.to_numpy()]


def _as_texts_are(numbers: Ints) -> Ints:
    """The order of numbers as texts: 1, 10, 2."""
    digits = np.searchsorted(10 ** np.arange(1, _MAX_DIGITS, dtype=np.int64), numbers, side="right") + 1
    return np.lexsort((digits, numbers * 10 ** (_MAX_DIGITS - digits)))


def _encoded_texts(names: pa.ChunkedArray, *, lower: bool) -> tuple[pa.Array, NDArray[np.int32]]:
    rows = pa.array(np.arange(len(names), dtype=np.int32))
    groups = pa.table({"name": names, "row": rows}).group_by("name").aggregate([("row", "list")])
    del names, rows
    unique, of_group = _in_order(combined(_tidy(groups["name"], lower=lower)).dictionary_encode())
    codes = np.empty(groups.num_rows and int(pc.sum(pc.list_value_length(groups["row_list"])).as_py()), dtype=np.int32)
    at = 0
    for lists in groups["row_list"].chunks:
        lengths = pc.list_value_length(lists).to_numpy()
        codes[lists.flatten().to_numpy()] = np.repeat(of_group[at : at + len(lists)], lengths)
        at += len(lists)
    return unique, codes


def _tidy(names: Any, *, lower: bool) -> Any:
    names = pc.utf8_trim_whitespace(names)
    return pc.utf8_lower(names) if lower else names


def combined(column: Any) -> pa.Array:
    """One array of a column's chunks."""
    combined = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined
