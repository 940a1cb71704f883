"""Every hour → overdue cases are told of, and customers are asked whether what was resolved has helped."""

from collections.abc import Mapping
from typing import Any, Final

from shared.cases import case
from shared.cases.store import records as cases
from shared.core import clock, environment
from shared.nps.store import definitions as surveys

RECOVERY_LINK_DAYS: Final = 14


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Each is told of and asked about once, however often this runs."""
    now, zone = clock.now(), environment.settings().zone
    overdue = cases.overdue(now)
    for one in overdue:
        cases.change(one.case_id, lambda held: case.escalate(held, now))
    asked = cases.ask_whether_it_helped(now, surveys.rules(), zone, RECOVERY_LINK_DAYS)
    return {"overdue": len(overdue), "asked": asked}
