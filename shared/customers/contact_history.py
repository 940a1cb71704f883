"""A customer across surveys and cases: when they were last asked, and whether they have an open case."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactHistory:
    """`invited_at` is when any survey last asked them, `invited` when each survey did, as timestamps by survey.

    `cases` counts all their cases, `last_case` is the id of the one that was opened last.
    """

    customer_id: str
    invited_at: datetime | None = None
    invited: Mapping[str, str] = field(default_factory=dict)
    open_cases: int = 0
    cases: int = 0
    last_case: str | None = None
