"""The output of `regulars score`: how the file was read, the segments, who sits where, and the forecast."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.exports.columns_file import Orders
from cli.exports.header import COLUMNS, DateOrder, has_lines
from cli.exports.rows import Layout, formula_warning
from cli.scoring.compute import Customers
from cli.scoring.results import Results
from shared.forecasting import bands, forecast
from shared.forecasting.forecast import Forecaster, Holdout
from shared.scorecards.rfm import PROSPECTS, SCORES, SEGMENTS

_TITLES: Final = {
    forecast.NAIVE: "average rates",
    forecast.MBG_NBD: "MBG/NBD",
    forecast.PARETO_NBD: "Pareto/NBD",
    forecast.LOGISTIC: "logistic",
}
# A tenth of fewer than these is too few to see a share in.
_MIN_IN_TENTHS: Final = 100
_SHADES: Final = " ░▒▓█"
_COLOURS: Final = ("dim", "grey62", "dark_sea_green4", "green3", "bold green1")


@dataclass(frozen=True)
class Money:
    """Writes minor units for people."""

    currency: str | None
    units: int

    def exact(self, minor: float) -> str:
        """`1,234.50`"""
        return f"{Decimal(round(minor)) / self.units:,.{len(str(self.units)) - 1}f}"

    def whole(self, minor: float) -> str:
        """`1,234`"""
        return f"{minor / self.units:,.0f}"

    def short(self, minor: float) -> str:
        """With decimals only where they matter."""
        return self.exact(minor) if abs(minor) < 1000 * self.units else self.whole(minor)

    @property
    def code(self) -> str:
        """` EUR`, or nothing where no currency is known."""
        return f" {self.currency}" if self.currency else ""


def print_reading(console: Console, file: Path, layout: Layout, orders: Orders) -> None:
    """Which columns were taken, and which rows could not be."""
    taken = [
        name if (own := layout.columns[layout.position[name]].strip()) == name else f"{name} is {own!r}"
        for name in COLUMNS
        if name in layout.position
    ]
    console.print(f"{file.name}: {_counted(orders.rows, 'row')}. Columns: {', '.join(taken)}.", markup=False)
    if orders.dates is not None:
        how = "month/day" if orders.dates == DateOrder.MONTH_FIRST else "day/month"
        why = f"as {orders.dates_example} proves" if orders.dates_example else "as --dates says"
        console.print(f"Dates by numbers are {how}/year, {why}.", markup=False)
    if "order_id" not in layout.position:
        console.print("There is no order_id, so each row counts as an order.", markup=False)
    if orders.cancelled:
        rows = "row is" if orders.cancelled == 1 else "rows are"
        console.print(f"{orders.cancelled:,} {rows} left out: the status is cancelled, voided or failed.", markup=False)
    if orders.rejected:
        rows = (
            "1 row cannot be read and was"
            if orders.rejected == 1
            else f"{orders.rejected:,} rows cannot be read and were"
        )
        console.print(f"{rows} left out, to {orders.rejects}:", style="yellow", markup=False)
        for line, reason in orders.first_rejects:
            console.print(f"  line {line:,}: {reason}", markup=False)
        if orders.rejected > len(orders.first_rejects):
            console.print("  …", markup=False)
        if warning := formula_warning(orders.rejects):
            console.print(warning, style="yellow", markup=False)


def print_lines(console: Console, layout: Layout, customers: Customers, *, lines: bool) -> None:
    """How rows of one order were read, where they may be its lines."""
    if lines or 2 * customers.several < customers.orders or not customers.several or not has_lines(layout.columns):
        return
    total = layout.columns[layout.position["total"]].strip()
    console.print(
        f"{customers.several:,} of {_counted(customers.orders, 'order')} have several rows. Each order counts once, "
        f"with its highest total; if {total!r} is the price of a line, sum the lines first or use --lines.",
        style="yellow",
        markup=False,
    )


def print_results(console: Console, results: Results, money: Money, *, is_day_given: bool, lines: bool) -> None:
    """All results of scoring."""
    for caveat in results.caveats:
        console.print(Text(f"{caveat[:1].upper()}{caveat[1:]}.", style="yellow"))
    for line in _what_counted(results, money, is_day_given=is_day_given, lines=lines):
        console.print(line, markup=False)
    console.print()
    if results.has_fifths:
        console.print(_segments(results, money))
        console.print()
        if not results.caveats:
            _print_grid(console, results)
    _print_forecast(console, results, money)


def _what_counted(results: Results, money: Money, *, is_day_given: bool, lines: bool) -> Iterator[str]:
    customers = results.customers
    refunds = f" and {_counted(customers.refunds, 'refund')}" if customers.refunds else ""
    yield (
        f"{_counted(customers.orders, 'order')}{refunds} of {_counted(len(customers), 'customer')}, {customers.first} "
        f"to {customers.last}: {money.exact(customers.revenue)}{money.code}."
    )
    if customers.repeated and lines:
        yield f"{_counted(customers.repeated, 'row')} more were lines of these orders, and are in their totals."
    elif customers.repeated:
        text = f"{_counted(customers.repeated, 'row')} repeated an order, which counts once"
        yield (
            f"{text}; of {customers.unequal:,} the total was another, and the highest counts."
            if customers.unequal
            else f"{text}."
        )
    if customers.returned:
        no_longer = "counts as an order" if customers.returned == 1 else "count as orders"
        yield f"{_counted(customers.returned, 'order')} came back whole, and no longer {no_longer}."
    if customers.strange:
        whose = "a customer" if customers.strange == 1 else "customers"
        yield f"{_counted(customers.strange, 'refund')} of {whose} without an order in this file did not count."
    why = "" if is_day_given else ", the day of the last order (--as-of takes another)"
    yield f"Scored as of {customers.as_of}{why}."
    if customers.later:
        yield f"{_counted(customers.later, 'later order')} did not count."


def _segments(results: Results, money: Money) -> Table:
    of_currency = f" in{money.code}" if money.code else ""
    table = Table(
        caption=f"Revenue{of_currency} of 24 months; days, orders and money are means per customer",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column("Segment", no_wrap=True)
    for name in ("Customers", "Share", "Revenue", "Share", "Days ago", "Orders", "Spent"):
        table.add_column(name, justify="right", no_wrap=True)
    customers, segments = results.customers, results.scored.segments
    size = len(SEGMENTS)
    count = np.bincount(segments, minlength=size)
    revenue = np.bincount(segments, customers.monetary, size)
    days = np.bincount(segments, customers.recency_days, size)
    orders = np.bincount(segments, customers.frequency, size)
    total = float(revenue.sum())
    for at, name in enumerate(SEGMENTS):
        n = int(count[at])
        if n == 0:
            continue
        share = f"{revenue[at] / total:.1%}" if total > 0 else ""
        cells = (name, f"{n:,}", f"{n / len(customers):.1%}", money.whole(revenue[at]), share)
        spent = revenue[at] / n
        means = (f"{days[at] / n:,.0f}", f"{orders[at] / n:.1f}", money.short(spent)) if name != PROSPECTS else ()
        table.add_row(*cells, *means)
    return table


def _print_grid(console: Console, results: Results) -> None:
    """Customers by recency (across) and frequency (up): shaded, and brighter where there are more."""
    buyers = results.scored.r > 0
    counts = np.zeros((SCORES, SCORES), dtype=np.int64)
    np.add.at(counts, (results.scored.f[buyers] - 1, results.scored.r[buyers] - 1), 1)
    most = max(int(counts.max()), 1)
    console.print(Text("Customers by frequency (up) and recency (across, 5 is the most recent)", style="bold"))
    for f in range(SCORES, 0, -1):
        line = Text(f"  F{f} ")
        for r in range(1, SCORES + 1):
            n = int(counts[f - 1, r - 1])
            shade = -(-n * (len(_SHADES) - 1) // most)
            line.append(f" {_SHADES[shade] * 3}{n:>9,}", style=_COLOURS[shade])
        console.print(line)
    console.print(Text("     " + "".join(f"{f'R{r}':>13}" for r in range(1, SCORES + 1))))
    console.print()


def _print_forecast(console: Console, results: Results, money: Money) -> None:
    made, by, buyers = results.predictions, results.forecaster, results.buyers
    until = results.customers.as_of + timedelta(days=by.horizon_days)
    console.print(Text(f"The next {by.horizon_days} days, until {until}", style="bold"))
    console.print(
        f"  To be expected: {_few(made.expected_purchases[buyers].sum())} purchases by "
        f"{_few(made.p_buy[buyers].sum())} of these customers, worth "
        f"{money.whole(float(results.revenue[buyers].sum()))}{money.code}.",
        markup=False,
    )
    console.print(_bands(results))
    console.print(
        f"  Purchases (days with an order) are forecast by {_TITLES[by.count_model]}, who will buy by "
        f"{_TITLES[by.chance_model]}.",
        markup=False,
    )
    if by.holdout:
        _print_holdout(console, by, by.holdout)
    for reason in by.reasons:
        console.print(Text(f"  {reason}", style="yellow"))
    console.print()


def _bands(results: Results) -> Table:
    table = Table(
        title="Customers by the risk that they stay away, and by value in the next 12 months",
        title_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("Risk", no_wrap=True)
    for name in (*(f"{band} value" for band in bands.VALUE_BANDS), "All"):
        table.add_column(name, justify="right", no_wrap=True)
    size = len(bands.VALUE_BANDS)
    of_each = (size * results.churn.astype(np.int64) + results.value)[results.buyers]
    cells = np.bincount(of_each, minlength=size * len(bands.CHURN_BANDS))
    for band, row in zip(bands.CHURN_BANDS, cells.reshape(-1, size).tolist(), strict=True):
        table.add_row(band, *(f"{n:,}" for n in row), f"{sum(row):,}")
    return table


def _print_holdout(console: Console, by: Forecaster, test: Holdout) -> None:
    """How the models did on the last days of this very file."""
    console.print(
        f"  Tested on the last {test.days} days, unseen by the models ({test.customers:,} customers; * chosen):",
        markup=False,
    )
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("Model", no_wrap=True)
    for name in ("Purchases: forecast", "came", "Buyers: forecast", "came", "AUC"):
        table.add_column(name, justify="right", no_wrap=True)
    counts = {score.model: score for score in test.counts}
    for chance in test.chances:
        name, count = chance.model, counts.get(chance.model)
        chosen = " *" if name in (by.count_model, by.chance_model) else ""
        table.add_row(
            _TITLES[name] + chosen,
            f"{count.predicted:,.0f}" if count else "",
            f"{count.actual:,.0f}" if count else "",
            f"{chance.predicted:,.0f}",
            f"{chance.actual:,.0f}",
            f"{chance.auc:.3f}" if chance.auc is not None else "",
        )
    console.print(table)
    if test.chance_bins and test.customers >= _MIN_IN_TENTHS:
        console.print("  Of each tenth of customers, by their chance of buying, were to buy and did:", markup=False)
        for name, values in (
            ("forecast", [bin_.predicted for bin_ in test.chance_bins]),
            ("came", [bin_.actual for bin_ in test.chance_bins]),
        ):
            console.print(f"  {name:<9}" + "".join(f"{_percent(value):>6}" for value in values), markup=False)


def _few(count: float) -> str:
    return f"{count:,.0f}" if count >= 10 else f"{count:.1f}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.0995 else f"{share:.1%}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
