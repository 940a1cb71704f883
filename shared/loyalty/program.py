"""The loyalty programme as data: what an order earns, which tier its points lead to, and when they expire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from shared.core.errors import Conflict, Invalid
from shared.core.months import last_day, month_of, months_after
from shared.purchases.purchase import Order

# How far back an account knows what was earned by month.
MAX_QUALIFYING_MONTHS: Final = 24
# The month of points that never expire; it sorts behind every other.
NEVER: Final = "9999-12"
_PERCENT: Final = 100
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST_MONTH_DAYS: Final = 28


class Rounding(StrEnum):
    """How a fraction of a point is rounded."""

    DOWN = "DOWN"
    NEAREST = "NEAREST"
    UP = "UP"


class Downgrade(StrEnum):
    """Where a tier that was not earned again leads to at the end of its grace."""

    TO_EARNED = "TO_EARNED"
    ONE_TIER = "ONE_TIER"
    NEVER = "NEVER"


class NegativeBalance(StrEnum):
    """Whether points that a refund takes back and that are spent already are owed, or forgiven."""

    WITHIN_BALANCE = "WITHIN_BALANCE"
    UNLIMITED = "UNLIMITED"


class Bonus(StrEnum):
    """The events that earn points beside orders."""

    SIGNUP_CONFIRMED = "SIGNUP_CONFIRMED"
    PROFILE_COMPLETED = "PROFILE_COMPLETED"
    BIRTHDAY = "BIRTHDAY"
    SURVEY_ANSWERED = "SURVEY_ANSWERED"
    REFERRAL = "REFERRAL"
    REFERRED = "REFERRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A tier: `threshold` points earned in the qualifying window lead to it; its orders earn `percent` (100 = 1×)."""

    name: str
    threshold: int
    percent: int = _PERCENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplier:
    """Lines with one of these skus or categories (every line, where both are empty) earn `percent` of their points.

    With `starts_on` or `ends_on` it is a promotion for orders of these days of the shop, the last one included.
    """

    name: str
    percent: int
    skus: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    starts_on: date | None = None
    ends_on: date | None = None

    @property
    def is_for_all(self) -> bool:
        """Whether it is for every line."""
        return not self.skus and not self.categories

    def covers(self, day: date) -> bool:
        """Whether it counts for orders of this day."""
        return (self.starts_on is None or self.starts_on <= day) and (self.ends_on is None or day <= self.ends_on)


