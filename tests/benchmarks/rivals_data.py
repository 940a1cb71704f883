"""Orders of a shop as a CSV file and as columns, the same on every machine: customers come, buy at rates of their own,
and leave, some sooner than others."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

DAYS = 730
_BATCH = 1_000_000


def write(folder: Path, rows: int, customers: int) -> None:
    """`orders.csv` with so many rows; `r.npy`, `f.npy`, `m.npy`, `x.npy`, `t_x.npy`, `age.npy` of its customers."""
    chance = np.random.default_rng(1997)
    first = chance.integers(0, (DAYS - 30) * 86_400, customers)
    alive = np.minimum(chance.exponential(1, customers) / chance.gamma(0.8, 1 / 400, customers), DAYS) * 86_400
    alive = np.minimum(alive, DAYS * 86_400 - 1 - first)
    upto = np.cumsum(chance.gamma(0.7, 1.0, customers) * alive)
    last, orders, money, days = first // 86_400, np.zeros(customers), np.zeros(customers), []
    writer = None
    for start in range(0, rows, _BATCH):
        size = min(_BATCH, rows - start)
        who = np.minimum(np.searchsorted(upto, chance.random(size) * upto[-1]), customers - 1)
        moment = first[who] + (chance.random(size) * alive[who]).astype(np.int64)
        firsts = np.arange(start, min(start + size, customers))
        who[: len(firsts)], moment[: len(firsts)] = firsts, first[firsts]
        cents = np.rint(chance.lognormal(3.5, 0.8, size) * 100).astype(np.int64)
        table = pa.table(
            {
                "customer_id": _named("c", who, 7),
                "order_id": _named("o", np.arange(start, start + size), 8),
                "ordered_at": pc.strftime(
                    pa.array(np.datetime64("2024-01-01", "s") + moment.astype("timedelta64[s]")),
                    format="%Y-%m-%dT%H:%M:%SZ",
                ),
                "total": pa.array(cents / 100),
            }
        )
        options = pyarrow.csv.WriteOptions(quoting_style="none")
        writer = writer or pyarrow.csv.CSVWriter(folder / "orders.csv", table.schema, write_options=options)
        writer.write_table(table)
        orders += np.bincount(who, minlength=customers)
        money += np.bincount(who, cents, customers)
        np.maximum.at(last, who, moment // 86_400)
        days.append(np.unique(who * DAYS + moment // 86_400))
    assert writer
    writer.close()
    begun = first // 86_400
    purchase_days = np.bincount(np.unique(np.concatenate(days)) // DAYS, minlength=customers)
    end = int(last.max())
    recency, frequency = end - last, orders
    columns = {
        "r": recency,
        "f": frequency,
        "m": money,
        "x": purchase_days - 1,
        "t_x": last - begun,
        "age": end - begun,
    }
    for name, column in columns.items():
        np.save(folder / f"{name}.npy", column.astype(np.int64))


def _named(letter: str, numbers: "np.ndarray[tuple[int], np.dtype[np.int64]]", width: int) -> pa.Array:
    return pc.binary_join_element_wise(letter, pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0"), "")


if __name__ == "__main__":
    write(Path(sys.argv[1]), *json.loads(sys.argv[2]))
