"""Objects that the steps of a rescoring hand to each other, in the bucket below `rescorings/<id>/`; the snapshots that
stay, below `scores/as_of=<day>/`.

Of each segment: `part-<n>.npz` the customers, `.counts.npz` what they add up to, `.money` their money in ascending
order (8 bytes each, little end first), `.drawn.npz` those drawn for the fit, `.owed.json` moves whose facts may be
missing, `.scan.json` cohorts and figures, then `.tally.json` and `.scores.csv.gz`. Whoever puts segments together has
few of them in memory at once.
"""

import csv
import gzip
import io
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from botocore.config import Config
from msgspec import json

from shared.core import aws, environment
from shared.forecasting.bands import CHURN_BANDS, VALUE_BANDS
from shared.forecasting.histories import Histories
from shared.scorecards.rfm import SEGMENTS
from shared.scoring.demand import Band, Demand
from shared.scoring.lifecycle import Cohorts, Stage
from shared.scoring.ranks import Ints, Thresholds
from shared.scoring.rescoring import Classification, Counts, Part, Sums, Tally
from shared.scoring.store.scan import Scanned

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

SNAPSHOT_COLUMNS: Final = (
    "customer_id", "recency_days", "frequency", "monetary", "r", "f", "m", "segment", "expected_purchases_90d",
    "p_buy_90d", "clv_12m", "churn_band", "value_band",
)  # fmt: skip

_THREADS: Final = 16
# Segments that are in memory at once while all are put together.
_WINDOW: Final = 32
_COUNTS: Final = ("recency", "frequency", "buckets")
_COLUMNS: Final = (
    "recency_days", "frequency", "monetary", "recent", "orders", "spent", "repeats", "active_days", "age_days",
)  # fmt: skip
_CLASSES: Final = tuple(f"before_{name}" for name in Classification.__slots__)
_MONEY: Final = np.dtype("<i8")

T = TypeVar("T")


def save_scan(rescoring_id: str, segment: int, scanned: Scanned, counts: Counts) -> None:
    """Keep the customers of a segment and their counts; repeating it replaces the same objects."""
    key, part = _key(rescoring_id, segment), scanned.part
    money = np.sort(part.monetary[part.buyers]).astype(_MONEY)
    columns = {name: getattr(part, name) for name in _COLUMNS}
    before = dict(zip(_CLASSES, astuple(part.before), strict=True))
    ids = np.array([customer_id.encode() for customer_id in part.customer_ids], dtype=np.bytes_)
    texts = np.array(part.texts, dtype=np.str_)
    _put(f"{key}.npz", _npz(customer_ids=ids, texts=texts, **columns, stored=part.stored, **before))
    _put(f"{key}.money", money.tobytes())
    if len(scanned.drawn):
        _put(f"{key}.drawn.npz", _npz(**asdict(scanned.drawn)))
    _put_json(f"{key}.owed.json", scanned.unrecorded)
    histograms = {name: _columns(getattr(counts, name)) for name in _COUNTS}
    _put(f"{key}.counts.npz", _npz(**histograms))
    _put_json(
        f"{key}.scan.json",
        {
            "drawn": len(scanned.drawn),
            "ends": [counts.least, counts.most],
            "cohorts": [scanned.cohorts.newcomers, scanned.cohorts.active],
        },
    )


def read_all(read: Callable[[str, int], T], rescoring_id: str, segments: int) -> Iterator[list[T]]:
    """What `read` answers of each segment of a rescoring, of a few dozen at a time."""
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, segments, _WINDOW):
            window = range(start, min(start + _WINDOW, segments))
            yield list(pool.map(lambda segment: read(rescoring_id, segment), window))


def counts(rescoring_id: str, segment: int) -> Counts:
    """The counts of a segment."""
    key = _key(rescoring_id, segment)
    arrays = _arrays(_get(f"{key}.counts.npz"))
    ends = _get_json(f"{key}.scan.json")["ends"]
    recency, frequency, buckets = (dict(zip(*arrays[name].tolist(), strict=True)) for name in _COUNTS)
    return Counts(recency, frequency, buckets, *ends)


