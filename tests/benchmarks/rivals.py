"""One measurement in a process of its own: `rivals.py TASK LIBRARY FOLDER` → a JSON line with seconds and peak memory.

Runs in the environment that has the library, and so imports nothing of the project unless the library is `regulars`.
"""

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROUNDS = 5
# The rate at which models of purchases are asked to look ahead, and the unit of their parameters.
WEEKS = 90 / 7


def columns(folder: Path, *names: str) -> list[Any]:
    return [np.load(folder / f"{name}.npy") for name in names]


def checksum(r: Any, f: Any, m: Any) -> int:
    """The same for the same scores of the same customers in the same order."""
    codes = 100 * np.asarray(r, np.int64) + 10 * np.asarray(f, np.int64) + np.asarray(m, np.int64)
    return int((codes * (1 + np.arange(len(codes)) % 1_009)).sum())


def best(run: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, Any]:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - began)
    return min(times), result


# Scores of customers whose days, orders and money are in memory


def score_regulars(folder: Path) -> dict[str, Any]:
    from shared.scoring import ranks

    r, f, m = columns(folder, "r", "f", "m")
    seconds, scored = best(lambda: ranks.score(r, f, m, ranks.thresholds(r, f, m)))
    return {"seconds": seconds, "checksum": checksum(scored.r, scored.f, scored.m)}


