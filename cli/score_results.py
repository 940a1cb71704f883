"""Scores and forecasts of all customers of a file, and the table that they are written as."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from cli.orders_cells import EPOCH, Ints
from cli.score_customers import Customers
from shared.domain import scoring
from shared.domain.prediction import bands, forecast
from shared.domain.prediction.forecast import Forecaster, Predictions
from shared.domain.prediction.histories import Histories, sufficient
from shared.domain.rfm import SEGMENTS

# More customers than these make a forecast slower and hardly better: a parameter moves by a hundredth or two.
# As many as a deployed CRM draws for its fit.
MAX_FITTED: Final = 100_000
HEADER: Final = (
    "customer_id", "recency_days", "frequency", "monetary", "r", "f", "m", "segment", "expected_purchases_90d",
    "p_buy_90d", "clv_12m", "churn_band",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Results:
    """One row a customer in `scored`, `predictions`, `revenue` (minor units expected within the horizon) and the
    bands, which are positions in bands.CHURN_BANDS and bands.VALUE_BANDS. `caveats` are sentences."""

    customers: Customers
    scored: scoring.Scored
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
    scored = scoring.score(*columns, scoring.thresholds(*bought))
    equal = [len(column) > 0 and column.min() == column.max() for column in bought]
    caveats = scoring.caveats(
        len(bought[0]), zip(("recency", "frequency", "monetary value"), map(bool, equal), strict=True)
    )

    histories = customers.histories
    day = (customers.as_of - EPOCH).days
    forecaster = forecast.fit(_sample(histories), day, horizon_days=forecast.HORIZON_DAYS)
    known = sufficient(histories, day)
    predictions = forecast.predict(forecaster, known.x, known.t_x, known.age, histories.orders, histories.spent)
    return Results(
        customers=customers,
        scored=scored,
        caveats=caveats,
        forecaster=forecaster,
        predictions=predictions,
        revenue=predictions.expected_purchases * predictions.day_value,
        churn=bands.churn_band(predictions.p_buy),
        value=bands.value_band(predictions.clv_12m, forecaster.value_cuts),
    )


def write(path: Path, results: Results, units: int) -> None:
    """Write a row per customer, by the customers' names; whole or not at all."""
    prospects = results.customers.recency_days < 0
    scored, predictions = results.scored, results.predictions
    names = pa.array(SEGMENTS, pa.string())
    churn = pa.array(bands.CHURN_BANDS, pa.string())
    table = pa.table(
        [
            results.customers.names,
            pa.array(results.customers.recency_days, mask=prospects),
            pa.array(results.customers.frequency),
            _decimal(results.customers.monetary, units),
            pa.array(scored.r, mask=prospects),
            pa.array(scored.f, mask=prospects),
            pa.array(scored.m, mask=prospects),
            names.take(pa.array(scored.segments)),
            pa.array(np.round(predictions.expected_purchases, 4)),
            pa.array(np.round(predictions.p_buy, 4)),
            _decimal(np.rint(np.minimum(predictions.clv_12m, 1e17)).astype(np.int64), units),
            churn.take(pa.array(results.churn)),
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


def _sample(histories: Histories) -> Histories:
    """Every k-th customer in the order of their names, so that at most MAX_FITTED are left."""
    step = -(-len(histories) // MAX_FITTED)
    if step <= 1:
        return histories
    lengths = np.diff(histories.offsets)
    taken = np.zeros(len(histories), dtype=bool)
    taken[::step] = True
    return Histories(
        first=histories.first[taken],
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[taken])]),
        days=histories.days[np.repeat(taken, lengths)],
        unseen=histories.unseen[taken],
        orders=histories.orders[taken],
        spent=histories.spent[taken],
    )


def _decimal(minor: Ints, units: int) -> Any:
    """Minor units as decimals of the currency, exactly."""
    scale = len(str(units)) - 1
    halves = np.stack([minor, minor >> 63], axis=1)
    return pa.Array.from_buffers(pa.decimal128(19, scale), len(minor), [None, pa.py_buffer(halves.tobytes())])
