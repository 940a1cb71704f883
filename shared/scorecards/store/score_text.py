"""What a rescoring found of a customer, as one text in the member `score` of her scorecard.

`Champions|5|5|4|LOW|TOP|2026-11-22|<rescoring id>|Loyal Customers`: segment, R, F, M, churn band, value band, the day
scored for, who wrote it, and, where it was a move, the segment before (`-` the first time). Prospects have blanks. A
map of nine members would be twice as much JSON to read in the scan, and nine conditions to hold it against.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.scorecards.rfm import Score

_FIRST: Final = "-"


@dataclass(frozen=True, slots=True)
class Held:
    """A score, the rescoring that wrote it, and the segment before where it `moved`, None the first time."""

    score: Score
    by: str
    moved: bool = False
    was: str | None = None


def to_text(held: Held) -> str:
    """As it is stored."""
    score = held.score
    numbers = [str(one) if one is not None else "" for one in (score.r, score.f, score.m)]
    day = score.scored_on.isoformat() if score.scored_on else ""
    was = (held.was or _FIRST) if held.moved else ""
    return "|".join([score.segment, *numbers, score.churn_band or "", score.value_band or "", day, held.by, was])


def from_text(text: str) -> Held:
    """As `to_text` made it."""
    segment, r, f, m, churn, value, day, by, was = text.split("|")
    score = Score(
        segment,
        int(r) if r else None,
        int(f) if f else None,
        int(m) if m else None,
        date.fromisoformat(day) if day else None,
        churn or None,
        value or None,
    )
    return Held(score, by, bool(was), was if was not in ("", _FIRST) else None)
