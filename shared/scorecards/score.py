"""The score that a rescoring gave a customer, and its text in the member `score` of the customer's scorecard.

`Champions|5|5|4|LOW|TOP|2026-11-22|<rescoring id>|Loyal Customers`: segment, R, F, M, churn band, value band, the day
scored for, the rescoring, and, where it was a move, the segment before (`-` the first time). Prospects have blanks. A
map of nine members would be twice as much JSON to read in the scan, and nine conditions to compare it by. Readers pass
over fields that they do not know.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

_FIELDS: Final = 9
_NO_SEGMENT: Final = "-"


@dataclass(frozen=True, slots=True)
class Score:
    """`r`, `f`, `m` are 1 (worst) to 5, None for a prospect; `scored_on` the shop's day; the bands are those of
    `shared/forecasting/bands.py`, None for a prospect; `rescoring_id` the rescoring that wrote it.

    `is_move`: it put the customer into another segment than `segment_before`, which is None the first time.
    """

    segment: str
    r: int | None
    f: int | None
    m: int | None
    scored_on: date | None = None
    churn_band: str | None = None
    value_band: str | None = None
    rescoring_id: str = ""
    is_move: bool = False
    segment_before: str | None = None

    def to_text(self) -> str:
        """The score as it is stored."""
        points = ["" if number is None else str(number) for number in (self.r, self.f, self.m)]
        bands = self.churn_band or "", self.value_band or ""
        day = self.scored_on.isoformat() if self.scored_on else ""
        before = (self.segment_before or _NO_SEGMENT) if self.is_move else ""
        return "|".join([self.segment, *points, *bands, day, self.rescoring_id, before])

    @classmethod
    def from_text(cls, text: str) -> "Score":
        """The score as `to_text` made it; fields that are missing are blank, those that follow are passed over."""
        fields = text.split("|", _FIELDS)[:_FIELDS]
        segment, r, f, m, churn, value, day, rescoring_id, before = fields + [""] * (_FIELDS - len(fields))
        return cls(
            segment,
            int(r) if r else None,
            int(f) if f else None,
            int(m) if m else None,
            date.fromisoformat(day) if day else None,
            churn or None,
            value or None,
            rescoring_id,
            bool(before),
            before if before not in ("", _NO_SEGMENT) else None,
        )
