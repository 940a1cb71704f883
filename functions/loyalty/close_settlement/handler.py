"""Settlement, last step: the statements of all segments → the statement of liability that is served."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock, environment
from shared.core.codec import from_members
from shared.loyalty.actions import settling
from shared.scorecards.actions import Plan


class UnbalancedError(Exception):
    """The lots of some accounts do not match their books, which should be impossible."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """The result, in short; the whole is at GET /reports/loyalty."""
    plan = from_members(Plan, event["run"])
    figures = settling.close(plan, environment.settings().zone, clock.now())
    if figures["unbalanced"]:
        # The statement is served all the same, with the number; the failed run raises the alarm.
        raise UnbalancedError(f"{figures['unbalanced']} accounts do not hold what their books come to")
    return {"settlement_id": plan.run_id, "accounts": figures["accounts"], "outstanding": figures["outstanding"]}
