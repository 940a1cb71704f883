"""Changing points accounts: each in one transaction with its facts and what belongs to them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from shared.core import fact_store
from shared.core.dynamodb import Cancelled, Write, optimistic, transact
from shared.core.shop_time import ShopTime
from shared.loyalty import points
from shared.loyalty.points import Account, Posting
from shared.loyalty.store import accounts


class AlreadyPosted(Cancelled):
    """A posting's facts are on record, and its account has not changed since it was read: it was posted before."""


@optimistic
def change(customer_id: str, decide: Callable[[Account], Posting]) -> Posting:
    """Post a decision on a customer's account: 1 read unit, and 4 write units for 1 KB and one fact.

    Where one of its facts is on record already, nothing is posted. Raises Busy where others keep changing the account.
    """
    account = accounts.get(customer_id)
    posting = decide(account)
    if not posting.facts:
        return posting
    try:
        (stored,) = post([posting])
    except AlreadyPosted:
        return Posting(account)
    return Posting(stored, posting.facts)


def catch_up(customer_id: str, time: ShopTime) -> Account:
    """The account, after the points that have expired since the last settlement are posted (1 read unit)."""
    return change(customer_id, lambda account: points.expire(account, time)).account


def post(postings: Sequence[Posting], also: Iterable[Write] = ()) -> list[Account]:
    """Write postings of different accounts in one transaction, with `also`; the accounts as they are stored then.

    Raises AlreadyPosted where a fact is on record, Cancelled where an account or an item of `also` has changed.
    """
    changed = [replace(posting.account, version=posting.account.version + 1) for posting in postings]
    facts = [fact_store.record(fact) for posting in postings for fact in posting.facts]
    try:
        transact(*map(accounts.put, changed), *facts, *also)
    except Cancelled as cancelled:
        # Facts that are numbered by the account may collide with a faster writer's: then the account has changed, too.
        # The same holds for an account in another transaction, whose writes may be visible before it is complete.
        stale = any(code != "None" for code in cancelled.codes[: len(changed)])
        known = any(cancelled.refused(len(changed) + index) for index in range(len(facts)))
        if known and not stale:
            raise AlreadyPosted(cancelled.codes, cancelled.items) from cancelled
        raise
    return changed