def money(rescoring_id: str, segment: int, bucket: int) -> Ints:
    """The money of the customers of a segment in a bucket: a range of the ordered file."""
    names, customers = _arrays(_get(f"{_key(rescoring_id, segment)}.counts.npz"))["buckets"]
    at = int(np.searchsorted(names, bucket))
    if at == len(names) or names[at] != bucket:
        return np.zeros(0, dtype=np.int64)
    start, end = (int(customers[:place].sum()) * _MONEY.itemsize for place in (at, at + 1))
    content = _get(f"{_key(rescoring_id, segment)}.money", f"bytes={start}-{end - 1}")
    return np.frombuffer(content, dtype=_MONEY).astype(np.int64)


def save_thresholds(rescoring_id: str, least: Thresholds, caveats: list[str]) -> None:
    """Keep the thresholds of all scores, and why these may say little."""
    _put_json(f"rescorings/{rescoring_id}/ranks.json", {"thresholds": asdict(least), "caveats": caveats})


def thresholds(rescoring_id: str) -> tuple[Thresholds, list[str]]:
    """The thresholds of all scores, and why these may say little."""
    content = _get_json(f"rescorings/{rescoring_id}/ranks.json")
    return Thresholds(**{name: tuple(cuts) for name, cuts in content["thresholds"].items()}), content["caveats"]


def drawn(rescoring_id: str, segment: int) -> Histories | None:
    """Those of a segment who were drawn for the fit, None where nobody was."""
    key = _key(rescoring_id, segment)
    if not _get_json(f"{key}.scan.json")["drawn"]:
        return None
    return Histories(**_arrays(_get(f"{key}.drawn.npz")))


def save_forecaster(rescoring_id: str, content: str) -> None:
    """Keep the forecaster of a rescoring, as JSON."""
    _put(f"rescorings/{rescoring_id}/forecaster.json", content.encode())


def forecaster(rescoring_id: str) -> str:
    """The forecaster of a rescoring, as JSON."""
    return _get(f"rescorings/{rescoring_id}/forecaster.json").decode()


def part(rescoring_id: str, segment: int) -> Part:
    """The customers of a segment."""
    arrays = _arrays(_get(f"{_key(rescoring_id, segment)}.npz"))
    return Part(
        customer_ids=[customer_id.decode() for customer_id in arrays["customer_ids"].tolist()],
        texts=tuple(arrays["texts"].tolist()),
        before=Classification(*(arrays[name] for name in _CLASSES)),
        stored=arrays["stored"],
        **{name: arrays[name] for name in _COLUMNS},
    )


def unrecorded(rescoring_id: str, segment: int) -> list[tuple[str, str]]:
    """The moves of a segment whose facts may be missing: the customer, and the text of their score."""
    return [(customer_id, text) for customer_id, text in _get_json(f"{_key(rescoring_id, segment)}.owed.json")]


def save_tally(rescoring_id: str, segment: int, sums: Tally, stages: Mapping[str, Stage], expected: Demand) -> None:
    """Keep the sums over a segment's customers."""
    content = {
        "segments": {name: astuple(numbers) for name, numbers in sums.segments.items()},
        "moves": [[was, now, customers] for (was, now), customers in sums.moves.items()],
        "changed": sums.changed,
        "stages": {name: astuple(stage) for name, stage in stages.items()},
        "demand": asdict(expected),
    }
    _put_json(f"{_key(rescoring_id, segment)}.tally.json", content)


def tally(rescoring_id: str, segment: int) -> tuple[Tally, dict[str, Stage], Demand, Cohorts]:
    """The sums over a segment's customers."""
    key = _key(rescoring_id, segment)
    content = _get_json(f"{key}.tally.json")
    sums = Tally(
        {name: Sums(*numbers) for name, numbers in content["segments"].items()},
        {(was, now): customers for was, now, customers in content["moves"]},
        content["changed"],
    )
    stages = {name: Stage(*numbers) for name, numbers in content["stages"].items()}
    return sums, stages, _demand(content["demand"]), Cohorts(*_get_json(f"{key}.scan.json")["cohorts"])


