"""Comments by month of the answer: pk `COMMENTS#<month>`, sk `<answered_at>#<customer and invitation, or form>`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.facts import to_timestamp
from shared.core.kind import Kind
from shared.core.privacy import FREE_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment with its answer: by a customer, with what the invitation was about, or at a place.

    `position` is where it is listed in its month: a changed comment replaces the earlier text. A comment
    that was withdrawn is empty: the function behind the link may not delete.
    """

    month: str
    position: str
    survey_id: str
    customer_id: str | None = None
    place: str | None = None
    segment: str | None = None
    channel: str | None = None
    category: str | None = None
    order_id: str | None = None
    score: int
    comment: Annotated[str, FREE_TEXT]
    sentiment: str | None
    themes: tuple[str, ...]
    answered_at: datetime


COMMENTS: Final = Kind(Comment, CUSTOMERS, "COMMENTS#{month}", "{position}", in_key=("month", "position"))


def position(answered_at: datetime, answer_id: str) -> str:
    """Where the comment of an answer is listed: in the order of time, followed by an id that is unique in its month."""
    return f"{to_timestamp(answered_at)}#{answer_id}"


def page(month: str, limit: int, after: str | None = None) -> tuple[list[Comment], str | None]:
    """A month's comments, newest first, without withdrawn ones; and the key to go on from (1 read unit per 4 KB)."""
    comments = COMMENTS.query(month=month, limit=limit + 1, newest_first=True, after=after)
    more = comments[limit - 1].position if len(comments) > limit else None
    return [comment for comment in comments[:limit] if comment.comment], more


def put(comment: Comment) -> Write:
    """The write of a comment (2 write units per KB)."""
    return COMMENTS.put(comment)
