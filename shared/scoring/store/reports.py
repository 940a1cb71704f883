"""The reports of the last rescoring: pk `REPORT#<name>`, sk `LATEST`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from shared.core.codec import As
from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.facts import to_timestamp
from shared.core.kind import Kind


def _to_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """A report of the rescoring that started at a moment, as it is served."""

    name: str
    started_at: datetime
    content: Annotated[Mapping[str, Any], As(_to_json, json.loads)]


REPORTS: Final = Kind(StoredReport, CUSTOMERS, "REPORT#{name}", "LATEST", in_key=("name",))


def get(name: str) -> StoredReport | None:
    """The report of this name, None before the first rescoring (1 read unit per 4 KB)."""
    return REPORTS.get(name=name)


def put(report: StoredReport) -> Write:
    """The write of a report over any but a later rescoring's (1 write unit per KB)."""
    condition = "attribute_not_exists(pk) OR started_at <= :started_at"
    return REPORTS.put(report, condition, {":started_at": to_timestamp(report.started_at)})
