"""Redeeming points for vouchers, and cancelling these."""

from dataclasses import dataclass

from shared.core.dynamodb import optimistic
from shared.core.errors import Conflict, NotFound
from shared.core.shop_time import ShopTime
from shared.customers.store import profiles
from shared.loyalty import reward
from shared.loyalty.actions.posting import post
from shared.loyalty.points import Posting
from shared.loyalty.reward import Redemption, Reward
from shared.loyalty.store import accounts, catalogue, program_versions, vouchers


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A redemption: `created` is False where it was made before."""

    redemption: Redemption
    created: bool


@optimistic
def redeem(customer_id: str, redemption_id: str, reward_id: str, code: str, time: ShopTime) -> Redeemed:
    """Spend points on a reward, once for each `redemption_id`; a new voucher has this `code`.

    Account, fact, voucher and stock are one transaction: 4 read units, 5 where the reward has a limit, and 6 write
    units, 8 where it has a stock. Raises NotFound for an unknown reward or customer, Conflict where the id was used for
    another reward or the reward is not available, NotEnoughPoints with how many are missing, Busy where others keep
    changing the account or the stock.
    """
    before = vouchers.get(customer_id, redemption_id)
    if before and before.reward_id != reward_id:
        raise Conflict(f"redemption {redemption_id} is of the reward {before.reward_id} already")
    if before:
        return Redeemed(before, created=False)
    program, offered = program_versions.latest(), catalogue.get(reward_id)
    if offered is None or program is None:
        raise NotFound(f"there is no reward {reward_id}")
    account = accounts.get(customer_id)
    if account.version == 0 and profiles.get(customer_id) is None:
        raise NotFound("there is no such customer")
    taken = 0
    if offered.limit_per_customer is not None:
        # Another redemption meanwhile changes the account's version, so that this redemption is decided again.
        taken = reward.taken_of(vouchers.list_of(customer_id), reward_id)
    posting, redemption = reward.redeem(account, offered, program, taken, redemption_id, code, time)
    write(posting, redemption, offered)
    return Redeemed(redemption, created=True)


def write(posting: Posting, redemption: Redemption, offered: Reward) -> None:
    """Write a new redemption with its posting. Raises Cancelled where the account or the stock has changed."""
    also = [vouchers.put(redemption)]
    if redemption.counted:
        also.append(catalogue.take_piece(offered))
    post([posting], also)


@optimistic
def cancel(customer_id: str, redemption_id: str, time: ShopTime) -> Redemption:
    """Give the points of a voucher back, and the piece to the stock; once.

    Costs 2 read units and 6 write units, 8 where it took from a stock. Raises NotFound for an unknown voucher, Busy
    where others keep changing the account or the stock.
    """
    before = vouchers.get(customer_id, redemption_id)
    if before is None:
        raise NotFound(f"there is no redemption {redemption_id} of this customer")
    if before.cancelled_at:
        return before
    posting, cancelled = reward.cancel(accounts.get(customer_id), before, time)
    # The account's version lets a single writer through: a second cancellation fails there.
    also = [vouchers.put_cancelled(cancelled)]
    if before.counted:
        also.append(catalogue.return_piece(before.reward_id))
    post([posting], also)
    return cancelled