def save_snapshot(
    rescoring_id: str, segment: int, part: Part, now: Classification, expected: Any, p_buy: Any, clv: Any
) -> None:
    """Keep a segment's scores as CSV, amounts in minor units; a prospect has an id and a segment."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(SNAPSHOT_COLUMNS)
    rows.writerows(_snapshot_rows(part, now, expected, p_buy, clv))
    _put(f"{_key(rescoring_id, segment)}.scores.csv.gz", gzip.compress(text.getvalue().encode(), 5, mtime=0))


def copy_snapshot(rescoring_id: str, as_of: date, segments: int) -> None:
    """Put the scores of all segments of a rescoring into the snapshot of a day."""
    bucket = environment.variable("DATA_BUCKET")

    def copy(segment: int) -> None:
        source: CopySourceTypeDef = {"Bucket": bucket, "Key": f"{_key(rescoring_id, segment)}.scores.csv.gz"}
        _s3().copy_object(Bucket=bucket, Key=_snapshot_key(as_of, segment), CopySource=source)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(copy, range(segments)))


def delete_snapshot(as_of: date, segments: range) -> None:
    """Take these segments out of the snapshot of a day."""
    for segment in segments:
        _s3().delete_object(Bucket=environment.variable("DATA_BUCKET"), Key=_snapshot_key(as_of, segment))


def _snapshot_key(as_of: date, segment: int) -> str:
    return f"scores/as_of={as_of.isoformat()}/part-{segment:05d}.csv.gz"


def _snapshot_rows(part: Part, now: Classification, expected: Any, p_buy: Any, clv: Any) -> Iterator[list[Any]]:
    columns = (
        part.recency_days, part.frequency, part.monetary, now.r, now.f, now.m, now.segments,
        expected, p_buy, clv, now.churn, now.value,
    )  # fmt: skip
    for customer_id, (days, orders, money, r, f, m, code, purchases, chance, worth, churn, value) in zip(
        part.customer_ids, zip(*(column.tolist() for column in columns), strict=True), strict=True
    ):
        segment = SEGMENTS[code]
        if days < 0:
            yield [customer_id, "", "", "", "", "", "", segment, "", "", "", "", ""]
            continue
        yield [
            customer_id, days, orders, money, r, f, m, segment, round(purchases, 4), round(chance, 4), round(worth),
            CHURN_BANDS[churn], VALUE_BANDS[value],
        ]  # fmt: skip


def _columns(counts: Mapping[int, int]) -> Ints:
    """A histogram as two rows: values in ascending order, and how many have each."""
    return np.array(sorted(counts.items()), dtype=np.int64).reshape(-1, 2).T


def _demand(content: Mapping[str, Any]) -> Demand:
    named = {name: {band: Band(**sums) for band, sums in content[name].items()} for name in ("churn", "value")}
    return Demand(**{**content, **named})


def _key(rescoring_id: str, segment: int) -> str:
    return f"rescorings/{rescoring_id}/part-{segment:05d}"


def _npz(**arrays: Any) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def _arrays(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays.items())


@cache
def _s3() -> "S3Client":
    return aws.client("s3", config=Config(max_pool_connections=_THREADS))


def _put(key: str, content: bytes) -> None:
    _s3().put_object(Bucket=environment.variable("DATA_BUCKET"), Key=key, Body=content)


def _put_json(key: str, content: Any) -> None:
    body = json.encode(content)
    _put(key, gzip.compress(body, compresslevel=1, mtime=0) if key.endswith(".gz") else body)


def _get(key: str, range_: str = "") -> bytes:
    request: Any = {"Bucket": environment.variable("DATA_BUCKET"), "Key": key, **({"Range": range_} if range_ else {})}
    content: bytes = _s3().get_object(**request)["Body"].read()
    return content


def _get_json(key: str) -> Any:
    content = _get(key)
    return json.decode(gzip.decompress(content) if key.endswith(".gz") else content)
