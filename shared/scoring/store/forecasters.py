"""The forecaster in use: pk `FORECASTER`, sk `LATEST`."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredForecaster:
    """A forecaster as JSON of a `format`, and the day for which it was fitted."""

    fitted_on: date
    format: int
    content: str


FORECASTERS: Final = Kind(StoredForecaster, CUSTOMERS, "FORECASTER", "LATEST")


def get() -> StoredForecaster | None:
    """The forecaster in use, of whichever format; None before the first fit (1 read unit per 4 KB)."""
    return FORECASTERS.get()


def put(forecaster: StoredForecaster) -> Write:
    """The write of a forecaster over the forecaster in use (1 write unit per KB)."""
    return FORECASTERS.put(forecaster)
