"""Rescoring, once a week: the histories of drawn customers → the model that forecasts best in the shop's own test."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from shared.forecasting import forecast
from shared.scoring.store import parts as rescoring_parts
from shared.scoring.store import runs as rescorings

_EPOCH: Final = date(1970, 1, 1)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Repeating it finds the same; no shop's data make it fail."""
    run = event["run"]
    as_of = date.fromisoformat(run["as_of"])
    drawn = rescoring_parts.drawn(run["rescoring_id"], run["total_segments"])
    fitted = forecast.fit(drawn, (as_of - _EPOCH).days)
    content = json.dumps(fitted.to_data(), separators=(",", ":"))
    rescoring_parts.save_forecaster(run["rescoring_id"], content)
    rescorings.save_forecaster(as_of, content)
    return {"customers": len(drawn)}
