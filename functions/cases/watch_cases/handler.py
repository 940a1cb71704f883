"""Every hour → cases that are overdue are reported."""

from collections.abc import Mapping
from typing import Any

from shared.cases import actions
from shared.core import clock


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Each is reported once, however often this runs."""
    return {"overdue": actions.escalate_overdue(clock.now())}
