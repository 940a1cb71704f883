"""Points that are earned and taken back as facts come: by orders, refunds, bonuses, and the referrals that follow."""

from collections.abc import Sequence
from datetime import datetime

from shared.core import fact_store
from shared.core.dynamodb import Cancelled, apply, optimistic
from shared.core.facts import Fact, from_timestamp
from shared.core.shop_time import ShopTime
from shared.customers.ids import mailbox_digest
from shared.customers.store import profiles
from shared.loyalty import bonus, order_points
from shared.loyalty.actions import referring
from shared.loyalty.actions.posting import AlreadyPosted, change, post
from shared.loyalty.facts import POINTS_EARNED
from shared.loyalty.points import Account, Posting
from shared.loyalty.program import Bonus, Program, in_force
from shared.loyalty.store import accounts, program_versions, signup_bonuses
from shared.purchases.facts import PURCHASE_RECORDED


def take(fact: Fact, time: ShopTime) -> None:
    """Post what a purchase, a refund, a confirmed signup or a survey's answer earns or takes back, once.

    Facts that come again, late or in another order lead to the same account.
    """
    versions = program_versions.all_versions()
    # A refund may be dated before the launch, and its order after it.
    if not versions or (fact.type != "PurchaseRefunded" and in_force(versions, fact.occurred_at) is None):
        return
    program = versions[-1]
    match fact.type:
        case "PurchaseRecorded":
            earn_order(fact, versions, time)
            referring.reward(profiles.get(fact.customer_id), program, time)
        case "PurchaseRefunded":
            take_back_refund(fact, versions, time)
            if fact.data["whole"]:
                referring.take_back(profiles.get(fact.customer_id), program, time)
        case "ConsentGranted" if "signup_id" in fact.data:
            _welcome(fact, program, time)
        case "SurveyAnswered":
            # A survey may have points of its own, also none.
            worth = fact.data.get("points")
            _give(fact, Bonus.SURVEY_ANSWERED, fact.id, program, time, fact.occurred_at, worth)


def earn_order(purchase: Fact, versions: Sequence[Program], time: ShopTime) -> Posting:
    """Post what a `PurchaseRecorded` earns, by the programme's version of its time; once, however often it comes.

    Costs 1 read unit and 4 write units, 2 more where it lifts the tier.
    """
    return change(purchase.customer_id, lambda account: order_points.earn(account, purchase, versions, time))


def take_back_refund(refund: Fact, versions: Sequence[Program], time: ShopTime) -> Posting:
    """Post what a `PurchaseRefunded` takes back; where it comes before its order's event, the order earns first.

    Costs 4 read units and 6 write units.
    """
    ordered_at = from_timestamp(refund.data["ordered_at"])
    if in_force(versions, ordered_at) is None:
        return Posting(Account(customer_id=refund.customer_id))
    purchase = fact_store.get(refund.customer_id, ordered_at, PURCHASE_RECORDED.name, refund.data["order_id"])
    assert purchase is not None, "an order is recorded before its refund is"
    return _take_back_refund(purchase, refund, versions, time)


@optimistic
def _take_back_refund(purchase: Fact, refund: Fact, versions: Sequence[Program], time: ShopTime) -> Posting:
    account = accounts.get(refund.customer_id)
    earned = fact_store.get(refund.customer_id, purchase.occurred_at, POINTS_EARNED.name, purchase.id)
    posting = Posting(account)
    if earned is None:
        posting = order_points.earn(account, purchase, versions, time)
        if not posting.facts:
            return posting
        earned = posting.facts[0]
    before = accounts.get_refunded(refund.customer_id, purchase.id)
    taken, after = order_points.take_back(posting.account, purchase, earned, refund, before, versions, time)
    posting = Posting(taken.account, (*posting.facts, *taken.facts))
    try:
        # Nothing but this reads or writes what is refunded, and always together with the account's next version.
        (stored,) = post([posting], [accounts.put_refunded(after)])
    except AlreadyPosted:
        return Posting(account)
    return Posting(stored, posting.facts)


def _welcome(fact: Fact, program: Program, time: ShopTime) -> None:
    """A signup was confirmed: only then is what was entered on the profile. A mailbox is welcomed once."""
    customer = profiles.get(fact.customer_id)
    is_worth = any(program.bonuses.get(kind) for kind in bonus.OF_SIGNUP)
    if is_worth and customer and customer.email and _owns_bonuses(fact.customer_id, mailbox_digest(customer.email)):
        _give(fact, Bonus.SIGNUP_CONFIRMED, bonus.ONCE, program, time)
        if bonus.profile_is_complete(customer):
            _give(fact, Bonus.PROFILE_COMPLETED, bonus.ONCE, program, time)
    # They may have bought between signing up and confirming.
    referring.reward(customer, program, time)


def _owns_bonuses(customer_id: str, mailbox: str) -> bool:
    """Whether a mailbox's bonuses of signup are this customer's, after they have claimed them where nobody has them."""
    owner = signup_bonuses.get_owner(mailbox)
    if owner is None:
        try:
            apply(signup_bonuses.put(mailbox, customer_id))
        except Cancelled:
            # Somebody was faster; this runs again where that is not readable yet.
            owner = signup_bonuses.get_owner(mailbox)
        else:
            owner = customer_id
    return owner == customer_id


def _give(
    fact: Fact,
    kind: Bonus,
    period: str,
    program: Program,
    time: ShopTime,
    occurred_at: datetime | None = None,
    worth: int | None = None,
) -> None:
    change(fact.customer_id, lambda account: bonus.give(account, kind, period, program, time, occurred_at, worth))
