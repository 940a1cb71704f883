"""The link to the form by which a customer complains."""

from datetime import datetime

from shared.edge.links import claims_of, path
from shared.edge.tokens import Purpose


def complaint_path(customer_id: str, epoch: int, expires_at: datetime) -> str:
    """The path of the form by which a customer complains."""
    return path("complaints", Purpose.COMPLAINT, claims_of(customer_id, epoch), expires_at)
