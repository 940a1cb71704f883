"""`regulars import`: a shop's purchases from a CSV file into its tables."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from cli import deployment
from cli.console import complain, console
from cli.exports.rows import UnreadableFile, formula_warning, read_layout
from cli.importing import ledger
from cli.importing.run import DEFAULT_WORKERS, Report, run_import
from shared.core.settings import LOCAL_STAGE

LINE_EVERY_SECONDS: Final = 5.0
# Where some orders were rejected, where the command or the file is wrong, where it stopped and can go on.
EXIT_REJECTED: Final = 1
EXIT_WRONG: Final = 2
EXIT_STOPPED: Final = 3
EXIT_INTERRUPTED: Final = 130


def import_purchases(
    file: Annotated[Path, typer.Argument(help="The CSV file.", exists=True, dir_okay=False, readable=True)],
    stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go instead of FILE.rejects.csv.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many orders are written at once.")] = (
        DEFAULT_WORKERS
    ),
) -> None:
    """Import purchases from a CSV file.

    Columns, in any order: order_id, ordered_at, total, currency, and email or customer_id (one of them filled in
    each order); optionally sku, name, category, quantity, price for product lines, and tax, shipping, discount,
    coupon, channel. Amounts are decimals such as 12.50; a time without an offset is in the shop's time zone.

    One row per product line. The rows of an order stand together; the later ones repeat the order's own columns or
    leave them blank. Where the file has lines but neither a tax nor a shipping column, what an order's total has
    above its lines is booked as shipping; where it has no discount column, what it has below them as a discount.

    Orders that cannot be taken go with their reason to FILE.rejects.csv, which each import of FILE writes anew:
    correct them there and import that file. Importing anything twice is harmless, and an import that was stopped
    goes on where it was when the same command is given again.

    Ends with 0 if every order is in, 1 if some were rejected, 2 if the file cannot be read, 3 if AWS failed, 130 if
    it was interrupted.
    """
    try:
        layout = read_layout(file)
        into = deployment.connect(stage)
        if stage != LOCAL_STAGE:
            console.print(f"Into stage {stage} in {into.region}", markup=False)
        if layout.unknown:
            console.print(
                f"Columns without a meaning here are left out: {', '.join(layout.unknown)[:300]}", markup=False
            )
        with shown(file, console) as show:
            report = run_import(
                file,
                settings=into.settings,
                state=deployment.STATE / "imports",
                rejects=rejects,
                workers=workers,
                show=show,
            )
    except UnreadableFile as error:
        complain(str(error))
        raise typer.Exit(EXIT_WRONG) from None
    except deployment.Unreachable as error:
        complain(str(error))
        raise typer.Exit(EXIT_STOPPED) from None
    except (BotoCoreError, ClientError) as error:
        complain(deployment.explain(error))
        raise typer.Exit(EXIT_STOPPED) from None
    for line in summary(report):
        console.print(line, markup=False)
    if report.trouble:
        complain(report.trouble)
    if report.resumable:
        console.print("Give the same command again, and it goes on from there.")
        raise typer.Exit(EXIT_STOPPED if report.trouble else EXIT_INTERRUPTED)
    if report.trouble:
        raise typer.Exit(EXIT_WRONG)
    if report.progress.rejected:
        raise typer.Exit(EXIT_REJECTED)


def summary(report: Report) -> Iterator[str]:
    """The result of an import, as lines for a person."""
    current = report.progress
    start = "" if report.complete else "Stopped: "
    yield f"{start}{current.new:,} orders new, {current.known:,} already there, {current.rejected:,} rejected."
    if current.rejected:
        yield f"The rejected ones are in {report.rejects}, with their reasons; correct them there and import that file."
        if warning := formula_warning(report.rejects):
            yield warning


@contextmanager
def shown(file: Path, to: Console) -> Iterator[Callable[[ledger.Progress], None]]:
    """A bar with speed and remaining time on a terminal, else a line every few seconds."""
    size = max(file.stat().st_size, 1)
    began = time.monotonic()
    first: ledger.Progress | None = None

    def describe(current: ledger.Progress) -> str:
        nonlocal first
        first = first or current
        seconds = max(time.monotonic() - began, 0.001)
        text = f"{current.orders:,} orders"
        if seconds > 1 and current.offset > first.offset:
            left = (size - current.offset) * seconds / (current.offset - first.offset)
            text += f" · {(current.orders - first.orders) / seconds:,.0f}/s · {_duration(left)} left"
        return text + (f" · {current.rejected:,} rejected" if current.rejected else "")

    if to.is_terminal:
        columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.description}"))
        with Progress(*columns, console=to, transient=True) as progress:
            task = progress.add_task("", total=size)
            yield lambda current: progress.update(task, completed=current.offset, description=describe(current))
        return

    line_at = began

    def line(current: ledger.Progress) -> None:
        nonlocal line_at
        text = describe(current)
        if time.monotonic() - line_at >= LINE_EVERY_SECONDS:
            line_at = time.monotonic()
            to.print(f"{current.offset * 100 // size:3d} % · {text}", markup=False)

    yield line


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
