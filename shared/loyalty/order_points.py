"""The points of orders: earned once by a purchase, and taken back by its refunds in whichever order they come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.core.facts import Fact
from shared.core.shop_time import ShopTime
from shared.loyalty import points
from shared.loyalty import program as loyalty
from shared.loyalty.points import Account, EarnedPoints, Posting
from shared.loyalty.program import Program
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
    """Post what a `PurchaseRecorded` earns by the programme's version of its time; nothing for one before the launch.

    `versions` are all of the programme's, oldest first.
    """
    program = loyalty.in_force(versions, purchase.occurred_at)
    # What was recorded before the launch earns nothing, whether its event comes again, or its refund's first.
    if program is None or purchase.recorded_at < versions[0].published_at:
        return Posting(account)
    order = Order.from_data(purchase.data)
    percent = points.tier_percent_at(account, program, purchase.occurred_at, time)
    return points.earn(
        account,
        loyalty.earned_by(order, program, percent, time.day_of(order.ordered_at)),
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
    """Take back what a `PurchaseRefunded` makes of the points that its order `earned`, and count it with the others."""
    order = Order.from_data(purchase.data)
    program = next(version for version in versions if version.version == earned.data["program_version"])
    after = _with_refund(before, refund)
    given_back = loyalty.given_back(
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
        given_back - before.given_back,
        EarnedPoints.from_fact(earned),
        versions[-1].negative_balance,
        fact_id=refund.id,
        occurred_at=refund.occurred_at,
        time=time,
        data={"source": "ORDER", "order_id": order.order_id},
    )
    return posting, replace(after, given_back=given_back)


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
