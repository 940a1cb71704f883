"""Links to surveys: of a customer's invitation, and of a place."""

from datetime import datetime

from shared.edge.links import claims_of
from shared.edge.tokens import Purpose, sign


def survey_path(customer_id: str, epoch: int, invitation_id: str, expires_at: datetime) -> str:
    """The path of a customer's survey; `?score=9` behind it chooses a score, and answers nothing."""
    claims = {**claims_of(customer_id, epoch), "invitation": invitation_id}
    return f"surveys/{sign(Purpose.SURVEY, claims, expires_at)}"


def feedback_path(survey_id: str, place: str) -> str:
    """The path of a survey for people at a place, such as a counter; valid for good, as it may be printed."""
    return f"feedback/{sign(Purpose.FEEDBACK, {'survey': survey_id, 'place': place})}"
