"""Points accounts made again from their facts."""

from dataclasses import replace

from shared.core import fact_store
from shared.core.differences import Difference, differences
from shared.core.dynamodb import Cancelled, apply, optimistic
from shared.loyalty import points
from shared.loyalty.store import accounts


@optimistic
def rebuild(customer_id: str, *, write: bool) -> tuple[Difference, ...]:
    """Compare a points account with what its facts say, and `write` that.

    Vouchers, adjustments and the refunds of orders are records of their own and stay as they are. Costs 1 read unit,
    1 per 4 KB of the customer's facts, and a write unit per KB of an account that differs. Raises Busy where others
    keep changing the account.
    """
    account = accounts.get(customer_id)
    # The facts are read after the account: one that came in between changed its version, too.
    rebuilt = points.account_from(customer_id, fact_store.every(customer_id))
    different = differences(account, rebuilt, but=("version",))
    if different and write:
        apply(accounts.put(replace(rebuilt, version=account.version + 1)))
    elif different and accounts.get(customer_id) != account:
        raise Cancelled(["changed meanwhile"], [{}])
    return different
