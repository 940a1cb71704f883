"""The night's invitations as a job: what its steps put on record of each segment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.edge.jobs import Job, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedSegment(Part):
    """`customers` were looked at; `decisions` counts INVITED and each reason why not, of all surveys together.

    Half read units of the scan and of the decisions; an invitation took 8 write units, a recorded refusal 4.
    """

    customers: int
    decisions: Mapping[str, int]
    half_read_units: int


INVITING: Final = Job("INVITATION", "invitations", {"DECIDE": DecidedSegment})
