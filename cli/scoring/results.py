"""Scores and forecasts of all customers of a file, and the table that they are written as."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from cli.exports.cells import EPOCH, Ints
from cli.exports.rows import FORMULA
from cli.scoring.compute import Customers
from shared.forecasting import bands, forecast
from shared.forecasting.forecast import Forecaster, Predictions
from shared.forecasting.histories import Histories, sufficient
from shared.scorecards.rfm import SEGMENTS
from shared.scoring import ranks

# More customers than these make a fit slower and hardly better. A deployed CRM draws as many, for the same forecast.
CUSTOMERS_IN_FIT: Final = 100_000
HEADER: Final = (
    "customer_id", "recency_days", "frequency", "monetary", "r", "f", "m", "segment", "expected_purchases_90d",
    "p_buy_90d", "clv_12m", "churn_band",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Results:
    """One row a customer in `scored`, `predictions`, `revenue` (minor units expected within the horizon) and the
    bands, which are positions in bands.CHURN_BANDS and bands.VALUE_BANDS. `caveats` are sentences.

    Nothing is forecast of prospects, whom `buyers` leaves out: their rows mean nothing there."""

    customers: Customers
    buyers: NDArray[np.bool_]
    # Whether there are buyers enough for fifths; scores and segments are not to be shown otherwise.
    has_fifths: bool
    scored: ranks.Scored
    caveats: list[str]
    forecaster: Forecaster
    predictions: Predictions
    revenue: NDArray[np.float64]
    churn: NDArray[np.uint8]
    value: NDArray[np.uint8]


def to_results(customers: Customers) -> Results:
    """Scores against all buyers of the file, forecasts by the models that fit it best."""
    buyers = customers.recency_days >= 0
    columns = (customers.recency_days, customers.frequency, customers.monetary)
    bought = columns if buyers.all() else tuple(column[buyers] for column in columns)
    scored = ranks.score(*columns, ranks.thresholds(*bought))
    equal = [len(column) > 0 and column.min() == column.max() for column in bought]
    caveats = ranks.caveats(
        len(bought[0]), zip(("recency", "frequency", "monetary value"), map(bool, equal), strict=True)
    )

    histories = customers.histories
    day = (customers.as_of - EPOCH).days
    forecaster = forecast.fit(_sample(histories, buyers), day, horizon_days=forecast.HORIZON_DAYS)
    known = sufficient(histories, day)
    predictions = forecast.predict(forecaster, known.x, known.t_x, known.age, histories.orders, histories.spent)
    return Results(
        customers=customers,
        buyers=buyers,
        has_fifths=len(bought[0]) >= ranks.MIN_BUYERS,
        scored=scored,
        caveats=caveats,
        forecaster=forecaster,
        predictions=predictions,
        revenue=predictions.expected_purchases * predictions.day_value,
        churn=bands.churn_band(predictions.p_buy),
        value=bands.value_band(predictions.clv_12m, forecaster.value_cuts),
    )


def write(path: Path, results: Results, units: int) -> None:
    """Write a row per customer, by the customers' names; whole or not at all.

    What is not known is blank: the recency, scores and forecasts of prospects, all scores and segments where the buyers
    are too few for fifths.
    """
    prospects = ~results.buyers
    unscored = prospects if results.has_fifths else np.ones(len(prospects), dtype=bool)
    scored, predictions = results.scored, results.predictions
    # A spreadsheet takes such a name for a formula and runs it; with an apostrophe it is shown as it is.
    customers = pc.replace_substring_regex(results.customers.names, FORMULA, r"'\1")
    names = pa.array(SEGMENTS, pa.string())
    churn = pa.array(bands.CHURN_BANDS, pa.string())
    table = pa.table(
        [
            customers,
            pa.array(results.customers.recency_days, mask=prospects),
            pa.array(results.customers.frequency),
            _decimal(results.customers.monetary, units),
            pa.array(scored.r, mask=unscored),
            pa.array(scored.f, mask=unscored),
            pa.array(scored.m, mask=unscored),
            names.take(pa.array(scored.segments, mask=None if results.has_fifths else unscored)),
            pa.array(np.round(predictions.expected_purchases, 4), mask=prospects),
            pa.array(np.round(predictions.p_buy, 4), mask=prospects),
            _decimal(np.rint(np.minimum(predictions.clv_12m, 1e17)).astype(np.int64), units, prospects),
            churn.take(pa.array(results.churn, mask=prospects)),
        ],
        names=list(HEADER),
    )
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            file.write((",".join(HEADER) + "\n").encode())
            # Arrow's "needed" puts every text in quotation marks, also the many that need none.
            special = pc.any(pc.match_substring_regex(results.customers.names, '[",\r\n]')).as_py()
            options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed" if special else "none")
            pyarrow.csv.write_csv(table, file, options)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _sample(histories: Histories, buyers: NDArray[np.bool_]) -> Histories:
    """Every k-th buyer in the order of their names, so that at most CUSTOMERS_IN_FIT are left."""
    step = -(-int(np.count_nonzero(buyers)) // CUSTOMERS_IN_FIT)
    if step <= 1 and buyers.all():
        return histories
    lengths = np.diff(histories.offsets)
    taken = np.zeros(len(histories), dtype=bool)
    taken[np.flatnonzero(buyers)[:: max(step, 1)]] = True
    return Histories(
        first=histories.first[taken],
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[taken])]),
        days=histories.days[np.repeat(taken, lengths)],
        unseen=histories.unseen[taken],
        orders=histories.orders[taken],
        spent=histories.spent[taken],
    )


def _decimal(minor: Ints, units: int, blank: NDArray[np.bool_] | None = None) -> Any:
    """Minor units as decimals of the currency, exactly; nulls where `blank` is true."""
    scale = len(str(units)) - 1
    valid = pa.py_buffer(np.packbits(~blank, bitorder="little").tobytes()) if blank is not None else None
    halves = np.stack([minor, minor >> 63], axis=1)
    return pa.Array.from_buffers(pa.decimal128(19, scale), len(minor), [valid, pa.py_buffer(halves.tobytes())])
