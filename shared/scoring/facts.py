"""Facts of rescorings."""

from typing import Annotated, Final, Literal, NotRequired, TypedDict

from shared.core.facts import Day, FactType, Member, OneOf
from shared.scorecards.rfm import SEGMENTS

_Segment = Annotated[str, OneOf(SEGMENTS)]
_Points = Literal[1, 2, 3, 4, 5]

SegmentChanged = TypedDict(
    "SegmentChanged",
    {
        "from": NotRequired[Annotated[_Segment, Member("the segment before; absent the first time", "Promising")]],
        "to": Annotated[_Segment, Member("the segment now", "Champions")],
        "r": NotRequired[Annotated[_Points, Member("score of recency, 5 is best; absent for prospects", 5)]],
        "f": NotRequired[Annotated[_Points, Member("score of frequency, 5 is best; absent for prospects", 4)]],
        "m": NotRequired[Annotated[_Points, Member("score of monetary value, 5 is best; absent for prospects", 5)]],
        "as_of": Annotated[Day, Member("the day that was scored for, in the shop's time zone", "2026-11-21")],
    },
)

SEGMENT_CHANGED: Final = FactType(
    name="SegmentChanged",
    summary=(
        "A rescoring put a customer into another segment; dated at its start. Written right after the score, or by the "
        "next rescoring where that one ended in between."
    ),
    id=Member("the rescoring id", "nightly-2026-11-21"),
    data=SegmentChanged,
)
