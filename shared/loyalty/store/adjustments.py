"""Adjustments by staff: pk `CUST#<customer_id>`, sk `ADJUSTMENT#<id>`, so that the same one again changes nothing."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from shared.core import fact_store as facts
from shared.core import old_table as table
from shared.core.errors import Conflict, NotFound
from shared.customers.store import profiles as customers
from shared.loyalty import points
from shared.loyalty.points import Posting
from shared.loyalty.store import accounts
from shared.loyalty.store import program_versions as programs
from shared.scorecards.store import cards as scorecards


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Points that a member of staff (`operator`) adds, or takes where negative, and why."""

    adjustment_id: str
    customer_id: str
    points: int
    reason: str
    operator: str


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What became of an adjustment: `created` is False where it was there already."""

    adjustment: Adjustment
    created: bool


def adjust(wish: Adjustment, now: datetime, zone: tzinfo) -> Adjusted:
    """Post an adjustment once (6 write units, 8 for a customer's first points).

    Raises NotFound for an unknown customer, Conflict where the id is taken by other content or there is no
    programme, NotEnoughPoints where more would be taken than there are.
    """
    program = programs.latest()
    if program is None:
        raise Conflict("there is no loyalty programme yet; PUT /loyalty/program launches one")
    key = {"pk": facts.partition(wish.customer_id), "sk": f"ADJUSTMENT#{wish.adjustment_id}"}
    members = {"points": wish.points, "reason": wish.reason, "operator": wish.operator}
    for _ in table.tries():
        known = table.get(table.customers_table(), key)
        if known:
            if any(known[name] != value for name, value in members.items()):
                raise Conflict(f"adjustment {wish.adjustment_id} is already made with other content")
            return Adjusted(wish, created=False)
        account = accounts.find(wish.customer_id)
        writes = [table.put_new(table.customers_table(), {**key, **members})]
        if account.version == 0:
            if customers.get(wish.customer_id) is None:
                raise NotFound("there is no such customer")
            # The night finds the accounts of those who have a scorecard.
            writes.append(scorecards.ensure(wish.customer_id))
        settled = points.settle(account, now, zone)
        data = {"reason": wish.reason, "operator": wish.operator}
        done = points.adjust(
            settled.account, wish.points, program, fact_id=wish.adjustment_id, now=now, zone=zone, data=data
        )
        try:
            accounts.post([Posting(done.account, (*settled.facts, *done.facts))], writes)
        except (accounts.AlreadyPosted, table.Cancelled):
            continue
        return Adjusted(wish, created=True)
    raise AssertionError("tries() ends by raising")
