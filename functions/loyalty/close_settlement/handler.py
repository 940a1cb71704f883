"""Settlement, last step: what all segments hold → the statement of liability that is served."""

from collections.abc import Mapping
from typing import Any

from shared.core import clock, environment
from shared.core.facts import from_timestamp
from shared.loyalty import settlement
from shared.loyalty.store import statements as settlements


class UnbalancedError(Exception):
    """Accounts hold other points than their books come to: nothing should be able to lead there."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """What was found, in short; the whole is at GET /reports/loyalty."""
    zone = environment.settings().zone
    whole = settlement.add_up(settlements.from_members(one) for one in event["parts"])
    settlements.save_report(event["settlement_id"], from_timestamp(event["started_at"]), clock.now(), whole, zone)
    wrong = sum(held.unbalanced for held in whole.tiers.values())
    if wrong:
        # The statement is served all the same, with the number; the failed run raises the alarm.
        raise UnbalancedError(f"{wrong} accounts do not hold what their books come to")
    return {
        "settlement_id": event["settlement_id"],
        "accounts": sum(held.accounts for held in whole.tiers.values()),
        "outstanding": sum(held.outstanding for held in whole.tiers.values()),
    }
