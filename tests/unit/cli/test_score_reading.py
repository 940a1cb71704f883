"""Reading a shop's export for `regulars score`: what is taken, what is refused, and what is said of it."""

import csv
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cli.exports import columns_file
from cli.exports.cells import EPOCH
from cli.exports.columns_file import Orders, read_orders
from cli.exports.header import DateOrder, read_header
from cli.exports.rows import UnreadableFile

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HEADER = "customer_id,order_id,ordered_at,total\n"


def read(
    path: Path,
    content: str | bytes,
    *,
    mapped: dict[str, str] | None = None,
    zone: tzinfo = UTC,
    currency: str | None = None,
    dates: DateOrder | None = None,
) -> Orders:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_orders(
        path,
        read_header(path, mapped or {}),
        zone=zone,
        currency=currency,
        now=NOW,
        rejects=path.with_suffix(".rejects.csv"),
        show=lambda _at, _rows: None,
        dates=dates,
    )


def rows_of(orders: Orders) -> list[tuple[str, str, int]]:
    """Customer, day and minor units of each row, in the file's order."""
    names = orders.customers.to_pylist()
    return [
        (names[customer], str(EPOCH + timedelta(days=day)), amount)
        for customer, day, amount in zip(
            orders.customer.tolist(), orders.day.tolist(), orders.amount.tolist(), strict=True
        )
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.csv"


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2024-03-05", "2024-03-05"),
        ("2024-03-05T23:30:00", "2024-03-05"),
        ("2024-03-05 23:30", "2024-03-05"),
        ("2024-03-05T23:30:00Z", "2024-03-06"),
        ("2024-03-05T23:30:00.123456+00:00", "2024-03-06"),
        ("2024-03-05 23:30:00 UTC", "2024-03-06"),
        ("2024-03-05 23:30:00 +0100", "2024-03-05"),
        ("2024-03-06T00:30:00+02:00", "2024-03-05"),
        ("2024/03/05", "2024-03-05"),
        ("2024/3/5 9:05", "2024-03-05"),
        ("20240305", "2024-03-05"),
        ("05.03.2024", "2024-03-05"),
        ("25/03/2024", "2024-03-25"),
        ("03/25/2024 14:00", "2024-03-25"),
        ("5 Mar 2024", "2024-03-05"),
        ("March 5, 2024", "2024-03-05"),
    ],
)
def test_days_are_read_as_they_are_written_and_moments_on_the_shops_day(path: Path, written: str, day: str) -> None:
    orders = read(path, f'{HEADER}c,1,"{written}",1\n', zone=ZoneInfo("Europe/Berlin"))
    assert rows_of(orders) == [("c", day, 100)]
    # The same among other ways to write a day, where the fast way cannot be taken.
    mixed = read(path, f'{HEADER}c,1,"{written}",1\nd,2,2024-01-02T00:00:00Z,1\nd,3,1999-01-01,1\n', zone=UTC)
    assert len(mixed.day) == 3


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (
            "03/04/2024",
            "ordered_at: '03/04/2024' may be day/month or month/day; --dates day-first or --dates month-first tells",
        ),
        ("31/31/2024", "ordered_at: '31/31/2024' is no date"),
        ("2024-02-30", "ordered_at: '2024-02-30' is no date"),
        ("yesterday", "ordered_at: 'yesterday' is no date"),
        ("1969-12-31", "ordered_at: 1969-12-31 lies before 1970"),
        ("2062-01-01", "ordered_at: 2062-01-01 lies in the future"),
    ],
)
def test_a_day_that_could_be_another_or_none_rejects_its_row(path: Path, written: str, reason: str) -> None:
    orders = read(path, f"{HEADER}a,1,{written},1\nb,2,2024-03-05,1\n")
    assert rows_of(orders) == [("b", "2024-03-05", 100)]
    assert orders.first_rejects[0][0] == 2
    assert orders.first_rejects[0][1].startswith(reason)