DEFAULT_TIERS: Final = (
    Tier(name="MEMBER", threshold=0),
    Tier(name="SILVER", threshold=500, percent=125),
    Tier(name="GOLD", threshold=2_000, percent=150),
)
DEFAULT_BONUSES: Final = {
    Bonus.SIGNUP_CONFIRMED: 50,
    Bonus.PROFILE_COMPLETED: 25,
    Bonus.BIRTHDAY: 50,
    Bonus.SURVEY_ANSWERED: 10,
    Bonus.REFERRAL: 200,
    Bonus.REFERRED: 100,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One version of the programme, for what happens from `starts_at` until the next version starts.

    `published_at` is when it was made: an order whose event came before the first version earns nothing.
    `points` are earned for every `per_amount` minor units of merchandise, net of discount, tax and shipping;
    a fraction that is left at the end of an order is rounded. Points of orders, referrals and signups stay pending
    for `pending_days`, and all points live until the end of the month `expiry_months` after that of their day
    (None: for ever). `tiers` rise by threshold from 0. A tier is lost `grace_days` after a review in which
    the points earned in the last `qualifying_months` calendar months, the current one included, no longer
    reach it. `expiry_warning_days` before points expire a mail says so (0: no mail does).
    """

    version: int = 0
    starts_at: datetime
    published_at: datetime = _LONG_AGO
    points: int = 1
    per_amount: int = 100
    rounding: Rounding = Rounding.DOWN
    multipliers: tuple[Multiplier, ...] = ()
    bonuses: Mapping[Bonus, int] = field(default_factory=lambda: dict(DEFAULT_BONUSES))
    pending_days: int = 14
    expiry_months: int | None = 12
    expiry_warning_days: int = 30
    tiers: tuple[Tier, ...] = DEFAULT_TIERS
    qualifying_months: int = 12
    grace_days: int = 30
    downgrade: Downgrade = Downgrade.TO_EARNED
    negative_balance: NegativeBalance = NegativeBalance.WITHIN_BALANCE

    def __post_init__(self) -> None:
        thresholds = [tier.threshold for tier in self.tiers]
        if not self.tiers or thresholds[0] != 0:
            raise Invalid("tiers: the first one wants the threshold 0")
        if sorted(set(thresholds)) != thresholds:
            raise Invalid("tiers: thresholds have to rise")
        if len({tier.name for tier in self.tiers}) < len(self.tiers):
            raise Invalid("tiers: names have to differ")
        if not 1 <= self.qualifying_months <= MAX_QUALIFYING_MONTHS:
            raise Invalid(f"qualifying_months: want 1 to {MAX_QUALIFYING_MONTHS}")
        if self.expiry_months is not None and self.pending_days >= self.expiry_months * _SHORTEST_MONTH_DAYS:
            raise Invalid("pending_days: points would expire before they can be spent")
        for multiplier in self.multipliers:
            if multiplier.starts_on and multiplier.ends_on and multiplier.ends_on < multiplier.starts_on:
                raise Invalid(f"multipliers: {multiplier.name} ends before it starts")

    def rank(self, tier: str) -> int:
        """The place of a tier, 0 for the first and for a tier that this version does not have."""
        return next((place for place, candidate in enumerate(self.tiers) if candidate.name == tier), 0)

    def knows(self, tier: str) -> bool:
        """Whether this version has a tier of this name."""
        return any(candidate.name == tier for candidate in self.tiers)

    def tier_for(self, earned: int) -> Tier:
        """The highest tier that this many points in the qualifying window reach."""
        return [tier for tier in self.tiers if tier.threshold <= max(earned, 0)][-1]

    def expires(self, day: date) -> str:
        """The month at whose end points of this day expire."""
        return NEVER if self.expiry_months is None else months_after(month_of(day), self.expiry_months)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earning:
    """Points to spend from `available_on` until the end of the month `expires`; they count in `month`."""

    points: int
    expires: str
    available_on: date
    month: str
    program_version: int
    tier_percent: int = _PERCENT


def next_version(latest: Program | None, proposed: Program, now: datetime, changed_from: int | None = None) -> Program:
    """The version that a change makes, in force from now on; the latest itself where nothing would change.

    Only the first may start in the past, for late orders and imports to earn; a later version starts now in any case,
    and none in the future: raises Invalid there. `changed_from` is the version that the change was made from, 0 for
    none: raises Conflict where another is the latest, or where it is left out and there is one.
    """
    version = latest.version if latest else 0
    if changed_from is not None and changed_from != version:
        raise Conflict(f"version {changed_from} was changed from, {version} is in force", version=version)
    if latest is not None and replace(proposed, **_when(latest)) == latest:
        return latest
    if latest is not None and changed_from is None:
        raise Conflict(f"version {version} is in force: send it as `version` with your change", version=version)
    # The latest version as it was read may be sent back, even where two clocks differ.
    if proposed.starts_at > now and (latest is None or proposed.starts_at != latest.starts_at):
        raise Invalid("starts_at lies in the future; put the programme on its day")
    if latest is None:
        return replace(proposed, version=1, published_at=now)
    # Versions have different starts, even where two clocks differ.
    starts_at = max(now, latest.starts_at + timedelta(milliseconds=1))
    return replace(proposed, version=latest.version + 1, starts_at=starts_at, published_at=now)


def _when(program: Program) -> dict[str, Any]:
    return {"version": program.version, "starts_at": program.starts_at, "published_at": program.published_at}


def in_force(versions: Sequence[Program], moment: datetime) -> Program | None:
    """The version of a moment; None before the programme was launched."""
    started = [program for program in versions if program.starts_at <= moment]
    return max(started, key=lambda program: program.version, default=None)


def earned_by(order: Order, program: Program, tier_percent: int, day: date) -> Earning:
    """The points of an order: merchandise × points ÷ per_amount × tier × line multipliers, rounded once.

    `day` is the shop's day of the order. Where several multipliers cover a line, 0 excludes it and else the highest
    counts. A discount is taken off every line in proportion to its value.
    """
    net = max(0, order.total - order.tax - order.shipping)
    weights, worth = _weights(order, program, day), _worth(order)
    above = net * sum(weights.values()) * program.points * tier_percent
    below = worth * program.per_amount * _PERCENT * _PERCENT
    return Earning(
        points=_rounded(above, below, program.rounding) if below else 0,
        expires=program.expires(day),
        available_on=day + timedelta(days=program.pending_days),
        month=month_of(day),
        program_version=program.version,
        tier_percent=tier_percent,
    )


def granted(points: int, program: Program, day: date, *, pending: bool) -> Earning:
    """The points of a bonus of a day."""
    return Earning(
        points=points,
        expires=program.expires(day),
        available_on=day + timedelta(days=program.pending_days) if pending else day,
        month=month_of(day),
        program_version=program.version,
    )


def given_back(
    order: Order,
    earned: int,
    program: Program,
    day: date,
    *,
    quantities: Mapping[str, int],
    amount: int,
    refunded: int,
) -> int:
    """How many of the points that an order earned belong to what was refunded of it by now.

    `day` is the shop's day of the order, `quantities` are the pieces sent back by sku, `amount` the money refunded
    without naming pieces, `refunded` all the money. The same for any order of the refunds, all of the points once
    everything has gone back.
    """
    weights = _weights(order, program, day)
    weight = sum(weights.values())
    pieces: dict[str, int] = {}
    for line in order.products:
        pieces[line.sku] = pieces.get(line.sku, 0) + line.quantity
    if refunded >= order.total or not weight:
        return earned
    above, below = amount, order.total
    for sku, back in quantities.items():
        # above/below + (back/pieces · weight of the sku / weight of all), exactly
        share_above, share_below = back * weights.get(sku, 0), pieces.get(sku, 1) * weight
        above, below = above * share_below + share_above * below, below * share_below
    return earned if above >= below else earned * above // below


def points_for_answer(program: Program | None, own: int | None) -> int:
    """The points of a survey's answer: the survey's `own`, else the programme's; 0 while there is no programme."""
    if program is None:
        return 0
    return program.bonuses.get(Bonus.SURVEY_ANSWERED, 0) if own is None else own


def birthday_since(birthday: date, today: date, days: int) -> date | None:
    """The customer's birthday if it was today or at most `days` ago; 29 February is kept on the 28th in other years."""
    for year in (today.year, today.year - 1):
        try:
            kept = birthday.replace(year=year)
        except ValueError:
            kept = date(year, 2, 28)
        if 0 <= (today - kept).days <= days:
            return kept
    return None


def months_ending_within(days: int, today: date, months: Sequence[str]) -> list[str]:
    """Those of the months that are over soon: their last day is today or at most `days` ahead."""
    return [month for month in sorted(months) if month != NEVER and 0 <= (last_day(month) - today).days <= days]


def _weights(order: Order, program: Program, day: date) -> dict[str, int]:
    """Value × percent by sku; an order without lines is a single line, covered by multipliers for every line only."""
    running = [multiplier for multiplier in program.multipliers if multiplier.covers(day)]
    if not order.products:
        return {"": _percent([multiplier for multiplier in running if multiplier.is_for_all])}
    weights: dict[str, int] = {}
    for line in order.products:
        covering = [
            multiplier
            for multiplier in running
            if multiplier.is_for_all or line.sku in multiplier.skus or line.category in multiplier.categories
        ]
        weights[line.sku] = weights.get(line.sku, 0) + line.price * line.quantity * _percent(covering)
    return weights


def _percent(covering: Sequence[Multiplier]) -> int:
    percents = [multiplier.percent for multiplier in covering]
    return 0 if 0 in percents else max(percents, default=_PERCENT)


def _worth(order: Order) -> int:
    return sum(line.price * line.quantity for line in order.products) if order.products else 1


def _rounded(above: int, below: int, rounding: Rounding) -> int:
    match rounding:
        case Rounding.DOWN:
            return above // below
        case Rounding.UP:
            return -(-above // below)
    return (2 * above + below) // (2 * below)
