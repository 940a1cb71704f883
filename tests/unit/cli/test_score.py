"""`regulars score`: the same scores as online, whatever the file's order, and what is printed and written of them."""

import csv
import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from cli.exports.cells import EPOCH
from cli.exports.columns_file import read_orders
from cli.exports.header import read_header
from cli.main import app
from cli.scoring import results
from cli.scoring.compute import Customers, to_customers
from cli.scoring.results import to_results
from shared.scorecards import scorecard
from shared.scorecards.rfm import SEGMENTS, segment
from shared.scorecards.scorecard import Scorecard
from tests.examples import examples

HEADER = "customer_id,order_id,ordered_at,total\n"
COLUMNS = (
    "customer_id,recency_days,frequency,monetary,r,f,m,segment,expected_purchases_90d,p_buy_90d,clv_12m,churn_band"
)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["score", *map(str, arguments)], env={"COLUMNS": "80"})


def customers_of(content: str, as_of: date | None = None, *, lines: bool = False) -> Customers:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "shop.csv"
        path.write_text(content)
        orders = read_orders(
            path,
            read_header(path, {}),
            zone=UTC,
            currency=None,
            now=datetime(2026, 11, 1, tzinfo=UTC),
            rejects=path.with_suffix(".rejects.csv"),
            show=lambda _at, _rows: None,
        )
    customers = to_customers(orders, as_of, lines=lines)
    assert customers is not None
    return customers


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["customer_id"]: row for row in csv.DictReader(file)}