@pytest.mark.parametrize(
    ("proof", "order", "day"),
    [
        ("08/13/2024", DateOrder.MONTH_FIRST, "2024-03-04"),
        ("13-08-2024 10:00", DateOrder.DAY_FIRST, "2024-04-03"),
    ],
)
@pytest.mark.parametrize("broken", ["", 'x,7,"2024,1\n', "x,7,\xff,1,more\n"])
@pytest.mark.parametrize("chunk", [8 << 20, 200])
def test_one_date_proves_what_is_first_in_all_others_wherever_it_stands(
    path: Path, proof: str, order: DateOrder, day: str, broken: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns_file, "CHUNK_BYTES", chunk)
    rows = "".join(f"a,{number},03/04/2024 9:00 PM,1\n" for number in range(2, 40))
    orders = read(path, f"{HEADER}{rows}{broken}b,1,{proof},1\n")
    assert {read_day for name, read_day, _ in rows_of(orders) if name == "a"} == {day}
    assert (orders.dates, orders.dates_example) == (order, proof[:10])
    assert orders.rejected == (1 if broken else 0)


def test_contradicting_dates_reject_ambiguous_rows_unless_an_order_is_given(path: Path) -> None:
    content = f"{HEADER}a,1,03/04/2024,1\nb,2,13/08/2024,1\nc,3,08/13/2024,1\n"
    orders = read(path, content)
    assert [name for name, _, _ in rows_of(orders)] == ["b", "c"]
    assert orders.dates is None
    for order, day in ((DateOrder.MONTH_FIRST, "2024-03-04"), (DateOrder.DAY_FIRST, "2024-04-03")):
        decided = read(path, content, dates=order)
        assert [read_day for _, read_day, _ in rows_of(decided)] == [day, "2024-08-13", "2024-08-13"]
        assert (decided.dates, decided.dates_example) == (order, "")


def test_files_without_doubtful_dates_are_not_read_twice(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_file, "order_shown", None)
    assert read(path, f"{HEADER}a,1,13/04/2024,1\nb,2,04/04/2024,1\n").dates is None


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("12.5", 1250),
        ("-3", -300),
        ("0", 0),
        ("12.345", 1234),
        ('"1,234.50"', 123450),
        ('"1.234,50"', 123450),
        ('"12,50"', 1250),
        ("€ 12.50", 1250),
        ("$-12.50", -1250),
        ("12.50 EUR", 1250),
        ("1'234.50", 123450),
        ("(5.00)", -500),
        ("1e2", 10000),
    ],
)
def test_amounts_are_read_where_they_can_mean_one_thing_only(path: Path, written: str, minor: int) -> None:
    orders = read(path, f"{HEADER}c,1,2024-03-05,{written}\nc,2,2024-03-06,1\n")
    assert [amount for _, _, amount in rows_of(orders)] == [minor, 100]


@pytest.mark.parametrize("written", ['"1,234"', "nan", "inf", "12x", "1e30", "--5"])
def test_other_amounts_reject_their_row(path: Path, written: str) -> None:
    orders = read(path, f"{HEADER}a,1,2024-03-05,{written}\nb,2,2024-03-06,1\n")
    assert rows_of(orders) == [("b", "2024-03-06", 100)]
    assert orders.first_rejects[0][1].startswith("total: ")


def test_a_file_with_semicolons_has_decimal_commas(path: Path) -> None:
    orders = read(
        path, "customer_id;order_id;ordered_at;total\na;1;2024-03-05;12,5\nb;2;2024-03-05;7\nc;3;2024-03-05;1.234,5\n"
    )
    assert [amount for _, _, amount in rows_of(orders)] == [1250, 700, 123450]
    assert read(path, "customer_id;order_id;ordered_at;total\na;1;2024-03-05;12.50\n").amount.tolist() == [1250]
    doubtful = read(path, "customer_id;order_id;ordered_at;total\na;1;2024-03-05;1.234\nb;2;2024-03-05;1\n")
    assert doubtful.first_rejects == [(2, "total: '1.234' may be thousands or decimals")]


def test_a_currency_decides_what_a_minor_unit_is(path: Path) -> None:
    assert read(path, f"{HEADER}c,1,2024-03-05,500\n", currency="JPY").amount.tolist() == [500]
    assert read(path, f"{HEADER}c,1,2024-03-05,1.234\n", currency="KWD").amount.tolist() == [1234]


def test_rows_in_another_currency_than_the_first_are_rejected(path: Path) -> None:
    content = "email,order_id,ordered_at,total,currency\na@x,1,2024-03-05,1,EUR\nb@x,2,2024-03-05,1,usd\n"
    orders = read(path, content)
    assert (orders.currency, orders.customers.to_pylist()) == ("EUR", ["a@x"])
    assert orders.first_rejects == [(3, "currency: 'usd', but this file is scored in EUR")]
    assert read(path, content, currency="USD").customers.to_pylist() == ["b@x"]


