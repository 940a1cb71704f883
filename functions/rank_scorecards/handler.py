"""Rescoring, third step: the counts of all parts → the thresholds of the scores."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from shared.domain import rescoring
from shared.store import rescorings


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """The thresholds over all customers."""
    counts = rescorings.counts_of(part["part"] for part in event["parts"])
    return {"thresholds": asdict(rescoring.thresholds(counts))}
