"""The forecaster in use: pk `FORECASTER`, sk `LATEST`."""

from dataclasses import dataclass
from typing import Annotated, Final

from shared.core.codec import INLINE
from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.kind import Kind
from shared.scoring.plan import Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredForecaster:
    """A forecaster as JSON of a `format`, and what it was fitted to."""

    fit: Annotated[Fit, INLINE]
    format: int
    content: str


FORECASTERS: Final = Kind(StoredForecaster, CUSTOMERS, "FORECASTER", "LATEST")


def get() -> StoredForecaster | None:
    """The forecaster in use, of whichever format; None before the first fit (1 read unit per 4 KB)."""
    return FORECASTERS.get()


def put(forecaster: StoredForecaster) -> Write:
    """The write of a forecaster over the forecaster in use (1 write unit per KB)."""
    return FORECASTERS.put(forecaster)