def score_pandas(folder: Path) -> dict[str, Any]:
    pandas = importlib.import_module("pandas")
    r, f, m = columns(folder, "r", "f", "m")
    frame = pandas.DataFrame({"r": -r, "f": f, "m": m})
    seconds, scored = best(lambda: 1 + (5 * (frame.rank(method="min") - 1)) // len(frame))
    return {"seconds": seconds, "checksum": checksum(scored.r, scored.f, scored.m)}


def score_polars(folder: Path) -> dict[str, Any]:
    polars = importlib.import_module("polars")
    r, f, m = columns(folder, "r", "f", "m")
    frame = polars.DataFrame({"r": -r, "f": f, "m": m})
    fifths = (polars.all().rank("min").cast(polars.Int64) - 1) * 5 // len(r) + 1
    seconds, scored = best(lambda: frame.select(fifths))
    return {"seconds": seconds, "checksum": checksum(*(scored[name].to_numpy() for name in "rfm"))}


_FIFTHS = """
    select customer, 1 + 5 * (rank() over (order by r desc) - 1) // count(*) over () as r,
           1 + 5 * (rank() over (order by f) - 1) // count(*) over () as f,
           1 + 5 * (rank() over (order by m) - 1) // count(*) over () as m
    from aggregated
"""


def score_duckdb(folder: Path) -> dict[str, Any]:
    duckdb = importlib.import_module("duckdb")
    pyarrow = importlib.import_module("pyarrow")
    r, f, m = columns(folder, "r", "f", "m")
    base = duckdb.connect()
    base.register("given", pyarrow.table({"customer": np.arange(len(r)), "r": r, "f": f, "m": m}))
    base.execute("create table aggregated as select * from given")
    seconds, _ = best(lambda: base.execute(f"create or replace table scored as {_FIFTHS}"), 3)
    scored = base.execute("select r, f, m from scored order by customer").fetchnumpy()
    return {"seconds": seconds, "checksum": checksum(scored["r"], scored["f"], scored["m"])}


# From a file of orders to scores


def file_regulars(folder: Path) -> dict[str, Any]:
    began = time.perf_counter()
    from datetime import UTC, datetime

    from cli.exports.columns_file import read_orders
    from cli.exports.header import read_header
    from cli.scoring.compute import to_customers
    from shared.scoring import ranks

    path = folder / "orders.csv"
    orders = read_orders(
        path, read_header(path, {}), zone=UTC, currency=None, now=datetime(2026, 7, 1, tzinfo=UTC),
        rejects=folder / "rejects.csv", show=lambda _at, _rows: None,
    )  # fmt: skip
    customers = to_customers(orders, None)
    assert customers
    given = (customers.recency_days, customers.frequency, customers.monetary)
    scored = ranks.score(*given, ranks.thresholds(*given))
    return {"seconds": time.perf_counter() - began, "checksum": checksum(scored.r, scored.f, scored.m)}


def file_pandas(folder: Path) -> dict[str, Any]:
    began = time.perf_counter()
    pandas = importlib.import_module("pandas")
    frame = pandas.read_csv(folder / "orders.csv", parse_dates=["ordered_at"])
    frame["day"] = frame["ordered_at"].dt.floor("D")
    frame["cents"] = (frame["total"] * 100).round().astype("int64")
    by = frame.groupby("customer_id").agg(last=("day", "max"), f=("order_id", "count"), m=("cents", "sum"))
    fifths = pandas.DataFrame({"r": by["last"].astype("int64"), "f": by["f"], "m": by["m"]}).rank(method="min")
    scored = 1 + (5 * (fifths - 1)) // len(by)
    return {"seconds": time.perf_counter() - began, "checksum": checksum(scored.r, scored.f, scored.m)}


def file_polars(folder: Path) -> dict[str, Any]:
    began = time.perf_counter()
    polars = importlib.import_module("polars")
    col = polars.col
    by = (
        polars.scan_csv(folder / "orders.csv", try_parse_dates=True)
        .group_by("customer_id")
        .agg(
            col("ordered_at").max().dt.date().cast(polars.Int64).alias("r"),
            col("order_id").count().cast(polars.Int64).alias("f"),
            (col("total") * 100).round().cast(polars.Int64).sum().alias("m"),
        )
        .sort("customer_id")
        .collect(engine="streaming")
    )
    scored = by.select((col("r", "f", "m").rank("min").cast(polars.Int64) - 1) * 5 // by.height + 1)
    return {
        "seconds": time.perf_counter() - began,
        "checksum": checksum(*(scored[name].to_numpy() for name in "rfm")),
    }


def file_duckdb(folder: Path) -> dict[str, Any]:
    began = time.perf_counter()
    duckdb = importlib.import_module("duckdb")
    base = duckdb.connect()
    base.execute("set timezone = 'UTC'")
    base.execute(f"set temp_directory = '{folder}'")
    scored = base.execute(
        f"""
        with aggregated as (
            select customer_id as customer, -date_diff('day', date '1970-01-01', max(ordered_at)::date) as r,
                   count(*) as f, sum(round(total * 100)::bigint) as m
            from read_csv('{folder}/orders.csv') group by 1
        )
        select r, f, m from ({_FIFTHS}) order by customer
        """  # noqa: S608 (a file of our own)
    ).fetchnumpy()
    return {
        "seconds": time.perf_counter() - began,
        "checksum": checksum(scored["r"], scored["f"], scored["m"]),
    }


def file_rfm(folder: Path) -> dict[str, Any]:
    """Its quintiles split ties by the order of rows, so its scores are others."""
    began = time.perf_counter()
    pandas = importlib.import_module("pandas")
    rfm = importlib.import_module("rfm")
    # It reads as a date only what is called so.
    frame = pandas.read_csv(folder / "orders.csv").rename(columns={"ordered_at": "order_date"})
    rfm.RFM(frame, customer_id="customer_id", transaction_date="order_date", amount="total")
    return {"seconds": time.perf_counter() - began}


# Models of purchases: fitted to some customers, asked about all


def model_regulars(folder: Path, name: str) -> dict[str, Any]:
    from shared.forecasting import mbg_nbd, pareto_nbd
    from shared.forecasting.arrays import group

    x, t_x, age, sample = _lives(folder)
    module: Any = mbg_nbd if name == "mbg" else pareto_nbd

    def fit() -> Any:
        lives = group(x[sample], t_x[sample] * 7, age[sample] * 7)
        return module.fit(lives.columns[0], lives.columns[1] / 7, lives.columns[2] / 7, lives.weight)

    def expected(model: Any) -> Any:
        lives = group(x, t_x * 7, age * 7)
        return model.expected(lives.columns[0], lives.columns[1] / 7, lives.columns[2] / 7, WEEKS)[lives.inverse]

    return _model(fit, expected)


def model_lifetimes(folder: Path, name: str) -> dict[str, Any]:
    lifetimes = importlib.import_module("lifetimes")
    x, t_x, age, sample = _lives(folder)
    fitter = lifetimes.ModifiedBetaGeoFitter() if name == "mbg" else lifetimes.ParetoNBDFitter()
    return _model(
        lambda: fitter.fit(x[sample], t_x[sample], age[sample]),
        lambda model: model.conditional_expected_number_of_purchases_up_to_time(WEEKS, x, t_x, age),
    )


def _lives(folder: Path) -> list[Any]:
    x, t_x, age = columns(folder, "x", "t_x", "age")
    return [x.astype(float), t_x / 7, age / 7, slice(None, None, max(len(x) // 20_000, 1))]


def _model(fit: Callable[[], Any], expected: Callable[[Any], Any]) -> dict[str, Any]:
    fitting, model = best(fit, 1)
    predicting, made = best(lambda: expected(model), 1)
    return {"seconds": fitting + predicting, "fit_s": fitting, "predict_s": predicting, "sum": float(np.sum(made))}


TASKS: dict[tuple[str, str], Callable[[Path], dict[str, Any]]] = {
    ("score", "regulars"): score_regulars,
    ("score", "pandas"): score_pandas,
    ("score", "polars"): score_polars,
    ("score", "duckdb"): score_duckdb,
    ("file", "regulars"): file_regulars,
    ("file", "pandas"): file_pandas,
    ("file", "polars"): file_polars,
    ("file", "duckdb"): file_duckdb,
    ("file", "rfm"): file_rfm,
    ("mbg", "regulars"): lambda folder: model_regulars(folder, "mbg"),
    ("mbg", "lifetimes"): lambda folder: model_lifetimes(folder, "mbg"),
    ("pareto", "regulars"): lambda folder: model_regulars(folder, "pareto"),
    ("pareto", "lifetimes"): lambda folder: model_lifetimes(folder, "pareto"),
}


def main() -> None:
    task, library, folder = sys.argv[1:]
    result = TASKS[task, library](Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**result, "peak_mb": round(peak)}))


if __name__ == "__main__":
    main()
