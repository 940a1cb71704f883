"""A customer's points account and its ledger: every change is a fact, and the account is what its facts add up to.

Always: active + pending − negative = Σ points of the ledger entries.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from shared.core.codec import AS_LIST
from shared.core.errors import Invalid
from shared.core.facts import Fact, FactType, from_timestamp, to_timestamp
from shared.core.months import end_of, last_day, month_of, months_after
from shared.core.privacy import UNTIL_ERASED, Erase, Personal
from shared.core.shop_time import ShopTime
from shared.loyalty import facts
from shared.loyalty.program import (
    MAX_QUALIFYING_MONTHS,
    Bonus,
    Downgrade,
    Earning,
    NegativeBalance,
    Program,
    Tier,
    months_ending_within,
)

# The books of a month are read on the first night of the next; up to sixty failed nights lose nothing.
KEPT_BOOK_MONTHS: Final = 3
# An order earns by the tier at its moment; orders that come after more changes than this are rare.
KEPT_TIER_CHANGES: Final = 4


class Entry(StrEnum):
    """The kinds of ledger entries; a cancelled redemption is a REDEEM that gives points back."""

    EARN = "EARN"
    REDEEM = "REDEEM"
    ADJUST = "ADJUST"
    REFUND = "REFUND"
    EXPIRE = "EXPIRE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Sums of ledger entries. Over all time only `adjusted` may fall; a month's `redeemed` falls by cancellations."""

    issued: int = 0
    redeemed: int = 0
    expired: int = 0
    refunded: int = 0
    adjusted: int = 0

    @property
    def balance(self) -> int:
        """The points that are owed to customers after these entries."""
        return self.issued + self.adjusted - self.redeemed - self.expired - self.refunded

    def __add__(self, other: "Books") -> "Books":
        return Books(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Books)})


