"""The nightly settlement: a segment of the customers at a time, and then the statement of liability."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Final

from shared.core.dynamodb import Cancelled, apply
from shared.core.shop_time import ShopTime
from shared.customers.store import profiles
from shared.loyalty import settlement
from shared.loyalty.actions.posting import change
from shared.loyalty.points import Account
from shared.loyalty.program import Bonus, Program
from shared.loyalty.settlement import Statement
from shared.loyalty.store import accounts, program_versions, statements
from shared.scorecards.store import cards

_WRITERS: Final = 16


def settle_segment(segment: int, total_segments: int, time: ShopTime) -> Statement:
    """Post what is due on the accounts of a segment of the customers, and state the sums after it.

    Costs ½ read unit per 4 KB of scorecards and ½ per customer, another ½ where birthdays earn; 1 read unit and 4 write
    units or more for an account on which something is due. Running it again finds nothing due.
    """
    program = program_versions.latest()
    if program is None:
        return Statement()
    total = Statement()
    with ThreadPoolExecutor(_WRITERS) as pool:
        for page in cards.scan(segment, total_segments):
            customer_ids = [str(item["customer_id"]) for item in page]
            known, birthdays = accounts.batch_get(customer_ids), _birthdays(customer_ids, program)
            due = [
                known.get(customer_id) or Account(customer_id=customer_id)
                for customer_id in customer_ids
                if customer_id in known or customer_id in birthdays
            ]

            def settled(account: Account, birthdays: Mapping[str, date] = birthdays) -> Account:
                return _settle(account, birthdays.get(account.customer_id), program, time)

            parts = [
                settlement.statement(account, program, time.today)
                for account in pool.map(settled, due)
                if account.version
            ]
            total += settlement.add_up(parts)
    return total


def close(settlement_id: str, parts: Iterable[Statement], time: ShopTime, finished_at: datetime) -> Statement:
    """The statement of all parts of a settlement that started at `time`, served unless a later one is served already.

    The months that earlier settlements closed are kept. Costs 1 read unit and 1 write unit per KB.
    """
    statement = settlement.add_up(parts)
    report = settlement.report(settlement_id, statement, statements.latest(), time, finished_at)
    try:
        apply(statements.put(report))
    except Cancelled:
        # A later statement is served.
        return statement
    return statement


def _settle(account: Account, birthday: date | None, program: Program, time: ShopTime) -> Account:
    # The account that was read may be out of date: it only says whether to read again and post.
    if not settlement.settle(account, program, birthday, time).facts:
        return account
    return change(account.customer_id, lambda current: settlement.settle(current, program, birthday, time)).account


def _birthdays(customer_ids: list[str], program: Program) -> dict[str, date]:
    return profiles.birthdays(customer_ids) if program.bonuses.get(Bonus.BIRTHDAY) else {}