def test_addresses_are_the_same_in_any_case_and_ids_are_not(path: Path) -> None:
    orders = read(path, "Email,order_id,ordered_at,total\n Ada@X.com,1,2024-03-05,1\nada@x.com ,2,2024-03-05,1\n")
    assert orders.customers.to_pylist() == ["ada@x.com"]
    orders = read(path, f"{HEADER} Ada,1,2024-03-05,1\nada,2,2024-03-05,1\nAda,3,2024-03-05,1\n")
    assert orders.customers.to_pylist() == ["Ada", "ada"]


@pytest.mark.parametrize("chunk", [64 << 20, 700])
@pytest.mark.parametrize(
    "names",
    [
        [str(number * 7 % 150) for number in range(300)],
        [str(number * 10**15) for number in range(1, 300)],
        [f"c{number * 7 % 150:04}" for number in range(300)],
        [f"Ä-{number * 7 % 150}" for number in range(300)],
        [f"{number:030}" for number in range(300)],
        [f"c{number}" if number % 100 < 80 else f"c{number:06}" for number in range(300)],
        ["7", "07", " 7", "7 ", "c7", "a@x7", "+7", "-7", "7.0", "0", "00"] * 27,
        [f"{chr(97 + number // 25)}{number}" for number in range(300)],
    ],
)
def test_customers_with_numbers_for_names_are_distinguished_as_texts(
    path: Path, names: list[str], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns_file, "CHUNK_BYTES", chunk)
    orders = read(path, HEADER + "".join(f"{name},{at},2024-03-05,1\n" for at, name in enumerate(names)))
    assert orders.customers.to_pylist() == sorted({name.strip() for name in names})
    assert [name for name, _, _ in rows_of(orders)] == [name.strip() for name in names]


