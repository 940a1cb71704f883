"""Points accounts: pk `CUST#<customer_id>`, sk `POINTS`; every change in one transaction with its facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, tzinfo
from typing import Any, Final

from shared.core import fact_store as facts
from shared.core import old_table as table
from shared.core.facts import Fact, from_timestamp
from shared.loyalty import points
from shared.loyalty import program as loyalty
from shared.loyalty.points import Account, Books, Posting
from shared.loyalty.program import Program
from shared.purchases.purchase import Order

POINTS: Final = "POINTS"
_BOOKS: Final = tuple(f.name for f in fields(Books))


def find(customer_id: str) -> Account:
    """The customer's account, an empty one where there is none (1 read unit)."""
    item = table.get(table.customers_table(), _key(customer_id))
    return from_item(item) if item else Account(customer_id=customer_id)


def find_all(customer_ids: Sequence[str]) -> dict[str, Account]:
    """The accounts that there are of these customers, by customer (½ read unit each; possibly a moment old)."""
    items = table.batch_get(table.customers_table(), [_key(customer_id) for customer_id in customer_ids])
    return {item["customer_id"]: from_item(item) for item in items}


def change(
    customer_id: str,
    decide: Callable[[Account], Posting],
    also: Callable[[Posting], Iterable[table.Write]] = lambda _: (),
) -> Posting:
    """Post what is decided on the account, in one transaction with `also` what belongs to it.

    An account of up to 1 KB and one fact are 4 write units. Decided anew where somebody else was faster; where one of
    its facts is on record already, it was posted before, and nothing is.
    """
    for _ in table.tries():
        posting = decide(find(customer_id))
        if not posting.facts:
            return posting
        try:
            post([posting], also(posting))
        except AlreadyPosted:
            return Posting(find(customer_id))
        except table.Cancelled:
            continue
        return posting
    raise AssertionError("tries() ends by raising")


class AlreadyPosted(Exception):
    """One of the facts is on record: the same was posted before."""


def post(postings: Sequence[Posting], also: Iterable[table.Write] = ()) -> None:
    """Write postings of different accounts in one transaction.

    Raises AlreadyPosted where a fact is on record, table.Cancelled where an account, or one of `also`, has changed.
    """
    accounts = [_put(posting.account) for posting in postings]
    happened = [facts.record(fact) for posting in postings for fact in posting.facts]
    try:
        table.transact([*accounts, *happened, *also])
    except table.Cancelled as cancelled:
        # Facts that are numbered by the account may meet those of whoever was faster: then the account tells.
        # So does one that another transaction is at work on: what that writes may be seen before it is done.
        stale = any(code != "None" for code in cancelled.codes[: len(accounts)])
        known = any(cancelled.refused(len(accounts) + index) for index in range(len(happened)))
        if known and not stale:
            raise AlreadyPosted from cancelled
        raise


def earn_order(bought: Fact, versions: Sequence[Program], now: datetime, zone: tzinfo) -> Posting:
    """Post what a `PurchaseRecorded` earns, by the programme's version of its time; once, however often it comes.

    Costs 1 read unit and 4 write units, 2 more where it lifts the tier.
    """
    if loyalty.in_force(versions, bought.occurred_at) is None:
        return Posting(Account(customer_id=bought.customer_id))
    return change(bought.customer_id, lambda account: _earned(account, bought, versions, now, zone))


def take_back_refund(back: Fact, versions: Sequence[Program], now: datetime, zone: tzinfo) -> Posting:
    """Post what a `PurchaseRefunded` takes back; where it comes before its order's event, the order earns first.

    The pieces and the money refunded so far are kept per order (sk `POINTS#<order_id>`), so that the sum is right
    whatever the order of the refunds. Costs 4 read units and 6 write units.
    """
    if loyalty.in_force(versions, from_timestamp(back.data["ordered_at"])) is None:
        return Posting(Account(customer_id=back.customer_id))
    bought = facts.get(back.customer_id, from_timestamp(back.data["ordered_at"]), "PurchaseRecorded", _order_id(back))
    assert bought is not None, "an order is recorded before its refund is"
    order = Order.from_data(bought.data)
    for _ in table.tries():
        account = find(back.customer_id)
        earned = facts.get(back.customer_id, bought.occurred_at, "PointsEarned", order.order_id)
        posting = Posting(account)
        if earned is None:
            posting = _earned(account, bought, versions, now, zone)
            if not posting.facts:
                return posting
            earned = posting.facts[0]
        so_far, given_back = _with(_refunded(back), back)
        program = next(one for one in versions if one.version == earned.data["program_version"])
        total = loyalty.given_back(
            order,
            earned.data["points"],
            program,
            zone,
            quantities=so_far["quantities"],
            amount=so_far["amount"],
            refunded=so_far["refunded"],
        )
        taken = points.take_back(
            posting.account,
            total - given_back,
            earned,
            versions[-1].negative_balance,
            fact_id=back.id,
            occurred_at=back.occurred_at,
            now=now,
            zone=zone,
            data={"source": "ORDER", "order_id": order.order_id},
        )
        posting = Posting(taken.account, (*posting.facts, *taken.facts))
        try:
            # Nothing but this reads or writes that item, and always together with the account's next version.
            post([posting], [table.put(table.customers_table(), {**so_far, "given_back": total})])
        except AlreadyPosted:
            return Posting(account)
        except table.Cancelled:
            continue
        return posting
    raise AssertionError("tries() ends by raising")


