"""Answers about points, rewards and the loyalty programme, and the statement of liability."""

from typing import Annotated, Literal

from pydantic import Field

from shared.edge.answers import Answer, Count, Day, Month, Timestamp, Url, example
from shared.loyalty.program import Bonus, Downgrade, NegativeBalance, Rounding


class ExpiringPoints(Answer):
    """Points that expire on one day."""

    at: Day = Field(description="the last day on which they can be spent")
    points: Count


class PointsView(Answer):
    """A points account as of now."""

    model_config = example(
        customer_id="K-77",
        active=120,
        pending=69,
        pending_until="2026-12-05",
        spent=200,
        expired=0,
        negative=0,
        tier="SILVER",
        tier_ends_on=None,
        qualifying_points=1069,
        next_tier="GOLD",
        points_to_next_tier=1931,
        expiring=[{"at": "2027-11-30", "points": 189}],
        referral_code="K7QM2XWA",
        page_url="https://crm.shop.example/points?token=eyJjIjoiSy03NyJ9.c2lnbmF0dXJl",
    )

    customer_id: str
    active: Count = Field(description="points that can be spent")
    pending: Count = Field(description="points that cannot be spent yet")
    pending_until: Day | None = Field(description="the day on which the next of them become active")
    spent: int = Field(description="points spent in all, less those given back")
    expired: Count = Field(description="points expired in all")
    negative: Count = Field(description="points that the customer owes")
    tier: str
    tier_ends_on: Day | None = Field(description="the last day of a tier that is no longer earned")
    qualifying_points: int = Field(description="points earned in the qualifying window")
    next_tier: str | None = Field(description="the tier above; null at the top")
    points_to_next_tier: Count | None
    expiring: list[ExpiringPoints] = Field(description="soonest first; points that never expire are left out")
    referral_code: str = Field(description="the customer's own code, for friends")
    page_url: Url | None = Field(
        description="the customer's own page; only for keys with points:write, for it can spend points"
    )


class AdjustmentMade(Answer):
    """An adjustment that is on record, with the balance of now: 201 the first time, 200 for the same again."""

    model_config = example(
        adjustment_id="goodwill-1", customer_id="K-77", points=50, active=170, pending=69, negative=0
    )

    adjustment_id: str
    customer_id: str
    points: int = Field(description="points added, or taken where negative")
    active: Count = Field(description="points that can be spent now")
    pending: Count = Field(description="points that cannot be spent yet")
    negative: Count = Field(description="points that the customer owes")


_REDEMPTION = {
    "redemption_id": "redeem-1",
    "customer_id": "K-77",
    "reward_id": "mug",
    "reward_name": "Mug",
    "points": 200,
    "code": "7KQM-X2WA-9RTB",
    "status": "ISSUED",
    "redeemed_at": "2026-11-21T20:14:00.000Z",
    "cancelled_at": None,
}


class RedemptionView(Answer):
    """A voucher: 201 where it was issued now, 200 for one that is on record."""

    model_config = example(**_REDEMPTION)

    redemption_id: str
    customer_id: str
    reward_id: str
    reward_name: str = Field(description="name of the reward when it was redeemed")
    points: Count = Field(description="points that it cost")
    code: str | None = Field(description="code to spend it by; only for keys with points:write")
    status: Literal["ISSUED", "CANCELLED"]
    redeemed_at: Timestamp
    cancelled_at: Timestamp | None


class RedemptionList(Answer):
    """A customer's vouchers, newest first."""

    model_config = example(redemptions=[{**_REDEMPTION, "code": None}])

    redemptions: list[RedemptionView]


class TierView(Answer):
    """A tier of the programme."""

    name: str
    threshold: Count = Field(description="points earned in the qualifying window that lead to it")
    percent: Count = Field(description="factor of what its orders earn; 100 is 1 ×")


class MultiplierView(Answer):
    """A multiplier of some lines; with dates, a promotion."""

    name: str
    percent: Count = Field(description="100 is 1 ×")
    skus: list[str] = Field(description="empty, as are the categories: all lines")
    categories: list[str]
    starts_on: Day | None
    ends_on: Day | None = Field(description="the last day")


