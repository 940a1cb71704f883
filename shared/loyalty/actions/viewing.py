"""Views of points: points that have expired since the last settlement are posted first, so that the ledger agrees."""

from dataclasses import dataclass

from shared.core import fact_store
from shared.core.dynamodb import optimistic
from shared.core.errors import NotFound
from shared.core.shop_time import ShopTime
from shared.customers.customer import check_epoch
from shared.customers.store import profiles
from shared.loyalty import page
from shared.loyalty.actions import redeeming, referring
from shared.loyalty.actions.posting import catch_up
from shared.loyalty.page import HISTORY_FACTS, PageContent
from shared.loyalty.points import Account
from shared.loyalty.program import Program
from shared.loyalty.reward import Redemption
from shared.loyalty.store import catalogue, program_versions, vouchers


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsView:
    """A customer's account, the programme that it goes by, and their referral code."""

    program: Program
    account: Account
    referral_code: str


def view_points(customer_id: str, time: ShopTime) -> PointsView:
    """A customer's points: 3 read units, 4 for a customer without any.

    Raises NotFound where there is no programme or no such customer, Busy where others keep changing the account.
    """
    program = program_versions.latest()
    if program is None:
        raise NotFound("there is no loyalty programme yet; PUT /loyalty/program launches one")
    account = catch_up(customer_id, time)
    if account.version == 0:
        _check_known(customer_id)
    return PointsView(program=program, account=account, referral_code=referring.code_of(customer_id))


def view_redemptions(customer_id: str) -> list[Redemption]:
    """A customer's vouchers, newest first (1 read unit per 4 KB). Raises NotFound for an unknown customer."""
    redemptions = vouchers.list_of(customer_id)
    if not redemptions:
        _check_known(customer_id)
    return redemptions


def view_page(customer_id: str, epoch: int, time: ShopTime) -> PageContent | None:
    """Everything that a customer's points page shows; None where there is no programme or no such customer.

    Costs 7 read units and more where there are many rewards, vouchers and facts. Raises SignedOut where the customer's
    epoch has passed.
    """
    customer = profiles.get(customer_id)
    if customer is None:
        return None
    check_epoch(customer, epoch)
    program = program_versions.latest()
    if program is None:
        return None
    account = catch_up(customer_id, time)
    facts, _ = fact_store.page(customer_id, HISTORY_FACTS)
    return PageContent(
        customer=customer,
        program=program,
        account=account,
        rewards=catalogue.all_rewards(),
        redemptions=vouchers.list_of(customer_id),
        facts=facts,
        referral_code=referring.code_of(customer_id),
    )


@optimistic
def redeem_on_page(
    customer_id: str, epoch: int, redemption_id: str, reward_id: str, code: str, time: ShopTime
) -> PageContent | None:
    """Redeem a reward as `redeeming.redeem` does, for the page, which then shows the result; everything is read once.

    Costs as `view_page`, and 6 write units for a new voucher, 8 where the reward has a stock. Raises Busy where others
    keep changing the account or the stock, SignedOut as `view_page`.
    """
    before = view_page(customer_id, epoch, time)
    if before is None:
        return None
    after, posting = page.redeem(before, redemption_id, reward_id, code, time)
    if posting and after.voucher:
        reward = next(reward for reward in before.rewards if reward.reward_id == reward_id)
        redeeming.write(posting, after.voucher, reward)
    return after


def _check_known(customer_id: str) -> None:
    if profiles.get(customer_id) is None:
        raise NotFound("there is no such customer")