def a_shop(customers: int = 80, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    rows, number = [], 0
    for customer in range(customers):
        for _ in range(chance.choice([1, 1, 2, 3, 9])):
            number += 1
            day = date(2023, 1, 1) + timedelta(days=chance.randrange(700))
            rows.append(f"c{customer},{number},{day},{chance.randrange(1, 20_000) / 100}\n")
    return rows


_DAYS = st.dates(date(2021, 1, 1), date(2024, 6, 20))
_ORDERS = st.lists(st.tuples(st.integers(0, 12), _DAYS, st.integers(0, 10**7)), min_size=1, max_size=60)
# Of an order by its place: how much of it comes back, in hundredths.
_REFUNDS = st.lists(st.tuples(st.integers(0, 59), st.integers(1, 100)), max_size=8, unique_by=lambda refund: refund[0])


@settings(max_examples=examples(60))
@given(_ORDERS, _REFUNDS, st.randoms(use_true_random=False))
def test_scores_are_those_that_the_deployed_crm_finds(
    orders: list[tuple[int, date, int]], refunds: list[tuple[int, int]], chance: random.Random
) -> None:
    as_of = date(2024, 6, 23)
    cards: dict[str, Scorecard] = {}
    rows = []
    for number, (customer, day, total) in enumerate(orders):
        name = f"c{customer:02d}"
        cards[name] = scorecard.with_order(cards.get(name) or Scorecard(customer_id=name), day, total)
        rows.append(f"{name},{number},{day},{total / 100:.2f}\n")
    for number, percent in refunds:
        if number < len(orders) and (amount := orders[number][2] * percent // 100):
            customer, day, total = orders[number]
            name = f"c{customer:02d}"
            cards[name] = scorecard.with_refund(cards[name], day, amount, fully_refunded=amount == total)
            rows.append(f"{name},{number},{day + timedelta(days=3)},-{amount / 100:.2f}\n")
    chance.shuffle(rows)
    online = {name: scorecard.rfm(card, as_of) for name, card in cards.items()}
    bought = [customers for customers in online.values() if customers]

    customers = customers_of(HEADER + "".join(rows), as_of)
    names = customers.names.to_pylist()
    assert set(names) == set(cards)
    scored = to_results(customers).scored
    for at, name in enumerate(names):
        expected = online[name]
        if expected is None:
            assert (customers.recency_days[at], scored.r[at], SEGMENTS[scored.segments[at]]) == (-1, 0, "Prospects")
            continue
        got = tuple(int(column[at]) for column in (customers.recency_days, customers.frequency, customers.monetary))
        assert got == (expected.recency_days, expected.frequency, expected.monetary)
        worse = (
            sum(values.recency_days > expected.recency_days for values in bought),
            sum(values.frequency < expected.frequency for values in bought),
            sum(values.monetary < expected.monetary for values in bought),
        )
        r, f, m = (1 + 5 * count // len(bought) for count in worse)
        assert (int(scored.r[at]), int(scored.f[at]), int(scored.m[at])) == (r, f, m)
        assert SEGMENTS[scored.segments[at]] == segment(r, f, m)


def test_rows_of_one_order_count_once_also_when_they_are_apart() -> None:
    customers = customers_of(
        f"{HEADER}a,1,2024-03-05,5\nb,9,2024-03-05,1\na,2,2024-03-05,7\na,1,2024-03-05,6\na,1,2024-03-06,5\n"
    )
    assert customers.names.to_pylist() == ["a", "b"]
    assert (customers.frequency.tolist(), customers.monetary.tolist()) == ([3, 1], [1800, 100])
    assert (customers.repeated, customers.unequal, customers.orders) == (1, 1, 4)
    assert customers.histories.days.tolist() == [(date(2024, 3, day) - EPOCH).days for day in (5, 6, 5)]


def test_rows_that_may_be_lines_are_reported_and_add_up_on_demand(tmp_path: Path) -> None:
    path, out = tmp_path / "shop.csv", tmp_path / "scores.csv"
    path.write_text(
        "customer_id,order_id,ordered_at,Amount,SKU\na,1,2024-03-05,5,x\na,1,2024-03-05,5,y\na,1,2024-03-05,7,z\n"
        "b,2,2024-03-05,1,x\na,3,2024-03-05,2,x\na,3,2024-03-05,-1,y\na,3,2024-03-05,-1,z\na,3,2024-03-05,4,z\n"
    )
    printed = " ".join(run(path, "--out", out).stdout.split())
    assert (
        "2 of 3 orders have several rows. Each order counts once, with its highest total; if 'Amount' is the price of "
        "a line, sum the lines first or use --lines." in printed
    )
    assert {name: row["monetary"] for name, row in rows_of(out).items()} == {"a": "10.00", "b": "1.00"}
    printed = " ".join(run(path, "--out", out, "--lines").stdout.split())
    assert "several rows" not in printed
    assert "4 rows more were lines of these orders, and are in their totals." in printed
    assert {name: row["monetary"] for name, row in rows_of(out).items()} == {"a": "21.00", "b": "1.00"}
    assert rows_of(out)["a"]["frequency"] == "2"
    path.write_text(path.read_text().replace("SKU", "Colour"))
    assert "several rows" not in run(path).stdout


@settings(max_examples=examples(40))
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=30))
def test_with_lines_all_money_of_the_file_counts(lines: list[tuple[int, int, int]]) -> None:
    rows = "".join(f"c{customer},{order},2024-03-05,{total}\n" for customer, order, total in lines)
    customers = customers_of(HEADER + rows, lines=True)
    assert customers.revenue == 100 * sum(total for _, _, total in lines)
    orders = [(customer, order) for customer, order, _ in lines]
    assert customers.orders == len(set(orders))
    assert customers.several == sum(orders.count(number) > 1 for number in set(orders))


def test_without_order_ids_each_row_is_an_order() -> None:
    customers = customers_of("customer_id,ordered_at,total\na,2024-03-05,5\na,2024-03-05,5\n")
    assert (customers.frequency.tolist(), customers.monetary.tolist()) == ([2], [1000])


def test_refunds_lower_the_money_and_are_no_orders() -> None:
    customers = customers_of(f"{HEADER}a,1,2024-03-05,50\na,r,2024-03-09,-20\nb,2,2024-03-06,9\nc,3,2024-03-06,-9\n")
    assert customers.names.to_pylist() == ["a", "b"]
    assert (customers.frequency.tolist(), customers.monetary.tolist()) == ([1, 1], [3000, 900])
    assert (customers.as_of, customers.refunds) == (date(2024, 3, 6), 1)


@pytest.mark.parametrize("mixed", ["", "e,5,5 May 2023,1,,paid\n"])
def test_amounts_given_back_are_refunds_of_their_orders(mixed: str) -> None:
    header = "customer_id,Order ID,Order Date,Total,Refunded Amount,Financial Status\n"
    rows = (
        "a,1,2024-03-05,50,20,paid\na,2,2024-03-07,9,9.00,refunded\nb,3,2024-03-06,7,0,paid\nc,4,2024-03-06,5,5.00,\n"
    )
    customers = customers_of(header + rows + mixed)
    assert customers.names.to_pylist() == ["a", "b", "c", "e"][: 4 if mixed else 3]
    assert customers.monetary.tolist()[:3] == [3000, 700, 0]
    assert customers.frequency.tolist()[:3] == [1, 1, 0]
    assert customers.recency_days.tolist()[2] == -1
    assert (customers.refunds, customers.returned) == (3, 2)
    alone = customers_of("customer_id,date,total,refunded\na,2024-03-05,5,5\nb,2024-03-05,5,\nb,2024-03-05,5,-2\n")
    assert (alone.recency_days.tolist(), alone.frequency.tolist()) == ([-1, 0], [0, 2])
    assert alone.monetary.tolist() == [0, 800]


def test_orders_whose_status_says_that_they_are_none_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(
        "Name,Email,Financial Status,Total,Refunded Amount,Created at,Lineitem name\n"
        "#0,,,,,,Cup\n#1,a@x,paid,5,0,2024-03-05 10:00:00 +0100,Cup\n#1,,,,,,Plate\n"
        "#2,b@x, Voided,9,0,2024-03-05 10:00:00 +0100,Cup\n#2,,,,,,Plate\n"
        "#0,c@x,CANCELLED,x,0,2024-03-05 10:00:00 +0100,Cup\n#4,d@x,not failed,6,0,2024-03-06 10:00:00 +0100,Cup\n"
    )
    printed = run(path).stdout
    assert "2 rows are left out: the status is cancelled, voided or failed." in printed
    assert "cannot be read" not in printed
    assert "2 orders of 2 customers, 2024-03-05 to 2024-03-06: 11.00." in printed
    path.write_text("email,date,total,status\na@x,2024-03-05,5,failed\n")
    assert run(path).stderr == "regulars: All orders of shop.csv are cancelled.\n"


def test_a_refunded_amount_that_cannot_be_read_rejects_its_row(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("email,date,total,Back\na@x,2024-03-05,5,some\nb@x,2024-03-05,5,\n")
    printed = run(path, "--map", "refunded=back").stdout
    assert "line 2: refunded: 'some' is no amount such as 12.50" in printed
    assert "refunded is 'Back'" in printed


def test_refunds_without_an_order_count_nowhere_and_are_reported(tmp_path: Path) -> None:
    content = f"{HEADER}a,1,2024-03-05,50\na,r,2024-03-09,-20\nb,2,2024-03-06,-9\nc,3,2024-03-06,-9\n"
    customers = customers_of(content)
    assert (customers.refunds, customers.strange, customers.revenue) == (1, 2, 3000)
    path = tmp_path / "shop.csv"
    path.write_text(content)
    printed = run(path).stdout
    assert "1 order and 1 refund of 1 customer, 2024-03-05 to 2024-03-05: 30.00." in printed
    assert "2 refunds of customers without an order in this file did not count." in printed


def test_orders_after_the_day_do_not_count(tmp_path: Path) -> None:
    customers = customers_of(f"{HEADER}a,1,2024-03-05,5\na,2,2024-03-07,5\nb,3,2024-03-08,5\n", date(2024, 3, 6))
    assert (customers.names.to_pylist(), customers.recency_days.tolist(), customers.later) == (["a"], [1], 2)
    path = tmp_path / "shop.csv"
    path.write_text(f"{HEADER}a,1,2024-03-05,5\n")
    result = run(path, "--as-of", "2024-03-04")
    assert (result.exit_code, result.stderr) == (
        2,
        "regulars: shop.csv holds no order until 2024-03-04, only later ones.\n",
    )


def test_shuffled_rows_give_the_same_file(tmp_path: Path) -> None:
    rows = a_shop()
    written = []
    for seed in (None, 1, 2):
        if seed is not None:
            random.Random(seed).shuffle(rows)
        path, out = tmp_path / "shop.csv", tmp_path / "scores.csv"
        path.write_text(HEADER + "".join(rows))
        result = run(path, "--out", out)
        assert result.exit_code == 0, result.stderr
        written.append(out.read_bytes())
    assert written[0] == written[1] == written[2]
    assert written[0].decode().splitlines()[0] == COLUMNS
    assert len(written[0].splitlines()) == 81


def test_what_is_printed_fits_80_columns_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(HEADER + "".join(a_shop(300)))
    result = run(path, "--currency", "EUR")
    assert result.exit_code == 0
    assert "Champions" in result.stdout
    assert "  F5 " in result.stdout
    assert "The next 90 days, until " in result.stdout
    assert "With --out scores.csv" in result.stdout
    # Sentences may be longer, and wrap.
    assert max(len(line) for line in result.stdout.splitlines() if not line.endswith(".")) <= 80
    assert [path.name for path in tmp_path.iterdir()] == ["shop.csv"]


def test_a_small_shop_reads_that_its_scores_say_little(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(f"{HEADER}a,1,2024-03-05,5\nb,2,2024-03-06,5\n")
    out = tmp_path / "scores.csv"
    result = run(path, "--out", out)
    assert result.exit_code == 0
    read, first, totals = result.stdout.splitlines()[:3]
    assert read.startswith("shop.csv: 2 rows.")
    assert first == "2 customers have bought, too few for fifths: below 50 scores say little."
    assert totals == "2 orders of 2 customers, 2024-03-05 to 2024-03-06: 10.00."
    assert "F5" not in result.stdout
    assert "Segment" not in result.stdout
    row = rows_of(out)["a"]
    assert [row[name] for name in ("r", "f", "m", "segment", "monetary")] == ["", "", "", "", "5.00"]
    assert row["churn_band"]


def test_one_customer_is_named_in_the_singular(tmp_path: Path) -> None:
    path, out = tmp_path / "shop.csv", tmp_path / "scores.csv"
    path.write_text(f"{HEADER}a,1,2024-03-05,5\n")
    printed = run(path, "--out", out).stdout
    assert "shop.csv: 1 row. " in printed
    assert "1 customer has bought, too few for fifths" in printed
    assert "1 customer is in " in printed
    path.write_text(f"{HEADER}a,1,2024-03-05,5\na,2,2024-03-05,5\na,2,2024-03-06,-5\n")
    assert "1 order came back whole, and no longer counts as an order." in run(path).stdout


@pytest.mark.parametrize(("customers", "is_shown"), [(80, False), (300, True)])
def test_forecasts_are_compared_by_tenths_where_these_are_large_enough(
    tmp_path: Path, customers: int, is_shown: bool
) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(HEADER + "".join(a_shop(customers)))
    printed = run(path).stdout
    assert "Tested on the last 90 days" in printed
    assert ("Of each tenth of customers" in printed) == is_shown


def test_a_dimension_in_which_all_are_equal_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(HEADER + "".join(f"c{n},{n},2024-03-{1 + n % 28:02d},5\n" for n in range(60)))
    result = run(path)
    caveat = "All buyers have the same frequency: its score tells nobody apart."
    assert (
        0 < result.stdout.index(caveat) < result.stdout.index("60 orders of") < result.stdout.index("Customers Share")
    )
    assert "All buyers have the same monetary value" in result.stdout


def test_the_order_of_day_and_month_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(f"{HEADER}a,1,03/04/2024,5\nb,2,08/13/2024,5\n")
    assert "Dates by numbers are month/day/year, as 08/13/2024 proves." in run(path).stdout
    path.write_text(f"{HEADER}a,1,03/04/2024,5\n")
    assert "Dates by numbers are day/month/year, as --dates says." in run(path, "--dates", "day-first").stdout
    assert "--dates month-first tells which" in " ".join(run(path).stderr.split())


def test_rejected_rows_do_not_stop_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(HEADER + "".join(a_shop()) + "x,y,z,\n")
    result = run(path)
    assert result.exit_code == 0
    assert "1 row cannot be read and was left out" in result.stdout
    assert (
        (tmp_path / "shop.score-rejects.csv")
        .read_text()
        .startswith("customer_id,order_id,ordered_at,total,reason\nx,y,z,,")
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--as-of", "soon"), "--as-of 'soon' is no day such as 2026-01-31."),
        (("--currency", "EURO"), "--currency 'EURO' is not an ISO 4217 code such as EUR."),
        (("--time-zone", "Mars/Base"), "There is no time zone 'Mars/Base'; an example is Europe/Berlin."),
        (("--map", "price=total"), "--map 'price=total' is not like total=\"Grand total\""),
        (("--map", "total=x", "--map", "total=y"), "--map names total twice."),
    ],
)
def test_a_wrong_option_is_one_sentence_and_exit_2(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(f"{HEADER}a,1,2024-03-05,5\n")
    result = run(path, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"regulars: {sentence}")


def test_the_file_that_is_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(f"{HEADER}a,1,2024-03-05,5\n")
    assert run(path, "--out", path).exit_code == 2
    assert path.read_text().startswith(HEADER)


def test_a_name_that_a_spreadsheet_would_run_has_an_apostrophe_before_it(tmp_path: Path) -> None:
    path, out = tmp_path / "shop.csv", tmp_path / "scores.csv"
    names = ("=1+2", "+1", "-x", "@x", "a=b")
    rows = "".join(f"{name},{number},2024-03-05,5\n" for number, name in enumerate(names))
    path.write_text(f"{HEADER}{rows}{''.join(a_shop())}")
    assert run(path, "--out", out).exit_code == 0
    assert {"'=1+2", "'+1", "'-x", "'@x", "a=b"} <= rows_of(out).keys()


@pytest.mark.parametrize(("name", "is_warned"), [("=1+2", True), ("@x", True), ("-5", False), ("+49 1", False)])
def test_rejects_that_a_spreadsheet_would_run_are_warned_of(tmp_path: Path, name: str, is_warned: bool) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(HEADER + "".join(a_shop()) + f"{name},y,z,\n")
    assert ("takes them for formulas" in " ".join(run(path).stdout.split())) == is_warned


def test_names_that_need_quotation_marks_and_prospects_are_written(tmp_path: Path) -> None:
    path, out = tmp_path / "shop.csv", tmp_path / "scores.csv"
    some = "".join(a_shop())
    path.write_text(f'{HEADER}"a, b",1,2024-03-05,5\nx,2,2024-03-05,5\nx,2,2024-03-05,-5\n{some}')
    assert run(path, "--out", out).exit_code == 0
    rows = rows_of(out)
    assert rows["a, b"]["monetary"] == "5.00"
    assert [rows["x"][name] for name in ("recency_days", "r", "f", "m", "segment", "monetary")] == [
        "",
        "",
        "",
        "",
        "Prospects",
        "0.00",
    ]


@pytest.mark.parametrize("in_fit", [100_000, 30])
def test_nothing_is_forecast_of_who_returned_everything(
    tmp_path: Path, in_fit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "CUSTOMERS_IN_FIT", in_fit)
    path, out = tmp_path / "shop.csv", tmp_path / "scores.csv"
    shop = a_shop()
    path.write_text(HEADER + "".join(shop))
    assert run(path, "--out", out).exit_code == 0
    alone = rows_of(out)
    back = [
        f"b{n},back{n},2023-02-{n + 1:02d},{sign}70\nb{n},again{n},2024-05-{n + 1:02d},{sign}9\n"
        for n in range(20)
        for sign in ("", "-")
    ]
    path.write_text(HEADER + "".join([*shop, *back]))
    result = run(path, "--out", out)
    rows = rows_of(out)
    assert {name: row for name, row in rows.items() if name.startswith("c")} == alone
    forecast_columns = COLUMNS.split(",")[8:]
    assert [rows["b7"][name] for name in forecast_columns] == ["", "", "", ""]
    assert "100 customers" in result.stdout
    in_bands = [
        line.split() for line in result.stdout.splitlines() if line.split()[:1] in (["LOW"], ["MEDIUM"], ["LOST"])
    ]
    high = [line.split() for line in result.stdout.splitlines() if line.split()[:1] == ["HIGH"]]
    assert sum(int(line[-1]) for line in in_bands + high) == 80


def test_a_shop_whose_customers_returned_everything_is_scored_too(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(f"{HEADER}c,2,2024-03-05,5\nc,2,2024-03-05,-5\n")
    result = run(path)
    assert result.exit_code == 0, result.stderr
    assert "To be expected: 0.0 purchases by 0.0 of these customers" in result.stdout


def test_the_command_line_does_not_wait_for_what_only_scoring_needs() -> None:
    code = "import sys, cli.main; print(sorted({'pyarrow', 'numpy', 'duckdb'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_all_of_cdnow_is_scored(tmp_path: Path) -> None:
    try:
        files = metadata.files("lifetimes") or []
    except metadata.PackageNotFoundError:
        files = []
    master = [Path(str(file.locate())) for file in files if file.name == "CDNOW_master.txt"]
    if not master:
        pytest.skip("the package lifetimes is not installed")
    path, out = tmp_path / "cdnow.csv", tmp_path / "scores.csv"
    with master[0].open() as purchases, path.open("w") as file:
        file.write("customer_id,ordered_at,total\n")
        next(purchases)  # its own header
        for purchase in purchases:
            customer, day, _, dollars = purchase.split()
            file.write(f"{customer},{day},{dollars}\n")
    result = run(path, "--out", out, "--currency", "USD")
    assert result.exit_code == 0, result.stderr
    assert "cdnow.csv: 69,659 rows." in result.stdout
    assert "69,659 orders of 23,570 customers, 1997-01-01 to 1998-06-30: 2,500,315.63 USD." in result.stdout
    rows = rows_of(out)
    assert len(rows) == 23_570
    assert sum(int(row["frequency"]) for row in rows.values()) == 69_659