_BOOKED_AS: Final = {
    Entry.EARN: ("issued", 1),
    Entry.REDEEM: ("redeemed", -1),
    Entry.EXPIRE: ("expired", -1),
    Entry.REFUND: ("refunded", -1),
    Entry.ADJUST: ("adjusted", 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A points account.

    `lots` are points by what they are good for: `2027-11` until the end of that month, `2027-11@2026-12-05` the same
    but pending until that day. `negative` are points owed by the customer; then there are no lots, but for those whose
    month is over and that wait to be written off. `forgiven` are points that refunds should have taken back and that
    were spent. `books` are the sums of all entries, `months` those of the last KEPT_BOOK_MONTHS by the month of
    posting; `earned` counts by the month of what earned them, net of refunds, for the tiers. `tiers` are the last
    changes, as (since, name); none is the programme's first tier. `tier_ends_on` is the last day of a tier's grace.
    `bonuses` are the bonuses given once, with the period that they were given for. `warned` is the last month whose
    expiry the customer was warned of. `entry` numbers the facts of the account, `version` the writes.
    """

    customer_id: str
    lots: Mapping[str, int] = field(default_factory=dict)
    negative: int = 0
    forgiven: int = 0
    books: Annotated[Books, AS_LIST] = Books()
    months: Mapping[str, Annotated[Books, AS_LIST]] = field(default_factory=dict)
    earned: Mapping[str, int] = field(default_factory=dict)
    tiers: tuple[tuple[str, str], ...] = ()
    tier_ends_on: date | None = None
    bonuses: Mapping[str, str] = field(default_factory=dict)
    warned: str = ""
    entry: int = 0
    version: int = 0

    @property
    def tier(self) -> str | None:
        """The tier of now; None for the programme's first."""
        return self.tiers[-1][1] if self.tiers else None

    def tier_at(self, moment: datetime) -> str | None:
        """The tier of a moment; None for the programme's first."""
        names = [name for since, name in self.tiers if since <= to_timestamp(moment)]
        return names[-1] if names else None

    def qualifying(self, program: Program, today: date) -> int:
        """Points earned in the qualifying window that ends with this month."""
        first = months_after(month_of(today), 1 - program.qualifying_months)
        return sum(points for month, points in self.earned.items() if first <= month <= month_of(today))


@dataclass(frozen=True, slots=True)
class Balance:
    """An account on a day. Points whose month is over count as expired, whether or not the ledger says so yet."""

    active: int
    pending: int
    negative: int
    spent: int
    expired: int


@dataclass(frozen=True, slots=True)
class Posting:
    """An account after a change, and the facts that made it; no fact, no change."""

    account: Account
    facts: tuple[Fact, ...] = ()

    def then(self, change: Callable[[Account], "Posting"]) -> "Posting":
        """This posting, followed by another on the account after it."""
        more = change(self.account)
        return Posting(more.account, (*self.facts, *more.facts))


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnedPoints:
    """The part of a `PointsEarned` that taking its points back needs.

    `at` is when they were earned, `expires` the last month of their lot, `available_on` its first day, `earned` the
    points that counted for the tiers, by month.
    """

    at: datetime
    points: int
    expires: str
    available_on: date
    earned: Mapping[str, int]

    @classmethod
    def from_fact(cls, fact: Fact) -> "EarnedPoints":
        """Of the fact that earned them."""
        return cls(
            at=fact.occurred_at,
            points=fact.data["points"],
            expires=fact.data["expires"],
            available_on=date.fromisoformat(fact.data["available_on"]),
            earned=fact.data["earned"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Points that a member of staff (`operator`) adds, or takes where negative, and why."""

    adjustment_id: str
    customer_id: str
    points: int
    reason: Annotated[str, Personal("to explain a change of points", UNTIL_ERASED, Erase.DELETE)]
    operator: Annotated[str, Personal("to know who changed points", UNTIL_ERASED, Erase.DELETE)]


class NotEnoughPoints(Invalid):
    """Fewer points are active than are needed."""


def apply(account: Account, fact: Fact) -> Account:
    """The account after one of its facts; the only way in which an account changes."""
    data = fact.data
    books, months = account.books, account.months
    if "entry" in data:
        name, sign = _BOOKED_AS[Entry(data["entry"])]
        booked = Books(**{name: sign * data["points"]})
        books = books + booked
        kept = months_after(data["posted"], 1 - KEPT_BOOK_MONTHS)
        months = {month: sums for month, sums in months.items() if month >= kept}
        months[data["posted"]] = months.get(data["posted"], Books()) + booked
    earned = _sum(account.earned, data.get("earned", {}))
    if "posted" in data:
        oldest = months_after(data["posted"], 1 - MAX_QUALIFYING_MONTHS)
        earned = {month: points for month, points in earned.items() if month >= oldest}
    account = replace(
        account,
        lots=_sum(account.lots, data.get("lots", {})),
        negative=account.negative + data.get("negative", 0),
        forgiven=account.forgiven + data.get("forgiven", 0),
        books=books,
        months=months,
        earned=earned,
        entry=data["number"],
    )
    if "bonus" in data:
        account = replace(account, bonuses={**account.bonuses, data["bonus"]: data["period"]})
    match fact.type:
        case "TierChanged":
            changes = (*account.tiers, (to_timestamp(fact.occurred_at), data["to"]))
            return replace(account, tiers=changes[-KEPT_TIER_CHANGES:], tier_ends_on=None)
        case "TierKept":
            return replace(account, tier_ends_on=None)
        case "TierEnding":
            return replace(account, tier_ends_on=date.fromisoformat(data["ends_on"]))
        case "PointsExpiring":
            return replace(account, warned=data["month"])
    return account


def account_from(customer_id: str, facts: Iterable[Fact]) -> Account:
    """The account that a customer's facts, in any order, add up to; `version` is not among them."""
    account = Account(customer_id=customer_id)
    for fact in sorted((f for f in facts if "number" in f.data), key=lambda f: f.data["number"]):
        account = apply(account, fact)
    return account


def balance(account: Account, today: date) -> Balance:
    """The account's points on a day."""
    living = _living(account, today)
    active = sum(points for lot, points in living.items() if _is_active(lot, today))
    over = sum(account.lots.values()) - sum(living.values())
    return Balance(
        active=active,
        pending=sum(living.values()) - active,
        negative=account.negative,
        spent=account.books.redeemed,
        expired=account.books.expired + over,
    )


def expiring(account: Account, today: date) -> list[tuple[date, int]]:
    """How many points can be used until which day at the latest, soonest first; those that never expire left out."""
    by_month: dict[str, int] = {}
    for lot, points in account.lots.items():
        if month_of(today) <= _expires(lot) < "9999":
            by_month[_expires(lot)] = by_month.get(_expires(lot), 0) + points
    return [(last_day(month), points) for month, points in sorted(by_month.items())]


def next_available(account: Account, today: date) -> date | None:
    """The day on which the next pending points become active."""
    days = [_available_on(lot) for lot in account.lots if not _is_active(lot, today)]
    return min((day for day in days if day), default=None)


def expire(account: Account, time: ShopTime) -> Posting:
    """Write off the points whose month is over, at the end of that month."""
    posting = Posting(account)
    for month in sorted({_expires(lot) for lot in account.lots}):
        if month < month_of(time.today):
            lots = {lot: -points for lot, points in account.lots.items() if _expires(lot) == month}
            gone, data, at = sum(lots.values()), {"month": month, "lots": lots}, end_of(month, time.zone)
            posting = _entry(posting, Entry.EXPIRE, facts.POINTS_EXPIRED, None, gone, data, time, at)
    return posting


def activate(account: Account, time: ShopTime) -> Posting:
    """Record that the day of pending points has come. They can be spent from that day on, recorded or not."""
    due = {lot: points for lot, points in account.lots.items() if _is_active(lot, time.today) and _available_on(lot)}
    if not due:
        return Posting(account)
    moved = {lot: -points for lot, points in due.items()}
    for lot, points in due.items():
        moved = _sum(moved, {_expires(lot): points})
    data = {"points": sum(due.values()), "lots": moved}
    return _record(Posting(account), facts.POINTS_ACTIVATED, None, data, time)


def earn(
    account: Account,
    earning: Earning,
    program: Program,
    *,
    fact_id: str,
    occurred_at: datetime,
    time: ShopTime,
    data: Mapping[str, Any],
    once: tuple[Bonus, str] | None = None,
) -> Posting:
    """Add points, and lift the tier at once where they reach a higher one.

    A debt is paid first. `once` is a bonus and what it is given for, such as a year: the same again gives nothing.
    Points that would have expired already are not earned.
    """
    given = once is not None and _was_given(account, *once)
    if earning.points <= 0 or given or earning.expires < month_of(time.today):
        return Posting(account)
    paid = min(account.negative, earning.points)
    left = earning.points - paid
    lot = earning.expires if earning.available_on <= time.today else f"{earning.expires}@{earning.available_on}"
    members = {
        **data,
        "lots": {lot: left} if left else {},
        "negative": -paid,
        "earned": {earning.month: earning.points},
        "expires": earning.expires,
        "available_on": earning.available_on.isoformat(),
        "program_version": earning.program_version,
        "tier_percent": earning.tier_percent,
        **({"bonus": once[0], "period": once[1]} if once else {}),
    }
    posting = _entry(
        Posting(account), Entry.EARN, facts.POINTS_EARNED, fact_id, earning.points, members, time, occurred_at
    )
    reached = program.tier_for(posting.account.qualifying(program, time.today))
    if program.rank(reached.name) > rank_of(posting.account, program, time.today):
        return _change_tier(posting, program, reached, time)
    return posting


def take_back(
    account: Account,
    points: int,
    earned: EarnedPoints,
    policy: NegativeBalance,
    *,
    fact_id: str,
    occurred_at: datetime,
    time: ShopTime,
    data: Mapping[str, Any],
) -> Posting:
    """Take back some of the points that an order or a referral `earned`.

    From their own lot first, then those that expire soonest. What is spent already becomes a debt or is forgiven,
    by `policy`; what has expired with its month is not taken from other points.
    """
    lapsed = points if earned.expires < month_of(time.today) else 0
    own = (f"{earned.expires}@{earned.available_on}", earned.expires)
    order = [*own, *sorted(lot for lot in _living(account, time.today) if lot not in own)]
    lots, missing = _take(account.lots, points - lapsed, order)
    owed = 0
    if policy is NegativeBalance.UNLIMITED:
        owed, missing = missing, 0
    members = {
        **data,
        "lots": lots,
        "negative": owed,
        "forgiven": missing,
        "lapsed": lapsed,
        "earned": dict.fromkeys(earned.earned, -points),
    }
    taken = sum(lots.values()) - owed
    return _entry(Posting(account), Entry.REFUND, facts.POINTS_REFUNDED, fact_id, taken, members, time, occurred_at)


def redeem(account: Account, cost: int, *, fact_id: str, time: ShopTime, data: Mapping[str, Any]) -> Posting:
    """Spend active points, those that expire soonest first. Raises NotEnoughPoints with how many are missing."""
    active = balance(account, time.today).active
    if cost > active:
        missing = cost - active
        raise NotEnoughPoints(f"{_points(missing)} missing: it costs {cost}, {active} can be spent", missing=missing)
    spendable = sorted(lot for lot in _living(account, time.today) if _is_active(lot, time.today))
    lots, _ = _take(account.lots, cost, spendable)
    return _entry(Posting(account), Entry.REDEEM, facts.POINTS_REDEEMED, fact_id, -cost, {**data, "lots": lots}, time)


def cancel(
    account: Account, redeemed: Mapping[str, int], *, fact_id: str, time: ShopTime, data: Mapping[str, Any]
) -> Posting:
    """Give the points of a redemption back to the lots they came from (`redeemed`: lot → points).

    A debt is paid first, and what a refund was forgiven because these points were spent is taken back now. Points
    whose month is over meanwhile are valid until the end of the current month.
    """
    month = month_of(time.today)
    paid = min(account.negative, sum(redeemed.values()))
    owed, lots = paid, dict[str, int]()
    for lot, points in sorted(redeemed.items()):
        kept = points - min(points, owed)
        owed -= points - kept
        if kept:
            # Active once, active again: no day to wait for.
            lots = _sum(lots, {max(_expires(lot), month): kept})
    members = {**data, "lots": lots, "negative": -paid}
    posting = _entry(
        Posting(account), Entry.REDEEM, facts.REDEMPTION_CANCELLED, fact_id, sum(redeemed.values()), members, time
    )
    owing = min(account.forgiven, sum(lots.values()))
    if not owing:
        return posting
    taken, _ = _take(lots, owing, sorted(lots))
    members = {"source": "CANCELLATION", "redemption_id": fact_id, "lots": taken, "forgiven": -owing}
    return _entry(posting, Entry.REFUND, facts.POINTS_REFUNDED, f"{fact_id}/cancelled", -owing, members, time)


def adjust(account: Account, adjustment: Adjustment, program: Program, time: ShopTime) -> Posting:
    """Add points (active at once, counting for no tier) or take some, those that expire soonest first.

    Raises NotEnoughPoints where more would be taken than there are and the programme knows no debt.
    """
    points, today = adjustment.points, time.today
    if points > 0:
        paid = min(account.negative, points)
        change = {"lots": {program.expires(today): points - paid} if points > paid else {}, "negative": -paid}
    else:
        living = _living(account, today)
        active_first = sorted(living, key=lambda lot: (not _is_active(lot, today), lot))
        lots, missing = _take(living, -points, active_first)
        if missing and program.negative_balance is not NegativeBalance.UNLIMITED:
            there = sum(living.values())
            raise NotEnoughPoints(f"only {_points(there)} there to take", missing=missing)
        change = {"lots": lots, "negative": missing}
    members = {"operator": adjustment.operator, **change}
    return _entry(
        Posting(account), Entry.ADJUST, facts.POINTS_ADJUSTED, adjustment.adjustment_id, points, members, time
    )


def review(account: Account, program: Program, time: ShopTime) -> Posting:
    """Compare the tier with the points earned in the qualifying window: lift it, begin or end its grace, or keep it."""
    posting, today = Posting(account), time.today
    earned = account.qualifying(program, today)
    reached = program.tier_for(earned)
    rank, reached_rank = rank_of(account, program, today), program.rank(reached.name)
    known = account.tier is None or program.knows(account.tier)
    if not known or reached_rank > rank:
        # A tier that the programme no longer has ends without grace: there is nothing left to keep.
        return _change_tier(posting, program, reached, time)
    if reached_rank == rank or program.downgrade is Downgrade.NEVER:
        return (
            _record(posting, facts.TIER_KEPT, None, {"tier": account.tier}, time) if account.tier_ends_on else posting
        )
    if program.downgrade is Downgrade.ONE_TIER and _changed_on(account, time) >= today:
        # The next lower tier is reviewed on a later day, not again on this day.
        return posting
    if account.tier_ends_on is None and program.grace_days:
        ends_on = today + timedelta(days=program.grace_days - 1)
        missing = program.tiers[rank].threshold - earned
        data = {"tier": program.tiers[rank].name, "ends_on": ends_on.isoformat(), "missing": missing}
        return _record(posting, facts.TIER_ENDING, None, data, time)
    if account.tier_ends_on and today <= account.tier_ends_on:
        return posting
    lower = program.tiers[rank - 1] if program.downgrade is Downgrade.ONE_TIER else reached
    return _change_tier(posting, program, lower, time)


def warn(account: Account, program: Program, time: ShopTime) -> Posting:
    """Warn once of the points that will expire within the programme's days of warning."""
    months = [_expires(lot) for lot in account.lots if _expires(lot) > account.warned]
    soon = months_ending_within(program.expiry_warning_days, time.today, months) if program.expiry_warning_days else []
    posting = Posting(account)
    for month in sorted(set(soon)):
        points = sum(points for lot, points in account.lots.items() if _expires(lot) == month)
        data = {"month": month, "points": points, "expires_on": last_day(month).isoformat()}
        posting = _record(posting, facts.POINTS_EXPIRING, month, data, time)
    return posting


def tier_of(account: Account, program: Program, today: date) -> Tier:
    """The account's tier, as the programme describes it."""
    return program.tiers[rank_of(account, program, today)]


def next_tier(account: Account, program: Program, today: date) -> Tier | None:
    """The tier above the account's own; None at the top."""
    above = program.tiers[rank_of(account, program, today) + 1 :]
    return above[0] if above else None


def tier_percent_at(account: Account, program: Program, moment: datetime, time: ShopTime) -> int:
    """The factor of an order of that moment, in percent: of the tier before it, not of a tier that it led to."""
    tier = account.tier_at(moment)
    if tier is None or program.knows(tier):
        return program.tiers[program.rank(tier or "")].percent
    return program.tier_for(account.qualifying(program, time.day_of(moment))).percent


def rank_of(account: Account, program: Program, today: date) -> int:
    """The place of the account's tier. One that the programme no longer has counts as what its points reach now."""
    if account.tier is None or program.knows(account.tier):
        return program.rank(account.tier or "")
    return program.rank(program.tier_for(account.qualifying(program, today)).name)


def _was_given(account: Account, bonus: Bonus, period: str) -> bool:
    """Whether a bonus was given for a period; for birthdays also where it was given for a later year."""
    last = account.bonuses.get(bonus, "")
    return last == period or (bonus is Bonus.BIRTHDAY and period < last)


def _change_tier(posting: Posting, program: Program, to: Tier, time: ShopTime) -> Posting:
    account = posting.account
    before = program.tiers[0].name if account.tier is None else account.tier
    # Changes sort by their time, even where clocks differ.
    at = time.now
    if account.tiers:
        at = max(at, from_timestamp(account.tiers[-1][0]) + timedelta(milliseconds=1))
    earned = account.qualifying(program, time.today)
    data = {"from": before, "to": to.name, "qualifying_points": earned}
    return _record(posting, facts.TIER_CHANGED, None, data, time, at)


def _entry(
    posting: Posting,
    entry: Entry,
    fact_type: FactType,
    fact_id: str | None,
    points: int,
    data: Mapping[str, Any],
    time: ShopTime,
    occurred_at: datetime | None = None,
) -> Posting:
    """Post a ledger entry, with the balance after it."""
    account = posting.account
    after = account.books.balance + points
    members = {**data, "entry": entry, "points": points, "balance": after}
    return _record(posting, fact_type, fact_id, members, time, occurred_at)


def _record(
    posting: Posting,
    fact_type: FactType,
    fact_id: str | None,
    data: Mapping[str, Any],
    time: ShopTime,
    occurred_at: datetime | None = None,
) -> Posting:
    number = posting.account.entry + 1
    fact = fact_type.fact(
        id=fact_id if fact_id is not None else str(number),
        customer_id=posting.account.customer_id,
        now=time.now,
        occurred_at=occurred_at,
        data={**data, "posted": month_of(time.today), "number": number},
    )
    return Posting(apply(posting.account, fact), (*posting.facts, fact))


def _take(lots: Mapping[str, int], points: int, order: Iterable[str]) -> tuple[dict[str, int], int]:
    """The points to take from each lot, in this order, as negative numbers; and how many are missing."""
    taken: dict[str, int] = {}
    for lot in order:
        part = min(lots.get(lot, 0), points)
        if part:
            taken[lot] = -part
            points -= part
    return taken, points


def _sum(numbers: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    added = {key: numbers.get(key, 0) + more.get(key, 0) for key in (*numbers, *more)}
    return {key: number for key, number in sorted(added.items()) if number}


def _changed_on(account: Account, time: ShopTime) -> date:
    """The day of the last change of the tier."""
    return time.day_of(from_timestamp(account.tiers[-1][0])) if account.tiers else date.min


def _living(account: Account, today: date) -> dict[str, int]:
    """The lots whose month is not over."""
    return {lot: points for lot, points in account.lots.items() if _expires(lot) >= month_of(today)}


def _expires(lot: str) -> str:
    return lot.partition("@")[0]


def _available_on(lot: str) -> date | None:
    day = lot.partition("@")[2]
    return date.fromisoformat(day) if day else None


def _is_active(lot: str, today: date) -> bool:
    day = _available_on(lot)
    return day is None or day <= today


def _points(number: int) -> str:
    return "1 point is" if number == 1 else f"{number} points are"
