"""Settlement, last step: the statements of all segments → the statement of liability that is served."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock, environment
from shared.core.codec import from_members
from shared.core.facts import from_timestamp
from shared.core.shop_time import ShopTime
from shared.loyalty.actions import settling
from shared.loyalty.settlement import Statement


class UnbalancedError(Exception):
    """The lots of some accounts do not match their books, which should be impossible."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """A summary of the result; the full report is at GET /reports/loyalty."""
    run = event["run"]
    time = ShopTime(from_timestamp(run["started_at"]), environment.settings().zone)
    parts = [from_members(Statement, part) for part in event["parts"]]
    total = settling.close(run["settlement_id"], parts, time, clock.now()).total
    if total.unbalanced:
        # The statement is served all the same, with the number; the failed run raises the alarm.
        raise UnbalancedError(f"{total.unbalanced} accounts do not hold what their books come to")
    return {"settlement_id": run["settlement_id"], "accounts": total.accounts, "outstanding": total.outstanding}
