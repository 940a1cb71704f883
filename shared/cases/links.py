"""The link to the form by which a customer complains."""

from datetime import datetime, timedelta
from typing import Final

from shared.edge.links import path
from shared.edge.tokens import Purpose

# How long the link is valid.
COMPLAINT_LINK: Final = timedelta(days=60)


def complaint_path(customer_id: str, expires_at: datetime) -> str:
    """The path of the form by which a customer complains."""
    return path("complaints", Purpose.COMPLAINT, {"customer": customer_id}, expires_at)
