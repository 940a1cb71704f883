"""Every hour → overdue cases are reported, and customers are asked whether a resolution has helped."""

from collections.abc import Mapping
from typing import Any

from shared.cases import actions
from shared.core import clock
from shared.nps.actions import recovery


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Each is reported and asked about once, however often this runs."""
    time = clock.shop_time()
    return {"overdue": actions.escalate_overdue(time.now), "asked": recovery.ask_whether_it_helped(time)}