class ProgramView(Answer):
    """The version of the loyalty programme that is in force; version 0 is what a launch would begin with."""

    model_config = example(
        version=1,
        starts_at="2026-01-01T00:00:00.000Z",
        published_at="2025-12-30T09:00:00.000Z",
        points=1,
        per_amount=100,
        rounding="DOWN",
        multipliers=[],
        bonuses={"SIGNUP_CONFIRMED": 50, "BIRTHDAY": 100},
        pending_days=14,
        expiry_months=12,
        expiry_warning_days=30,
        tiers=[{"name": "BRONZE", "threshold": 0, "percent": 100}],
        qualifying_months=12,
        grace_days=30,
        downgrade="TO_EARNED",
        negative_balance="WITHIN_BALANCE",
    )

    version: Count
    starts_at: Timestamp | None = Field(description="from when on it holds; null before the launch")
    published_at: Timestamp | None = Field(description="when it was put on record; null before the launch")
    points: Count = Field(description="points for each `per_amount`")
    per_amount: Annotated[int, Field(ge=1)] = Field(description="in minor units")
    rounding: Rounding
    multipliers: list[MultiplierView]
    bonuses: dict[Bonus, Count] = Field(description="points of each bonus; 0 is not given")
    pending_days: Count = Field(description="days until points of an order can be spent")
    expiry_months: Annotated[int, Field(ge=1)] | None = Field(
        description="points expire with the end of the month so many months later; null: never"
    )
    expiry_warning_days: Count = Field(description="days ahead of expiry on which customers are reminded; 0: never")
    tiers: list[TierView] = Field(description="lowest first")
    qualifying_months: Annotated[int, Field(ge=1)] = Field(description="months of the qualifying window, this one too")
    grace_days: Count = Field(description="days for which a tier is kept that is no longer earned")
    downgrade: Downgrade
    negative_balance: NegativeBalance


_REWARD = {
    "reward_id": "mug",
    "name": "Mug",
    "cost": 200,
    "description": None,
    "stock": 100,
    "starts_at": None,
    "ends_at": None,
    "limit_per_customer": 1,
    "tier": None,
    "left": 63,
}


class RewardView(Answer):
    """A reward."""

    model_config = example(**_REWARD)

    reward_id: str
    name: str
    cost: Annotated[int, Field(ge=1)] = Field(description="in points")
    description: str | None
    stock: Count | None = Field(description="how many there are in all, those taken included; null: without end")
    starts_at: Timestamp | None
    ends_at: Timestamp | None
    limit_per_customer: Count | None = Field(description="how often one customer may have it; null: without end")
    tier: str | None = Field(description="the lowest tier that may have it; null: all")
    left: Count | None = Field(description="how many are left; null: without end")


class RewardList(Answer):
    """All rewards, those that are over included."""

    model_config = example(rewards=[_REWARD])

    rewards: list[RewardView]


class SettlementStarted(Answer):
    """Tonight's settlement has started."""

    model_config = example(settlement_id="20261121T201400-2f1c9f0e", status="RUNNING")

    settlement_id: str
    status: Literal["RUNNING"]


class LedgerSums(Answer):
    """Sums of ledger entries, in points."""

    issued: Count
    redeemed: int = Field(description="less those given back")
    expired: Count
    refunded: int = Field(description="taken back with refunds")
    adjusted: int = Field(description="by staff; negative where more was taken than added")


class LiabilityView(LedgerSums):
    """Sums of all time, and what they come to now."""

    accounts: Count
    active: Count
    pending: Count
    negative: Count = Field(description="points owed by customers")
    outstanding: int = Field(description="active + pending − negative")
    unbalanced: Count = Field(description="accounts whose ledger does not add up; there must be none")


class TierLiability(LiabilityView):
    """The points of the customers of a tier."""

    tier: str


class TierSums(LedgerSums):
    """Entries of the customers of a tier."""

    tier: str


class LiabilityMonth(LedgerSums):
    """Entries posted in a month; opening + issued + adjusted − redeemed − expired − refunded = closing."""

    month: Month
    opening: int = Field(description="outstanding points at its begin")
    closing: int = Field(description="outstanding points at its end, or now")
    tiers: list[TierSums]


_SUMS = {"issued": 1200, "redeemed": 400, "expired": 0, "refunded": 100, "adjusted": 50}
_STATED_SUMS = {
    "accounts": 12,
    **_SUMS,
    "active": 600,
    "pending": 150,
    "negative": 0,
    "outstanding": 750,
    "unbalanced": 0,
}


class LiabilityReport(LiabilityView):
    """The statement of liability of the last settlement; months newest first."""

    model_config = example(
        settlement_id="20261121T010000-2f1c9f0e",
        as_of="2026-11-21",
        started_at="2026-11-21T01:00:00.000Z",
        finished_at="2026-11-21T01:02:00.000Z",
        **_STATED_SUMS,
        tiers=[{"tier": "BRONZE", **_STATED_SUMS}],
        months=[{"month": "2026-11", "opening": 0, **_SUMS, "closing": 750, "tiers": [{"tier": "BRONZE", **_SUMS}]}],
    )

    settlement_id: str
    as_of: Day
    started_at: Timestamp
    finished_at: Timestamp
    tiers: list[TierLiability]
    months: list[LiabilityMonth]
