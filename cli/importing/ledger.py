"""The progress of an import: counts of orders, the rejects file, and the place to continue from."""

import csv
import io
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from cli.exports.rows import REASON_COLUMN, Layout, UnreadableFile, as_cells, header_of_rejects

_BOM: Final = b"\xef\xbb\xbf"


class Outcome(StrEnum):
    """The outcome of an order."""

    NEW = "new"
    KNOWN = "known"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Everything before byte `offset` of the file is completed, with these counts of orders.

    `rejects` is the path of the rejects file, `rejects_size` the bytes of it that belong to completed orders.
    """

    offset: int
    rejects: str
    rejects_size: int = 0
    new: int = 0
    known: int = 0
    rejected: int = 0

    @property
    def orders(self) -> int:
        """How many orders are completed."""
        return self.new + self.known + self.rejected


@dataclass(frozen=True)
class _Completed:
    outcome: Outcome
    end: int
    rows: Sequence[Sequence[str]]
    reason: str


class Ledger:
    """Records orders in the file's order, in whichever order workers finish them.

    So the rejects file is in the file's order too, and after a crash it is cut back to what the saved progress
    covers: an order that is then rejected twice is written down once. Safe to use from several threads.
    """

    def __init__(self, saved_at: Path, rejects: Path, layout: Layout) -> None:
        self._saved_at = saved_at
        self._rejects = rejects
        self._layout = layout
        self._lock = threading.Lock()
        self._ahead: dict[int, _Completed] = {}
        self._next = 0
        self._progress = self._resumed() or self._fresh()

    @property
    def progress(self) -> Progress:
        """The progress up to which every order is completed."""
        with self._lock:
            return self._progress

    def record_outcome(
        self, number: int, end: int, outcome: Outcome, rows: Sequence[Sequence[str]], reason: str = ""
    ) -> None:
        """Order `number` of this run, up to byte `end`, is completed; its rows are kept where it was rejected."""
        with self._lock:
            self._ahead[number] = _Completed(outcome, end, rows if outcome is Outcome.REJECTED else (), reason)
            while completed := self._ahead.pop(self._next, None):
                self._next += 1
                self._progress = self._after(completed)

    def save(self) -> None:
        """Save the progress, completely or not at all."""
        progress = self.progress
        self._saved_at.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._saved_at.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(progress), indent=2) + "\n", encoding="utf-8")
        fresh.replace(self._saved_at)

    def finish(self) -> None:
        """The import is complete: there is nothing to go on from."""
        self._saved_at.unlink(missing_ok=True)

    def _after(self, completed: _Completed) -> Progress:
        size = self._progress.rejects_size
        if completed.outcome is Outcome.REJECTED:
            size = self._reject(completed.rows, completed.reason)
        count = getattr(self._progress, completed.outcome) + 1
        return replace(self._progress, offset=completed.end, rejects_size=size, **{completed.outcome: count})

    def _reject(self, rows: Sequence[Sequence[str]], reason: str) -> int:
        """Append an order's rows to the rejects file; its size after that."""
        text = io.StringIO()
        lines = csv.writer(text, delimiter=self._layout.delimiter, lineterminator="\n")
        if not self._progress.rejects_size:
            lines.writerow(header_of_rejects(self._layout))
        lines.writerows(as_cells(self._layout, row, reason) for row in rows)
        content = text.getvalue().encode("utf-8", "surrogateescape")
        if not self._progress.rejects_size and self._layout.has_bom:
            content = _BOM + content
        with self._rejects.open("ab") as file:
            file.write(content)
            return file.tell()

    def _resumed(self) -> Progress | None:
        """The progress of an import of the same content that did not end, unless its rejects file is not as it was."""
        try:
            saved = Progress(**json.loads(self._saved_at.read_text(encoding="utf-8")))
            size = self._rejects.stat().st_size if saved.rejects_size else 0
        except (OSError, ValueError, TypeError):
            return None
        if saved.rejects != str(self._rejects.resolve()) or size < saved.rejects_size:
            return None
        if self._rejects.exists():
            os.truncate(self._rejects, saved.rejects_size)
        return saved

    def _fresh(self) -> Progress:
        self._rejects.unlink(missing_ok=True)
        return Progress(offset=self._layout.body_at, rejects=str(self._rejects.resolve()))


def check_rejects(path: Path, purchases: Path) -> None:
    """Raises UnreadableFile where the rejects file would take the place of something that is none."""
    if not path.parent.is_dir():
        raise UnreadableFile(f"There is no folder {path.parent} for the rejects file.")
    if not path.exists():
        return
    if not path.is_file() or path.samefile(purchases):
        raise UnreadableFile(f"{path} cannot be the rejects file; name another with --rejects.")
    with path.open("rb") as file:
        header = file.readline(65536).removeprefix(_BOM).decode("utf-8", "replace").strip().lower()
    if header and REASON_COLUMN not in header.replace(";", ",").replace("\t", ",").replace('"', "").split(","):
        raise UnreadableFile(f"{path} exists and is no rejects file; move it away or name another with --rejects.")
