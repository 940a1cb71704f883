"""Importing purchases: twice, backwards, broken off, with bad rows; what counts is what the tables hold."""

import csv
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli.demo import cdnow
from cli.exports.rows import UnreadableFile
from cli.importing.run import Report, run_import
from shared.core import fact_store
from shared.core.dynamodb import CUSTOMERS
from shared.core.settings import Settings
from shared.customers.store import profiles
from shared.scorecards.store import cards

Contents = Callable[..., dict[str, list[dict[str, Any]]]]

CDNOW_ORDERS = 60
HEADER = "order_id,email,customer_id,ordered_at,total,currency,sku,quantity,price"
GOOD = [
    "#1,ada@example.com,,2026-05-01 10:00,25.00,EUR,cup,2,10.00",
    "#1,,,,,,mug,1,5.00",
    "#2,,K-7,2026-05-02,9.90,EUR,,,",
    "#3,Ada@Example.com,,2026-05-03T12:00:00+02:00,14.90,EUR,mug,2,5.00",
]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Report]:
    """Import a file into the tables, with its progress kept in the test's folder."""

    def go(path: Path, **options: Any) -> Report:
        settings = Settings.from_environment({"CURRENCY": "EUR", **os.environ, **options.pop("settings", {})})
        return run_import(path, settings=settings, state=tmp_path / "imports", workers=4, **options)

    return go


def write(path: Path, rows: Sequence[str], header: str = HEADER) -> Path:
    path.write_text("".join(f"{row}\n" for row in (header, *rows)))
    return path


def many(path: Path, orders: int) -> Path:
    rows = [f"#{n},,K-{n % 40},2026-05-{n % 28 + 1:02d},{n}.50,EUR,,," for n in range(orders)]
    return write(path, rows)


@pytest.fixture
def cdnow_slice(tmp_path: Path) -> Path:
    sample = cdnow.find()
    if sample is None:
        pytest.skip("the package that ships the CDNOW sample is not installed")
    path = tmp_path / "cdnow.csv"
    cdnow.to_csv(sample, path)
    with path.open() as file:
        # Few: moto copies every table for every transaction.
        rows = [next(file) for _ in range(CDNOW_ORDERS + 1)]
    path.write_text("".join(rows))
    return path


def test_an_import_records_orders_by_address_and_by_customer_number(run: Callable[..., Report], tmp_path: Path) -> None:
    report = run(write(tmp_path / "shop.csv", GOOD))
    assert (report.progress.new, report.progress.rejected, report.complete) == (3, 0, True)
    ada = profiles.get_id("ada@example.com")
    assert ada is not None
    first, second = fact_store.every(ada)
    # So that what earns points for them lets those of live customers pass.
    assert (first.data["imported"], second.data["imported"]) == (True, True)
    assert [line["sku"] for line in first.data["products"]] == ["cup", "mug"]
    assert (second.data["total"], second.data["shipping"]) == (1490, 490)
    card = cards.get("K-7")
    assert card is not None
    assert (card.orders, card.spent) == (1, 990)


def test_real_purchases_imported_twice_leave_the_tables_as_once(
    run: Callable[..., Report], cdnow_slice: Path, contents: Contents
) -> None:
    dollars = {"settings": {"CURRENCY": "USD"}}
    assert run(cdnow_slice, **dollars).progress.new == CDNOW_ORDERS
    once = contents()
    again = run(cdnow_slice, **dollars)
    assert (again.progress.new, again.progress.known, again.progress.rejected) == (0, CDNOW_ORDERS, 0)
    assert contents() == once


def test_real_purchases_imported_backwards_leave_the_same_tables(
    run: Callable[..., Report], cdnow_slice: Path, contents: Contents, empty_tables: Callable[[], None]
) -> None:
    dollars = {"settings": {"CURRENCY": "USD"}}
    run(cdnow_slice, **dollars)
    forwards = contents()
    empty_tables()
    header, *rows = cdnow_slice.read_text().splitlines()
    report = run(write(cdnow_slice.with_name("backwards.csv"), rows[::-1], header), **dollars)
    assert report.progress.new == CDNOW_ORDERS
    assert contents() == forwards


