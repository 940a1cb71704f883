"""`regulars score`: segments and a forecast from a shop's export, on this machine and without AWS."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from cli.console import complain, console
from cli.exports.header import COLUMNS, DateOrder, read_header
from cli.exports.rows import Layout, UnreadableFile
from shared.core import clock
from shared.core.money import CURRENCY_CODES

if TYPE_CHECKING:
    from cli.exports.columns_file import Show

EXIT_WRONG: Final = 2
LINE_EVERY_SECONDS: Final = 5.0


def score(
    file: Annotated[Path, typer.Argument(help="The CSV file.", exists=True, dir_okay=False, readable=True)],
    as_of: Annotated[
        str | None, typer.Option(help="The day to score for, such as 2026-01-31; by default that of the last order.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a row per customer to this CSV file.", dir_okay=False)] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=NAME", help='The file\'s own name of a column: total="Grand total".'),
    ] = None,
    currency: Annotated[str | None, typer.Option(help="The currency of the amounts, such as EUR.")] = None,
    dates: Annotated[
        DateOrder | None,
        typer.Option(help="What is first in 03/04/2024; by default what the file's other dates prove."),
    ] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Rows are lines of orders: their totals add up.")] = False,
    time_zone: Annotated[str, typer.Option(help="Whose days orders with a UTC offset fall on.")] = "UTC",
) -> None:
    """Score the customers of a shop's export: RFM segments, and who will buy in the next 90 days.

    Nothing leaves this machine. The file needs columns for customer_id or email, order_id, ordered_at and total; the
    names that shop systems give them are known, and --map names others. Without an order_id each row is an order.
    Rows of one order (its id, customer and day) count once, with its highest total, or with --lines the sum of them;
    negative totals are refunds.
    Amounts in a column refunded are subtracted; orders whose status is cancelled, canceled, voided or failed are none.
    Where a column has the currency, that of the first row counts unless --currency names another.

    Forecasts count a day with purchases once: expected_purchases_90d are days. Below 50 buyers nobody gets a segment.

    Rows that cannot be read are left out, and go with their reasons to FILE.score-rejects.csv.

    Ends with 0, or 2 if the file cannot be read.
    """
    try:
        zone = _zone(time_zone)
        day = _day(as_of)
        code = _currency(currency)
        layout = read_header(file, _mapped(columns or []))
        if out is not None:
            _check_out(out, file)
        _score(file, layout, zone=zone, as_of=day, currency=code, dates=dates, lines=lines, out=out)
    except UnreadableFile as error:
        complain(str(error))
        raise typer.Exit(EXIT_WRONG) from None
    except KeyboardInterrupt:
        complain("Scoring was interrupted; nothing was written.")
        raise typer.Exit(130) from None


def _score(
    file: Path,
    layout: Layout,
    *,
    zone: tzinfo,
    as_of: date | None,
    currency: str | None,
    dates: DateOrder | None,
    lines: bool,
    out: Path | None,
) -> None:
    # Only here: these take a while to import, and `regulars --help` need not wait for them.
    from cli.exports.columns_file import check_rejects_path, read_orders
    from cli.scoring import report
    from cli.scoring.compute import to_customers
    from cli.scoring.results import to_results, write

    began = time.monotonic()
    rejects = file.with_name(f"{file.stem}.score-rejects.csv")
    check_rejects_path(rejects)
    with _shown(file, console) as show:
        orders = read_orders(
            file,
            layout,
            zone=zone,
            currency=currency,
            now=clock.now(),
            rejects=rejects,
            show=show,
            dates=dates,
        )
    report.print_reading(console, file, layout, orders)
    customers = to_customers(orders, as_of, lines=lines)
    if customers is None:
        until = f" until {as_of}" if as_of else ""
        raise UnreadableFile(f"{file.name} holds no order{until}, only {'later ones' if as_of else 'refunds'}.")
    currency, units = orders.currency, orders.units
    del orders
    with console.status("Scores and a forecast …") if console.is_terminal else _nothing():
        results = to_results(customers)
    if out is not None:
        write(out, results, units)
    report.print_lines(console, layout, customers, lines=lines)
    report.print_results(console, results, report.Money(currency, units), is_day_given=as_of is not None, lines=lines)
    if out is not None:
        who = "1 customer is" if len(customers) == 1 else f"{len(customers):,} customers are"
        console.print(f"{who} in {out}.", markup=False)
    else:
        console.print("With --out scores.csv all this is written customer by customer.", markup=False)
    console.print(f"This took {time.monotonic() - began:.1f} s.", style="bold")


def _mapped(columns: Sequence[str]) -> dict[str, str]:
    mapped: dict[str, str] = {}
    for entry in columns:
        column, equals, name = entry.partition("=")
        column = column.strip().lower()
        if not equals or not name.strip() or column not in COLUMNS:
            raise UnreadableFile(f'--map {entry!r} is not like total="Grand total"; columns are {", ".join(COLUMNS)}.')
        if column in mapped:
            raise UnreadableFile(f"--map names {column} twice.")
        mapped[column] = name
    return mapped


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        pass
    except KeyError:
        pass
    raise UnreadableFile(f"There is no time zone {name!r}; an example is Europe/Berlin.")


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UnreadableFile(f"--as-of {text!r} is no day such as 2026-01-31.") from None
    if not 1970 <= day.year <= 9000:
        raise UnreadableFile(f"--as-of {text} lies too far away.")
    return day


def _currency(text: str | None) -> str | None:
    if text is None or text.upper() in CURRENCY_CODES:
        return text.upper() if text else None
    raise UnreadableFile(f"--currency {text!r} is not an ISO 4217 code such as EUR.")


def _check_out(out: Path, file: Path) -> None:
    if not out.parent.is_dir():
        raise UnreadableFile(f"There is no folder {out.parent} for {out.name}.")
    if out.exists() and out.samefile(file):
        raise UnreadableFile(f"{out} is the file to be read; name another with --out.")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _shown(file: Path, to: Console) -> Iterator["Show"]:
    """A bar on a terminal, else a line every few seconds."""
    size = max(file.stat().st_size, 1)
    if to.is_terminal:
        bar = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.description}"))
        with Progress(*bar, console=to, transient=True) as progress:
            task = progress.add_task("", total=size)
            yield lambda at, rows: progress.update(task, completed=at, description=f"{rows:,} rows")
        return

    line_at = time.monotonic()

    def line(at: int, rows: int) -> None:
        nonlocal line_at
        if time.monotonic() - line_at >= LINE_EVERY_SECONDS:
            line_at = time.monotonic()
            to.print(f"{at * 100 // size:3d} % · {rows:,} rows", markup=False)

    yield line
