"""The link to a customer's points page."""

from datetime import datetime, timedelta
from typing import Final

from shared.edge.links import claims_of, path
from shared.edge.tokens import Purpose

# How long the link is valid: anybody who has it may spend the points.
POINTS_LINK: Final = timedelta(days=90)


def points_path(customer_id: str, epoch: int, expires_at: datetime) -> str:
    """The path of a customer's points page."""
    return path("points", Purpose.POINTS, claims_of(customer_id, epoch), expires_at)