def test_bad_orders_go_to_the_rejects_file_and_hold_up_no_others(run: Callable[..., Report], tmp_path: Path) -> None:
    bad = [
        "#4,,K-7,2026-05-04,1.00,USD,,,",
        "#5,nobody,,2026-05-04,1.00,EUR,,,",
        "#2,,K-7,2026-05-02,8.80,EUR,,,",
        "#6,,cus_unknown,2026-05-04,1.00,EUR,,,",
        "#7,,K-7,2099-01-01,1.00,EUR,,,",
        "#8,,K-7,2026-05-04,5.00,EUR,cup,1,2.00",
        "#8,,K-7,2026-05-05,5.00,EUR,mug,1,3.00",
    ]
    report = run(write(tmp_path / "shop.csv", [*GOOD[:3], *bad, *GOOD[3:]]))
    assert (report.progress.new, report.progress.rejected, report.complete) == (3, 6, True)
    assert report.rejects == tmp_path / "shop.rejects.csv"
    header, *rejected = csv.reader(report.rejects.open())
    assert header == [*HEADER.split(","), "reason"]
    assert [",".join(row[:-1]) for row in rejected] == bad
    assert [row[-1] for row in rejected] == [
        "this shop counts in EUR, not in USD",
        "email: this is not an e-mail address",
        "order #2 is already recorded with other content",
        "there is no customer cus_unknown",
        "ordered_at 2098-12-31T23:00:00.000Z lies in the future",
        *["ordered_at: the rows of the order say '2026-05-04' and '2026-05-05'"] * 2,
    ]


def test_a_corrected_rejects_file_can_be_imported_as_it_is(run: Callable[..., Report], tmp_path: Path) -> None:
    report = run(write(tmp_path / "shop.csv", ["#4,,K-7,2026-05-04,1.00,USD,,,", "#5,,K-7,2026-05-04,1.00,EUR,,,"]))
    report.rejects.write_text(report.rejects.read_text().replace("USD,", "EUR,"))
    second = run(report.rejects)
    assert (second.progress.new, second.progress.rejected) == (1, 0)
    assert [fact.id for fact in fact_store.every("K-7")] == ["#4", "#5"]


def test_a_broken_off_import_goes_on_where_it_was_and_ends_as_if_it_had_not_been(
    run: Callable[..., Report], tmp_path: Path, contents: Contents, empty_tables: Callable[[], None]
) -> None:
    path = many(tmp_path / "many.csv", 100)
    path.write_text(path.read_text().replace("#3,,K-3,2026-05-04,3.50,EUR", "#3,,K-3,2026-05-04,3.50,USD"))
    run(path)
    whole, rejects = contents(), path.with_suffix(".rejects.csv").read_text()
    empty_tables()

    def break_off_on_the_way() -> None:
        while boto3.client("dynamodb").scan(TableName="scorecards", Select="COUNT")["Count"] < 15:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    breaker = threading.Thread(target=break_off_on_the_way)
    breaker.start()
    broken = run(path)
    breaker.join()
    assert broken.resumable
    assert broken.trouble is None
    assert 0 < broken.progress.orders < 100
    assert contents() != whole

    resumed = run(path)
    assert resumed.complete
    assert (resumed.progress.orders, resumed.progress.rejected) == (100, 1)
    # What was done before was not looked at again, but for orders that were on their way.
    assert resumed.progress.known < 15
    assert contents() == whole
    assert path.with_suffix(".rejects.csv").read_text() == rejects
    assert list((tmp_path / "imports").iterdir()) == []


def test_progress_in_other_tables_is_not_taken_for_progress_in_these(
    run: Callable[..., Report], tmp_path: Path, empty_tables: Callable[[], None]
) -> None:
    path = many(tmp_path / "many.csv", 20)
    calls = iter(range(1000))

    def break_off(_: object) -> None:
        if next(calls) == 0:
            os.kill(os.getpid(), signal.SIGINT)

    assert run(path, show=break_off).resumable
    empty_tables()
    assert run(path).progress.new == 20


def test_when_aws_fails_the_import_stops_with_a_sentence_and_rejects_nothing(
    run: Callable[..., Report], tmp_path: Path, contents: Contents
) -> None:
    path = many(tmp_path / "many.csv", 20)
    boto3.client("dynamodb").delete_table(TableName="scorecards")
    report = run(path)
    assert report.trouble is not None
    assert report.trouble.startswith("AWS refused GetItem")
    assert report.resumable
    assert (report.progress.orders, report.rejects.exists()) == (0, False)
    boto3.client("dynamodb").create_table(
        TableName="scorecards",
        AttributeDefinitions=[{"AttributeName": "customer_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "customer_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert run(path).progress.new == 20
    assert len(contents()["scorecards"]) == 20


def test_what_stands_before_an_unreadable_row_is_imported(run: Callable[..., Report], tmp_path: Path) -> None:
    report = run(write(tmp_path / "shop.csv", [*GOOD[2:], '#9,"ada@example.com', "x" * 140_000]))
    assert report.trouble is not None
    assert "quotation mark" in report.trouble
    assert (report.progress.new, report.resumable, report.complete) == (1, False, False)
    assert CUSTOMERS.get({"pk": "ORDER##2", "sk": "ORDER"}) is not None


def test_a_file_without_the_needed_columns_leaves_the_tables_alone(
    run: Callable[..., Report], tmp_path: Path, contents: Contents
) -> None:
    with pytest.raises(UnreadableFile, match="lacks the columns"):
        run(write(tmp_path / "shop.csv", ["1,2"], "order_id,total"))
    assert contents() == {"customers": [], "scorecards": []}
