"""The nightly settlement: the postings that are due on a points account, and the statement of liability after them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Annotated, Final

from shared.core.codec import AS_LIST
from shared.core.months import month_of, months_after
from shared.core.shop_time import ShopTime
from shared.loyalty import bonus, points
from shared.loyalty.points import Account, Books, Posting
from shared.loyalty.program import Program

KEPT_REPORT_MONTHS: Final = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Liability:
    """The points of a group of accounts: `books` over all time, and what they come to now.

    `unbalanced` counts accounts whose lots and debts are not what their books come to; there must be none.
    """

    accounts: int = 0
    books: Annotated[Books, AS_LIST] = field(default_factory=Books)
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

    tiers: Mapping[str, Annotated[Liability, AS_LIST]] = field(default_factory=dict)
    months: Mapping[str, Mapping[str, Annotated[Books, AS_LIST]]] = field(default_factory=dict)

    @property
    def total(self) -> Liability:
        """The liability of all tiers."""
        return sum(self.tiers.values(), Liability())

    def __add__(self, other: "Statement") -> "Statement":
        tiers = dict(self.tiers)
        for name, liability in other.tiers.items():
            tiers[name] = tiers.get(name, Liability()) + liability
        months = {month: dict(by_tier) for month, by_tier in self.months.items()}
        for month, by_tier in other.months.items():
            for name, books in by_tier.items():
                months.setdefault(month, {})
                months[month][name] = months[month].get(name, Books()) + books
        return Statement(tiers=tiers, months=months)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The statement of a settlement of the day `as_of`, with the months that earlier ones closed."""

    settlement_id: str
    as_of: date
    started_at: datetime
    finished_at: datetime
    statement: Statement


def settle(account: Account, program: Program, birthday: date | None, time: ShopTime) -> Posting:
    """Expire, activate, congratulate, review the tier, warn: all that is due, once, however late it runs."""
    steps: list[Callable[[Account], Posting]] = [
        lambda account: points.expire(account, time),
        lambda account: points.activate(account, time),
        lambda account: bonus.for_birthday(account, birthday, program, time) if birthday else Posting(account),
        lambda account: points.review(account, program, time),
        lambda account: points.warn(account, program, time),
    ]
    posting = Posting(account)
    for step in steps:
        posting = posting.then(step)
    return posting


def statement(account: Account, program: Program, today: date) -> Statement:
    """An account's part of the statement."""
    balance = points.balance(account, today)
    tier = points.tier_of(account, program, today).name
    balanced = sum(account.lots.values()) - account.negative == account.books.balance
    liability = Liability(
        accounts=1,
        books=account.books,
        active=balance.active,
        pending=balance.pending,
        negative=balance.negative,
        unbalanced=0 if balanced else 1,
    )
    # An idle account still has its last months of books: those were stated long ago.
    oldest = months_after(month_of(today), 1 - points.KEPT_BOOK_MONTHS)
    months = {month: {tier: books} for month, books in account.months.items() if month >= oldest}
    return Statement(tiers={tier: liability}, months=months)


def add_up(parts: Iterable[Statement]) -> Statement:
    """The statement of all parts."""
    total = Statement()
    for part in parts:
        total += part
    return total


def report(settlement_id: str, new: Statement, before: Report | None, time: ShopTime, finished_at: datetime) -> Report:
    """The report of a settlement that started at `time`, continuing the report `before`."""
    statement = continued(new, before.statement, before.as_of, time.today) if before else new
    return Report(
        settlement_id=settlement_id,
        as_of=time.today,
        started_at=time.now,
        finished_at=finished_at,
        statement=statement,
    )


def continued(new: Statement, before: Statement, before_on: date, today: date) -> Statement:
    """The new statement with the months that the statement of `before_on` closed: accounts no longer have them.

    Entries are dated when they are posted, so nothing is ever added to a month that is over. A month that was still
    running at the last statement was not over, however many nights have failed since.
    """
    open_since = min(months_after(month_of(today), -1), month_of(before_on))
    current = {month: books for month, books in new.months.items() if month >= open_since or month not in before.months}
    months = dict(sorted({**before.months, **current}.items())[-KEPT_REPORT_MONTHS:])
    return replace(new, months=months)