def _earned(account: Account, bought: Fact, versions: Sequence[Program], now: datetime, zone: tzinfo) -> Posting:
    program = loyalty.in_force(versions, bought.occurred_at)
    # What was recorded before the launch earns nothing, whether its event comes again, or its refund's first.
    if program is None or bought.recorded_at < versions[0].published_at:
        return Posting(account)
    percent = points.tier_percent_at(account, program, bought.occurred_at, zone)
    return points.earn(
        account,
        loyalty.earned_by(Order.from_data(bought.data), program, percent, zone),
        versions[-1],
        fact_id=bought.id,
        occurred_at=bought.occurred_at,
        now=now,
        zone=zone,
        data={"source": "ORDER", "order_id": bought.data["order_id"]},
    )


def _order_id(back: Fact) -> str:
    return str(back.data["order_id"])


def _refunded(back: Fact) -> table.Item:
    key = {"pk": facts.partition(back.customer_id), "sk": f"{POINTS}#{_order_id(back)}"}
    found = table.get(table.customers_table(), key)
    return found or {**key, "quantities": {}, "amount": 0, "refunded": 0, "given_back": 0}


def _with(so_far: table.Item, back: Fact) -> tuple[table.Item, int]:
    """What has been refunded with this refund too, and the points that were given back before it."""
    quantities = dict(so_far["quantities"])
    for line in back.data.get("products", ()):
        quantities[line["sku"]] = quantities.get(line["sku"], 0) + line["quantity"]
    by_amount = 0 if back.data.get("products") else back.data["amount"]
    after = {
        **so_far,
        "quantities": quantities,
        "amount": so_far["amount"] + by_amount,
        "refunded": so_far["refunded"] + back.data["amount"],
    }
    return after, so_far["given_back"]


def _key(customer_id: str) -> dict[str, str]:
    return {"pk": facts.partition(customer_id), "sk": POINTS}


def _put(account: Account) -> table.Write:
    return table.put_version(table.customers_table(), to_item(replace(account, version=account.version + 1)))


def to_item(account: Account) -> dict[str, Any]:
    """The account as an item; books as lists in the order of their fields."""
    return {
        **_key(account.customer_id),
        "customer_id": account.customer_id,
        "lots": account.lots,
        "negative": account.negative,
        "forgiven": account.forgiven,
        "books": books_list(account.books),
        "months": {month: books_list(books) for month, books in account.months.items()},
        "earned": account.earned,
        "tiers": [list(change) for change in account.tiers],
        "tier_ends_on": account.tier_ends_on.isoformat() if account.tier_ends_on else None,
        "bonuses": account.bonuses,
        "warned": account.warned,
        "entry": account.entry,
        "version": account.version,
    }


def from_item(item: Mapping[str, Any]) -> Account:
    """The account of an unpacked item."""
    return Account(
        customer_id=item["customer_id"],
        lots=item["lots"],
        negative=item["negative"],
        forgiven=item["forgiven"],
        books=books_from(item["books"]),
        months={month: books_from(books) for month, books in item["months"].items()},
        earned=item["earned"],
        tiers=tuple((since, name) for since, name in item["tiers"]),
        tier_ends_on=date.fromisoformat(item["tier_ends_on"]) if "tier_ends_on" in item else None,
        bonuses=item["bonuses"],
        warned=item["warned"],
        entry=item["entry"],
        version=item["version"],
    )


def books_list(books: Books) -> list[int]:
    """The sums in the order of their fields."""
    return [getattr(books, name) for name in _BOOKS]


def books_from(numbers: Sequence[int]) -> Books:
    """The sums that `books_list` listed."""
    return Books(**dict(zip(_BOOKS, numbers, strict=True)))
