"""The nightly settlement: a segment of the customers at a time, and then the statement of liability."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, tzinfo
from typing import Any, Final

from shared.core.dynamodb import Cancelled, apply
from shared.core.shop_time import ShopTime
from shared.customers.store import profiles
from shared.loyalty import settlement
from shared.loyalty.actions.posting import change
from shared.loyalty.job import SETTLEMENT, SettledSegment
from shared.loyalty.points import Account, Posting
from shared.loyalty.program import Bonus, Program
from shared.loyalty.store import accounts, program_versions, statements
from shared.scorecards.actions import Plan
from shared.scorecards.store import cards

_WRITERS: Final = 16


def settle_segment(plan: Plan, segment: int, zone: tzinfo, began: datetime) -> int:
    """Post what is due on the accounts of a segment of the customers, and state their sums; how many customers it has.

    Costs ½ read unit per 4 KB of scorecards and ½ per customer, another ½ where birthdays earn; 1 read unit and 4 write
    units or more for an account on which something is due. Running it again finds nothing due.
    """
    time = ShopTime(plan.started_at, zone)
    settled = SettledSegment(run_id=plan.run_id, segment=segment)
    if program := program_versions.latest():
        with ThreadPoolExecutor(_WRITERS) as pool:
            for page in cards.scan(segment, plan.total_segments):
                settled = _settle_page(settled, page, program, time, pool)
    SETTLEMENT.note_part(settled, began)
    return settled.customers


def close(plan: Plan, zone: tzinfo, finished_at: datetime) -> Mapping[str, Any]:
    """Serve the statement of all accounts, unless a later settlement's is, and let the next run begin; the figures.

    The months that earlier settlements closed are kept. Costs some 3 read units, 1 per 4 KB of all parts, and 5 write
    units. Running it again answers the same. Raises Superseded where another settlement has taken over.
    """
    figures = SETTLEMENT.figures(plan.run_id)
    if figures is None:
        SETTLEMENT.check_lease(plan.run_id)
        figures = _report(plan, ShopTime(plan.started_at, zone), finished_at)
    # Whatever a settlement that died left out was due again in this settlement.
    SETTLEMENT.close(plan.run_id, SETTLEMENT.unfinished(but=plan.run_id))
    return figures


def _report(plan: Plan, time: ShopTime, finished_at: datetime) -> dict[str, Any]:
    """Save the statement and the result; the result."""
    parts = SETTLEMENT.parts(SettledSegment, plan.run_id)
    statement = settlement.add_up(part.statement for part in parts)
    report = settlement.report(plan.run_id, statement, statements.latest(), time, finished_at)
    # Refused where the statement of a later settlement is served.
    with suppress(Cancelled):
        apply(statements.put(report))
    total = statement.total
    figures = {
        "segments_settled": len(parts),
        "customers": sum(part.customers for part in parts),
        "changed": sum(part.changed for part in parts),
        "seconds": round((finished_at - plan.started_at).total_seconds(), 1),
        "accounts": total.accounts,
        "outstanding": total.outstanding,
        "unbalanced": total.unbalanced,
        "read_units": sum(part.half_read_units for part in parts) / 2,
        "write_units": sum(part.write_units for part in parts),
    }
    SETTLEMENT.finish(plan.run_id, finished_at, figures)
    return figures


def _settle_page(
    settled: SettledSegment, page: cards.Page, program: Program, time: ShopTime, pool: ThreadPoolExecutor
) -> SettledSegment:
    """Settle the accounts of a page of customers; the segment as far as it is settled then."""
    customer_ids = [str(item["customer_id"]) for item in page.items]
    earns_on_birthdays = Bonus.BIRTHDAY in program.bonuses
    birthdays = profiles.birthdays(customer_ids) if earns_on_birthdays else {}
    known = accounts.batch_get(customer_ids)
    due = [
        known.get(customer_id) or Account(customer_id=customer_id)
        for customer_id in customer_ids
        if customer_id in known or customer_id in birthdays
    ]
    postings = list(pool.map(lambda account: _settle(account, birthdays.get(account.customer_id), program, time), due))
    stored = [posting.account for posting in postings if posting.account.version]
    changed = [posting for posting in postings if posting.facts]
    return replace(
        settled,
        customers=settled.customers + len(customer_ids),
        changed=settled.changed + len(changed),
        half_read_units=settled.half_read_units
        + round(2 * page.read_units)
        + len(customer_ids) * (2 if earns_on_birthdays else 1)
        + 2 * len(changed),
        # Two for each item, as in every transaction: the account, and each fact.
        write_units=settled.write_units + sum(2 * (1 + len(posting.facts)) for posting in changed),
        statement=settled.statement
        + settlement.add_up(settlement.statement(account, program, time.today) for account in stored),
    )


def _settle(account: Account, birthday: date | None, program: Program, time: ShopTime) -> Posting:
    # What was read may be a moment old: it says only whether to look closer.
    if not settlement.settle(account, program, birthday, time).facts:
        return Posting(account)
    return change(account.customer_id, lambda current: settlement.settle(current, program, birthday, time))
