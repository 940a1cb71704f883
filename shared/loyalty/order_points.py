"""The points of orders: earned once by a purchase, and taken back by its refunds in whichever order they come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.core.facts import Fact
from shared.core.shop_time import ShopTime
from shared.loyalty import points
from shared.loyalty.points import Account, EarnedPoints, Posting
from shared.loyalty.program import Program, earned_by, given_back, in_force
from shared.purchases.purchase import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundedOrder:
    """The refunds of an order so far, so that their points come to the same sum in any order.

    `quantities` are the pieces sent back by sku, `amount` the money refunded without naming pieces, `refunded` all the
    money, both in minor units; `given_back` the points taken back for it.
    """

    customer_id: str
    order_id: str
    quantities: Mapping[str, int] = field(default_factory=dict)
    amount: int = 0
    refunded: int = 0
    given_back: int = 0


def earn(account: Account, purchase: Fact, versions: Sequence[Program], time: ShopTime) -> Posting:
    """Post what a `PurchaseRecorded` earns by the programme's version of its time; nothing before the launch.

    `versions` are all of the programme's, oldest first.
    """
    program = in_force(versions, purchase.occurred_at)
    # An order recorded before the launch earns nothing, also where its event comes again or that of its refund comes
    # first.
    if program is None or purchase.recorded_at < versions[0].published_at:
        return Posting(account)
    order = Order.from_data(purchase.data)
    percent = points.tier_percent_at(account, program, purchase.occurred_at, time)
    return points.earn(
        account,
        earned_by(order, program, percent, time.day_of(order.ordered_at)),
        versions[-1],
        fact_id=purchase.id,
        occurred_at=purchase.occurred_at,
        time=time,
        data={"source": "ORDER", "order_id": order.order_id},
    )


def take_back(
    account: Account,
    purchase: Fact,
    earned: Fact,
    refund: Fact,
    before: RefundedOrder,
    versions: Sequence[Program],
    time: ShopTime,
) -> tuple[Posting, RefundedOrder]:
    """Take back the share of a `PurchaseRefunded` in the points that its order `earned`, and count the refund."""
    order = Order.from_data(purchase.data)
    program = next(version for version in versions if version.version == earned.data["program_version"])
    after = _with_refund(before, refund)
    total = given_back(
        order,
        earned.data["points"],
        program,
        time.day_of(order.ordered_at),
        quantities=after.quantities,
        amount=after.amount,
        refunded=after.refunded,
    )
    posting = points.take_back(
        account,
        total - before.given_back,
        EarnedPoints.from_fact(earned),
        versions[-1].negative_balance,
        fact_id=refund.id,
        occurred_at=refund.occurred_at,
        time=time,
        data={"source": "ORDER", "order_id": order.order_id},
    )
    return posting, replace(after, given_back=total)


def _with_refund(before: RefundedOrder, refund: Fact) -> RefundedOrder:
    products = refund.data.get("products", ())
    quantities = dict(before.quantities)
    for line in products:
        quantities[line["sku"]] = quantities.get(line["sku"], 0) + line["quantity"]
    return replace(
        before,
        quantities=quantities,
        amount=before.amount + (0 if products else refund.data["amount"]),
        refunded=before.refunded + refund.data["amount"],
    )