def test_an_address_stands_in_where_a_row_has_no_customer_id(path: Path) -> None:
    content = (
        "customer_id,email,order_id,ordered_at,total\n7,a@x,1,2024-03-05,1\n,B@x,2,2024-03-05,1\n,,3,2024-03-05,1\n"
    )
    orders = read(path, content)
    assert orders.customers.to_pylist() == ["7", "b@x"]
    assert orders.first_rejects == [(4, "customer_id and email: missing")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_delimiter_line_end_and_mark_of_utf_8_will_do(path: Path, delimiter: str, bom: bytes, end: str) -> None:
    rows = [
        ["Order ID", "Customer_ID", "TOTAL", "Ordered-At"],
        ["1", "ä", "5", "2024-03-05"],
        ["2", "b", "6", "2024-03-06"],
    ]
    content = bom + end.join(delimiter.join(row) for row in rows).encode()
    assert rows_of(read(path, content)) == [("ä", "2024-03-05", 500), ("b", "2024-03-06", 600)]


def test_the_columns_of_shopify_and_woocommerce_are_known(path: Path) -> None:
    shopify = "Name,Email,Financial Status,Total,Created at,Billing Name\n#1,a@x,paid,5,2024-03-05 10:00:00 +0100,Ada\n"
    assert rows_of(read(path, shopify)) == [("a@x", "2024-03-05", 500)]
    woo = "Order ID,Billing Email,Order Date,Order Total\n1,a@x,2024-03-05,5\n"
    orders = read(path, woo)
    assert orders.order_id is not None
    assert rows_of(orders) == [("a@x", "2024-03-05", 500)]


def test_a_person_called_name_is_no_order_id(path: Path) -> None:
    assert read(path, "Name,Email,Total,Date\nAda,a@x,5,2024-03-05\n").order_id is None


def test_columns_can_be_mapped_whatever_their_case(path: Path) -> None:
    orders = read(
        path,
        "wer,wann,wieviel,total\na,2024-03-05,5,9\n",
        mapped={"customer_id": "Wer", "ordered_at": "wann", "total": "WIEVIEL"},
    )
    assert rows_of(orders) == [("a", "2024-03-05", 500)]


@pytest.mark.parametrize(
    ("content", "mapped", "sentence"),
    [
        ("", {}, "shop.csv is empty: it has no header."),
        (HEADER, {}, "shop.csv has a header but no rows."),
        ("a,b\n1,2\n", {}, r"lacks customer_id or email, ordered_at and total\. It has: a, b\. .*--map customer_id="),
        ("email,order date,purchase date,total\n", {}, "ordered_at may be 'order date' or 'purchase date'; say which"),
        (HEADER, {"total": "sum"}, "has no column 'sum' for total"),
        (f"{HEADER}a,1,b,c\n", {}, r"The only row of shop.csv cannot be read \(line 2: ordered_at: 'b' is no date"),
        (f"{HEADER}a,1,b,c\na,1,b,c\n", {}, r"None of the 2 rows of shop.csv can be read \(line 2: ordered_at: 'b'"),
        (HEADER.replace("\n", "\r") + "a,1,2024-03-05,5\r", {}, "ends its lines as old Macs did; save it as"),
        ("a\0b\n", {}, "is not a CSV file in UTF-8"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_one_sentence(
    path: Path, content: str, mapped: dict[str, str], sentence: str
) -> None:
    with pytest.raises(UnreadableFile, match=sentence):
        read(path, content, mapped=mapped)


def test_rows_that_cannot_be_read_are_kept_with_their_reasons(path: Path) -> None:
    content = (
        f'{HEADER}a,1,2024-03-05,1\n"b\nb",2,2024-03-05,x\nc,3,2024-03-05,1,more\n,4,2024-03-05,1\nd,,2024-03-05,1\n'
        '\n , , , \ne,5,2024-03-05\nf,"6,2024-03-05,1\ng,7,2024-03-05,1\n'
    ).encode() + b"\xff,8,2024-03-05,1\n"
    orders = read(path, content)
    assert orders.customers.to_pylist() == ["a", "g"]
    assert orders.rejected == 7
    with path.with_suffix(".rejects.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rejects = list(csv.reader(file))
    assert rejects[0] == ["customer_id", "order_id", "ordered_at", "total", "reason"]
    assert {row[0]: row[4] for row in rejects[1:]} == {
        "b\nb": "total: 'x' is no amount such as 12.50",
        "c": "the row has more cells than the header: more",
        "": "customer_id: missing",
        "d": "order_id: missing",
        "e": "total: missing",
        "f": "a quotation mark is never closed",
        "\udcff": "the row is not in UTF-8; save the file as “CSV UTF-8”",
    }
    assert (2 + 2, "the row has more cells than the header: more") in [
        (line - 1, why) for line, why in orders.first_rejects
    ]


def test_an_earlier_file_of_rejects_goes_where_there_are_none(path: Path) -> None:
    rejects = path.with_suffix(".rejects.csv")
    read(path, f"{HEADER}a,1,x,1\nb,1,2024-03-05,1\n")
    assert rejects.exists()
    read(path, f"{HEADER}b,1,2024-03-05,1\n")
    assert not rejects.exists()


def test_further_rows_of_an_order_may_leave_its_own_columns_blank(path: Path) -> None:
    content = f"{HEADER},2,,\na,1,2024-03-05,5\n,1,,\na,1,2024-03-05,\nb,2,2024-03-06,7\n,9,,\n"
    orders = read(path, content)
    assert rows_of(orders) == [("a", "2024-03-05", 500), ("b", "2024-03-06", 700)]
    assert (orders.rows, orders.blank, orders.rejected) == (6, 3, 1)
    assert orders.first_rejects == [(7, "customer_id, ordered_at, total: missing")]


def test_chunks_and_pieces_change_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    rows = []
    for number in range(400):
        name = f'"c{number % 37}, the\n""{number % 5}"""'
        total = "x" if number % 97 == 0 else f"{rng.integers(1, 9999) / 100}"
        rows.append(f"{name},{number},{date(2024, 1, 1) + timedelta(days=number % 300)},{total}\n")
    whole = read(path, HEADER + "".join(rows))
    monkeypatch.setattr(columns_file, "CHUNK_BYTES", 700)
    monkeypatch.setattr(columns_file, "PIECE_BYTES", 200)
    cut = read(path, HEADER + "".join(rows))
    assert rows_of(cut) == rows_of(whole)
    assert (cut.rows, cut.rejected, cut.first_rejects) == (whole.rows, 5, whole.first_rejects)
