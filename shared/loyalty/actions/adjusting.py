"""Adjustments of points by staff."""

from dataclasses import dataclass

from shared.core.dynamodb import optimistic
from shared.core.errors import Conflict, NotFound
from shared.core.shop_time import ShopTime
from shared.customers.store import profiles
from shared.loyalty import points
from shared.loyalty.actions.posting import post
from shared.loyalty.points import Account, Adjustment
from shared.loyalty.store import accounts, adjustments, program_versions
from shared.scorecards.store import cards


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An account after an adjustment: `created` is False where that was made before."""

    account: Account
    created: bool


@optimistic
def adjust(adjustment: Adjustment, time: ShopTime) -> Adjusted:
    """Post an adjustment once: 3 read units, 6 write units, 8 for a customer's first points.

    Raises NotFound for an unknown customer, Conflict where the id is recorded with other content or there is no
    programme, NotEnoughPoints where there are fewer than would be taken, Busy where others keep changing the account.
    """
    program = program_versions.latest()
    if program is None:
        raise Conflict("there is no loyalty programme yet; PUT /loyalty/program launches one")
    before = adjustments.get(adjustment.customer_id, adjustment.adjustment_id)
    if before and before != adjustment:
        raise Conflict(f"adjustment {adjustment.adjustment_id} is already made with other content")
    account = accounts.get(adjustment.customer_id)
    if before:
        return Adjusted(account, created=False)
    also = [adjustments.put(adjustment)]
    if account.version == 0:
        if profiles.get(adjustment.customer_id) is None:
            raise NotFound("there is no such customer")
        # The settlement goes by scorecards.
        also.append(cards.ensure(adjustment.customer_id))
    posting = points.expire(account, time).then(lambda account: points.adjust(account, adjustment, program, time))
    (stored,) = post([posting], also)
    return Adjusted(stored, created=True)
