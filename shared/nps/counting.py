"""Counting answers: by which dimensions, and by how much each changes the counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.nps.margin import EMPTY, Group, Histogram, add, group_of
from shared.nps.survey import Answer, Invitation

DIMENSIONS: Final = ("survey_id", "segment", "channel", "category")
UNKNOWN: Final = "-"
# The segment of answers by anonymous links, whose channel is the place of the link.
ANONYMOUS: Final = "Anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Invitations and answers that agree in every dimension."""

    dimensions: Mapping[str, str]
    invited: int
    histogram: Histogram

    @property
    def is_anonymous(self) -> bool:
        """Whether these came by an anonymous link."""
        return self.dimensions["segment"] == ANONYMOUS


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthFigures:
    """The figures of a month: answers by their dimensions, those that say whether a case was resolved well, answers
    by group and theme, and the cases that were opened in it.
    """

    rows: tuple[Row, ...] = ()
    recovery: Histogram = EMPTY
    themes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    opened: int = 0
    resolved: int = 0
    minutes: int = 0


def add_up(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows with the counts of all that agree in every dimension, sorted by their dimensions."""
    totals: dict[tuple[str, ...], Row] = {}
    for row in rows:
        key = tuple(row.dimensions[name] for name in DIMENSIONS)
        before = totals.get(key)
        if before:
            invited, histogram = before.invited + row.invited, add(before.histogram, row.histogram)
            row = Row(dimensions=row.dimensions, invited=invited, histogram=histogram)
        totals[key] = row
    return tuple(totals[key] for key in sorted(totals))


def dimensions_of(invitation: Invitation) -> dict[str, str]:
    """The dimensions by which an invitation and its answer are counted, as far as they are known."""
    known = {"survey_id": invitation.survey_id, **invitation.about}
    return {name: known[name] for name in DIMENSIONS if name in known}


def score_counts(answer: Answer, before: Answer | None) -> dict[int, int]:
    """By how much the number of answers with each score changes; empty for a change that keeps the score."""
    if before is None:
        return {answer.score: 1}
    return {answer.score: 1, before.score: -1} if before.score != answer.score else {}


def theme_counts(answer: Answer, before: Answer | None) -> dict[Group, dict[str, int]]:
    """By how much the number of answers changes that speak of a theme, by group; without those that do not."""
    changes: dict[Group, dict[str, int]] = {}
    for each, sign in ((answer, 1), (before, -1)):
        if each:
            counts = changes.setdefault(group_of(each.score), {})
            for theme in each.themes:
                counts[theme] = counts.get(theme, 0) + sign
    kept = {group: {theme: count for theme, count in counts.items() if count} for group, counts in changes.items()}
    return {group: counts for group, counts in kept.items() if counts}
