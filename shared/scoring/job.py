"""The rescoring as a job: what its steps put on record of each segment."""

from dataclasses import dataclass
from typing import Annotated, Final

from shared.core.codec import Stored
from shared.edge.jobs import Job, Lease, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedSegment(Part):
    """`scanned` customers, read for so many half read units: items hold whole numbers only."""

    scanned: int
    half_read_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSegment(Part):
    """`changed` scores were written, `given_way` were not for another writer's; write units of scorecards and facts."""

    changed: int
    given_way: int
    score_units: int
    fact_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RescoringLease(Lease):
    """The rescoring that may write."""

    run_id: Annotated[str, Stored("rescoring_id")]


RESCORING: Final = Job(
    "RESCORING", "rescoring", {"SCAN": ScannedSegment, "WRITE": WrittenSegment}, lease=RescoringLease
)
