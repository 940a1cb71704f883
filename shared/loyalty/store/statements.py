"""Settlements of points accounts; the statement of liability at pk `REPORT#LOYALTY`, sk `LATEST`."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date, datetime, tzinfo
from typing import Any, Final

from shared.core import old_table as table
from shared.core.facts import to_timestamp
from shared.customers.store import profiles as customers
from shared.loyalty import settlement
from shared.loyalty.points import Account, Books
from shared.loyalty.program import Bonus, Program
from shared.loyalty.settlement import Liability, Statement
from shared.loyalty.store import accounts
from shared.loyalty.store import program_versions as programs
from shared.loyalty.store.accounts import books_from, books_list
from shared.scorecards.store import cards as scorecards

_REPORT_KEY: Final = {"pk": "REPORT#LOYALTY", "sk": "LATEST"}
_WRITERS: Final = 16


def settle(segment: int, total_segments: int, now: datetime, zone: tzinfo) -> Statement:
    """Do what is due on the accounts of one segment of the customers, and state what they hold then.

    Costs ½ read unit per 4 KB of scorecards and ½ per customer, another ½ where birthdays earn; 4 write units and
    more for an account on which something is due. Running it again finds nothing due.
    """
    program = programs.latest()
    if program is None:
        return Statement()
    total = Statement()
    with ThreadPoolExecutor(_WRITERS) as pool:
        for page in scorecards.scan(segment, total_segments):
            ids = [str(item["customer_id"]) for item in page]
            held, birthdays = accounts.find_all(ids), _birthdays(ids, program)
            known = [held.get(one) or Account(customer_id=one) for one in ids if one in held or one in birthdays]

            def settled(account: Account, birthdays: Mapping[str, date] = birthdays) -> Account:
                return _settled(account, birthdays.get(account.customer_id), program, now, zone)

            today = now.astimezone(zone).date()
            parts = [settlement.statement(one, program, today) for one in pool.map(settled, known) if one.version]
            total += settlement.add_up(parts)
    return total


def _settled(account: Account, birthday: date | None, program: Program, now: datetime, zone: tzinfo) -> Account:
    # What was read may be a moment old: it tells only whether to look closer.
    if not settlement.tonight(account, program, birthday, now, zone).facts:
        return account
    accounts.change(account.customer_id, lambda current: settlement.tonight(current, program, birthday, now, zone))
    return accounts.find(account.customer_id)


def _birthdays(customer_ids: list[str], program: Program) -> dict[str, date]:
    return customers.birthdays(customer_ids) if program.bonuses.get(Bonus.BIRTHDAY) else {}


def save_report(settlement_id: str, started_at: datetime, finished_at: datetime, new: Statement, zone: tzinfo) -> None:
    """Make this the statement that is served, with the months that earlier ones closed; not over a later one."""
    found = table.get(table.customers_table(), _REPORT_KEY)
    today = started_at.astimezone(zone).date()
    before = from_members(found["statement"]) if found else None
    before_on = date.fromisoformat(found["as_of"]) if found else None
    whole = settlement.continued(new, before, before_on, today)
    item = {
        **_REPORT_KEY,
        "settlement_id": settlement_id,
        "as_of": today.isoformat(),
        "started_at": to_timestamp(started_at),
        "finished_at": to_timestamp(finished_at),
        "statement": to_members(whole),
    }
    condition = "attribute_not_exists(pk) OR started_at <= :started_at"
    try:
        table.apply(table.put(table.customers_table(), item, condition, {":started_at": item["started_at"]}))
    except table.Cancelled:
        return


def latest_report() -> dict[str, Any] | None:
    """The last statement of liability, None before the first settlement; months newest first."""
    item = table.get(table.customers_table(), _REPORT_KEY)
    if item is None:
        return None
    found = from_members(item["statement"])
    total = sum(found.tiers.values(), Liability())
    return {
        **{name: item[name] for name in ("settlement_id", "as_of", "started_at", "finished_at")},
        **_liability(total),
        "tiers": [{"tier": name, **_liability(held)} for name, held in sorted(found.tiers.items())],
        "months": _months(found, total),
    }


def to_members(statement: Statement) -> dict[str, Any]:
    """A statement as plain lists and maps, for an item or a state machine."""
    return {
        "tiers": {
            name: [held.accounts, books_list(held.books), held.active, held.pending, held.negative, held.unbalanced]
            for name, held in statement.tiers.items()
        },
        "months": {
            month: {name: books_list(books) for name, books in by_tier.items()}
            for month, by_tier in statement.months.items()
        },
    }


def from_members(members: Mapping[str, Any]) -> Statement:
    """The statement that `to_members` made plain."""

    return Statement(
        tiers={
            name: Liability(
                accounts=count,
                books=books_from(sums),
                active=active,
                pending=pending,
                negative=negative,
                unbalanced=wrong,
            )
            for name, (count, sums, active, pending, negative, wrong) in members["tiers"].items()
        },
        months={
            month: {name: books_from(numbers) for name, numbers in by_tier.items()}
            for month, by_tier in members["months"].items()
        },
    )


def _months(found: Statement, total: Liability) -> list[dict[str, Any]]:
    rows, closing = [], total.outstanding
    for month, by_tier in sorted(found.months.items(), reverse=True):
        books = sum(by_tier.values(), Books())
        rows.append(
            {
                "month": month,
                "opening": closing - books.balance,
                **asdict(books),
                "closing": closing,
                "tiers": [{"tier": name, **asdict(held)} for name, held in sorted(by_tier.items())],
            }
        )
        closing -= books.balance
    return rows


def _liability(held: Liability) -> dict[str, int]:
    return {
        "accounts": held.accounts,
        **asdict(held.books),
        "active": held.active,
        "pending": held.pending,
        "negative": held.negative,
        "outstanding": held.outstanding,
        "unbalanced": held.unbalanced,
    }
