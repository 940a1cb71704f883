"""The statement of liability of the last settlement: pk `REPORT#LOYALTY`, sk `LATEST`."""

from typing import Final

from shared.core.dynamodb import CUSTOMERS, Write
from shared.core.facts import to_timestamp
from shared.core.kind import Kind
from shared.loyalty.settlement import Report

REPORTS: Final = Kind(Report, CUSTOMERS, "REPORT#LOYALTY", "LATEST")


def latest() -> Report | None:
    """The last report, None before the first settlement (1 read unit per 4 KB)."""
    return REPORTS.get()


def put(report: Report) -> Write:
    """The write of a report, unless a later report is there (1 write unit per KB)."""
    condition = "attribute_not_exists(pk) OR started_at <= :started_at"
    return REPORTS.put(report, condition, {":started_at": to_timestamp(report.started_at)})
