"""Rescorings and their reports, as the API answers them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.core.codec import to_members
from shared.core.errors import NotFound
from shared.scoring.job import RESCORING, ScannedSegment, WrittenSegment
from shared.scoring.store import reports


def view(rescoring_id: str, now: datetime) -> dict[str, Any]:
    """A rescoring's plan, progress and result (1 read unit and more per 4 KB). Raises NotFound where there is none.

    `status` is QUEUED, RUNNING, SUCCEEDED, or FAILED where its execution ended before its work.
    """
    progress = RESCORING.get(rescoring_id, now)
    if progress is None:
        raise NotFound("there is no such rescoring")
    run = to_members(progress.run)
    scanned = [part for part in progress.parts if isinstance(part, ScannedSegment)]
    written = [part for part in progress.parts if isinstance(part, WrittenSegment)]
    return {
        "rescoring_id": rescoring_id,
        "status": progress.status,
        "as_of": run["as_of"],
        "started_at": run["started_at"],
        "finished_at": run["finished_at"],
        "segments": run["segments"],
        "segments_scanned": len(scanned),
        "segments_written": len(written),
        "scanned": sum(part.scanned for part in scanned),
        "changed": sum(part.changed for part in written),
        **(progress.run.figures or {}),
    }


def report(name: str) -> Mapping[str, Any]:
    """A report of the last rescoring (1 read unit per 4 KB). Raises NotFound before the first."""
    stored = reports.get(name)
    if stored is None:
        raise NotFound("no rescoring has run yet; one runs every night, POST /rescorings starts one now")
    return stored.content
