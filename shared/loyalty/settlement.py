"""What the night does to every points account, and the statement of liability that comes of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from typing import Final

from shared.core.months import month_of, months_after
from shared.loyalty import bonus, points
from shared.loyalty.points import Account, Books, Posting
from shared.loyalty.program import Program

KEPT_REPORT_MONTHS: Final = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Liability:
    """What a group of accounts holds: `books` over all time, and what they come to now.

    `unbalanced` counts accounts whose lots and debts are not what their books come to; there must be none.
    """

    accounts: int = 0
    books: Books = field(default_factory=Books)
    active: int = 0
    pending: int = 0
    negative: int = 0
    unbalanced: int = 0

    @property
    def outstanding(self) -> int:
        """The points that the shop owes, less those that it is owed."""
        return self.active + self.pending - self.negative

    def __add__(self, other: "Liability") -> "Liability":
        return Liability(
            accounts=self.accounts + other.accounts,
            books=self.books + other.books,
            active=self.active + other.active,
            pending=self.pending + other.pending,
            negative=self.negative + other.negative,
            unbalanced=self.unbalanced + other.unbalanced,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Liability by tier, and ledger entries by month of posting and tier; adds up over any split of the accounts."""

    tiers: Mapping[str, Liability] = field(default_factory=dict)
    months: Mapping[str, Mapping[str, Books]] = field(default_factory=dict)

    def __add__(self, other: "Statement") -> "Statement":
        tiers = dict(self.tiers)
        for name, held in other.tiers.items():
            tiers[name] = tiers.get(name, Liability()) + held
        months = {month: dict(by_tier) for month, by_tier in self.months.items()}
        for month, by_tier in other.months.items():
            for name, books in by_tier.items():
                months.setdefault(month, {})
                months[month][name] = months[month].get(name, Books()) + books
        return Statement(tiers=tiers, months=months)


def tonight(account: Account, program: Program, birthday: date | None, now: datetime, zone: tzinfo) -> Posting:
    """Expire, activate, congratulate, review the tier, warn: whatever is due, once, however late it runs."""
    steps: list[Callable[[Account], Posting]] = [
        lambda held: points.settle(held, now, zone),
        lambda held: points.activate(held, now, zone),
        lambda held: bonus.for_birthday(held, birthday, program, now, zone) if birthday else Posting(held),
        lambda held: points.review(held, program, now, zone),
        lambda held: points.warn(held, program, now, zone),
    ]
    posting = Posting(account)
    for step in steps:
        done = step(posting.account)
        posting = Posting(done.account, (*posting.facts, *done.facts))
    return posting


def statement(account: Account, program: Program, today: date) -> Statement:
    """One account's part of the statement."""
    held = points.balance(account, today)
    tier = points.tier_of(account, program, today).name
    balanced = sum(account.lots.values()) - account.negative == account.books.balance
    liability = Liability(
        accounts=1,
        books=account.books,
        active=held.active,
        pending=held.pending,
        negative=held.negative,
        unbalanced=0 if balanced else 1,
    )
    # An account that rests still holds the months that were its last: those have been stated long ago.
    oldest = months_after(month_of(today), 1 - points.KEPT_BOOK_MONTHS)
    months = {month: {tier: books} for month, books in account.months.items() if month >= oldest}
    return Statement(tiers={tier: liability}, months=months)


def add_up(parts: Iterable[Statement]) -> Statement:
    """The statement of all parts."""
    total = Statement()
    for part in parts:
        total += part
    return total


def continued(new: Statement, before: Statement | None, before_on: date | None, today: date) -> Statement:
    """The new statement with the months that one of the day `before_on` closed: accounts forget them, it does not.

    Entries are dated when they are posted, so nothing is ever added to a month that is over. One that was still
    running at the last statement was not over, however many nights have failed since.
    """
    if before is None or before_on is None:
        return new
    open_since = min(months_after(month_of(today), -1), month_of(before_on))
    current = {month: books for month, books in new.months.items() if month >= open_since or month not in before.months}
    months = dict(sorted({**before.months, **current}.items())[-KEPT_REPORT_MONTHS:])
    return replace(new, months=months)
