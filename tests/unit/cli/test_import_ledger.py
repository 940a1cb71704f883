"""What has become of an import's orders stays true through crashes, and in the file's order."""

import json
import random
from pathlib import Path

import pytest

from cli.exports.rows import Layout, UnreadableFile, read_layout
from cli.importing.ledger import Ledger, Outcome, Progress, check_rejects

HEADER = "order_id,email,ordered_at,total,currency"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    path = tmp_path / "purchases.csv"
    path.write_text(HEADER + "\n")
    return read_layout(path)


def ledger_in(folder: Path, layout: Layout) -> Ledger:
    return Ledger(folder / "imports" / "x.json", folder / "purchases.rejects.csv", layout)


def reject(ledger: Ledger, number: int) -> None:
    ledger.record_outcome(number, 100 * (number + 1), Outcome.REJECTED, [[f"{number}", "a@b.de"]], f"reason {number}")


def rejected(folder: Path) -> list[str]:
    return (folder / "purchases.rejects.csv").read_text().splitlines()


def test_rejected_rows_are_written_in_the_files_order_whoever_finishes_first(tmp_path: Path, layout: Layout) -> None:
    ledger = ledger_in(tmp_path, layout)
    numbers = list(range(20))
    random.Random(7).shuffle(numbers)
    for number in numbers:
        reject(ledger, number)
    assert rejected(tmp_path) == [f"{HEADER},reason", *(f"{n},a@b.de,,,,reason {n}" for n in range(20))]
    assert ledger.progress.offset == 2000


def test_progress_reaches_the_last_order_without_a_gap_before_it(tmp_path: Path, layout: Layout) -> None:
    ledger = ledger_in(tmp_path, layout)
    ledger.record_outcome(1, 200, Outcome.NEW, [])
    ledger.record_outcome(2, 300, Outcome.KNOWN, [])
    assert (ledger.progress.offset, ledger.progress.orders) == (layout.body_at, 0)
    ledger.record_outcome(0, 100, Outcome.NEW, [])
    assert (ledger.progress.offset, ledger.progress.new, ledger.progress.known) == (300, 2, 1)


def test_after_a_crash_the_rejects_are_cut_back_to_what_was_saved(tmp_path: Path, layout: Layout) -> None:
    crashed = ledger_in(tmp_path, layout)
    reject(crashed, 0)
    crashed.save()
    reject(crashed, 1)
    resumed = ledger_in(tmp_path, layout)
    assert (resumed.progress.offset, resumed.progress.rejected) == (100, 1)
    assert rejected(tmp_path) == [f"{HEADER},reason", "0,a@b.de,,,,reason 0"]
    resumed.record_outcome(0, 200, Outcome.REJECTED, [["1", "a@b.de"]], "reason 1")
    assert rejected(tmp_path)[2:] == ["1,a@b.de,,,,reason 1"]


def test_an_import_begins_anew_where_its_rejects_file_is_gone(tmp_path: Path, layout: Layout) -> None:
    crashed = ledger_in(tmp_path, layout)
    reject(crashed, 0)
    crashed.save()
    (tmp_path / "purchases.rejects.csv").unlink()
    assert ledger_in(tmp_path, layout).progress.orders == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"offset": 1}', '{"offset": 1, "rejects": "x", "more": 1}'])
def test_a_damaged_progress_file_begins_the_import_anew(tmp_path: Path, layout: Layout, content: str) -> None:
    (tmp_path / "imports").mkdir()
    (tmp_path / "imports" / "x.json").write_text(content)
    assert ledger_in(tmp_path, layout).progress.orders == 0


def test_a_finished_import_leaves_no_progress_behind(tmp_path: Path, layout: Layout) -> None:
    ledger = ledger_in(tmp_path, layout)
    ledger.save()
    saved = Progress(**json.loads((tmp_path / "imports" / "x.json").read_text()))
    assert saved == ledger.progress
    ledger.finish()
    assert list((tmp_path / "imports").iterdir()) == []


def test_the_rejects_of_an_earlier_import_make_way(tmp_path: Path, layout: Layout) -> None:
    first = ledger_in(tmp_path, layout)
    reject(first, 0)
    ledger_in(tmp_path, layout)
    assert not (tmp_path / "purchases.rejects.csv").exists()


def test_a_rejects_file_takes_no_other_files_place(tmp_path: Path, layout: Layout) -> None:
    purchases = tmp_path / "purchases.csv"
    with pytest.raises(UnreadableFile, match="cannot be the rejects file"):
        check_rejects(purchases, purchases)
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear reader,\n")
    with pytest.raises(UnreadableFile, match="is no rejects file"):
        check_rejects(letter, purchases)
    assert letter.read_text() == "Dear reader,\n"
    with pytest.raises(UnreadableFile, match="There is no folder"):
        check_rejects(tmp_path / "nowhere" / "x.csv", purchases)
    reject(ledger_in(tmp_path, layout), 0)
    check_rejects(tmp_path / "purchases.rejects.csv", purchases)
