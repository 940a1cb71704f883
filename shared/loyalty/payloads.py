"""Bodies about the loyalty programme, its rewards and points."""

from datetime import tzinfo
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from shared.core.shop_time import ShopTime
from shared.edge.payloads import Day, Moment, Payload, Text500, example, in_zone
from shared.loyalty.points import Adjustment
from shared.loyalty.program import (
    DEFAULT_BONUSES,
    DEFAULT_TIERS,
    Bonus,
    Downgrade,
    Multiplier,
    NegativeBalance,
    Program,
    Rounding,
    Tier,
)
from shared.loyalty.reward import Reward
from shared.purchases.payloads import OrderId, Sku

_MAX_POINTS: Final = 10**9
Points = Annotated[int, Field(ge=0, le=_MAX_POINTS, strict=True)]
Percent = Annotated[int, Field(ge=0, le=1_000, strict=True)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
TierName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,23}$")]
# A reward's id stands in its path.
REWARD_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
RewardId = Annotated[str, StringConstraints(pattern=REWARD_ID)]
# An id, not a name: what is adjusted travels over the bus and rests in its archive.
StaffId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]


class TierPayload(Payload):
    """A tier: `threshold` points earned in the qualifying window lead to it; its orders earn `percent` (100 = 1×)."""

    name: TierName
    threshold: Points = Field(description="points earned in the qualifying window; 0 for the first tier")
    percent: Percent = Field(default=100, description="factor of what its orders earn; 100 is 1 ×")


class MultiplierPayload(Payload):
    """Lines of these skus or categories (all lines, where both are empty) earn `percent`; with dates, a promotion."""

    name: Name
    percent: Percent = Field(description="100 is 1 ×")
    skus: Annotated[tuple[Sku, ...], Field(max_length=500)] = ()
    categories: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    starts_on: Day | None = Field(default=None, description="the first day, in the shop's time zone")
    ends_on: Day | None = Field(default=None, description="the last day, in the shop's time zone")


class ProgramPayload(Payload):
    """The loyalty programme; what is left out has its default, but a bonus not named among `bonuses` is not given.

    `version` is the one that a change was made from: where another has come since, nothing is changed. `starts_at` may
    lie in the past at the launch, and is now after that. `published_at` is shown, and not taken.
    """

    model_config = example(
        points=1,
        per_amount=100,
        bonuses={"SIGNUP_CONFIRMED": 50, "BIRTHDAY": 100},
        tiers=[{"name": "BRONZE", "threshold": 0}, {"name": "SILVER", "threshold": 1000, "percent": 125}],
    )

    version: Annotated[int, Field(ge=0, strict=True)] | None = Field(
        default=None,
        description="the version that the change was made from, demanded once there is one; another is a 409",
    )
    starts_at: Moment | None = Field(default=None, description="from when on it holds; now where it is left out")
    published_at: Moment | None = Field(default=None, description="not taken: so that what was read may be sent back")
    points: Annotated[int, Field(ge=0, le=100_000, strict=True)] = Field(
        default=1, description="points for each `per_amount`"
    )
    per_amount: Annotated[int, Field(ge=1, le=_MAX_POINTS, strict=True)] = Field(
        default=100, description="in minor units"
    )
    rounding: Rounding = Rounding.DOWN
    multipliers: Annotated[tuple[MultiplierPayload, ...], Field(max_length=50)] = ()
    bonuses: dict[Bonus, Points] = Field(
        default_factory=lambda: dict(DEFAULT_BONUSES), description="points of each bonus; one not named is not given"
    )
    pending_days: Annotated[int, Field(ge=0, le=180, strict=True)] = Field(
        default=14, description="days until points of an order can be spent"
    )
    expiry_months: Annotated[int, Field(ge=1, le=120, strict=True)] | None = Field(
        default=12, description="points expire with the end of the month so many months later; null: never"
    )
    expiry_warning_days: Annotated[int, Field(ge=0, le=90, strict=True)] = Field(
        default=30, description="days ahead of expiry on which customers are reminded; 0: never"
    )
    tiers: Annotated[tuple[TierPayload, ...], Field(min_length=1, max_length=12)] = tuple(
        TierPayload(name=tier.name, threshold=tier.threshold, percent=tier.percent) for tier in DEFAULT_TIERS
    )
    qualifying_months: Annotated[int, Field(ge=1, le=24, strict=True)] = Field(
        default=12, description="months of the qualifying window, the current one included"
    )
    grace_days: Annotated[int, Field(ge=0, le=366, strict=True)] = Field(
        default=30, description="days for which a tier is kept that is no longer earned"
    )
    downgrade: Downgrade = Downgrade.TO_EARNED
    negative_balance: NegativeBalance = NegativeBalance.WITHIN_BALANCE

    def to_program(self, time: ShopTime) -> Program:
        """The programme, starting now where nothing is said. Raises Invalid where its parts do not fit together."""
        return Program(
            starts_at=in_zone(self.starts_at, time.zone) if self.starts_at else time.now,
            points=self.points,
            per_amount=self.per_amount,
            rounding=self.rounding,
            multipliers=tuple(
                Multiplier(
                    name=multiplier.name,
                    percent=multiplier.percent,
                    skus=frozenset(multiplier.skus),
                    categories=frozenset(multiplier.categories),
                    starts_on=multiplier.starts_on,
                    ends_on=multiplier.ends_on,
                )
                for multiplier in self.multipliers
            ),
            bonuses={bonus: self.bonuses.get(bonus, 0) for bonus in Bonus},
            pending_days=self.pending_days,
            expiry_months=self.expiry_months,
            expiry_warning_days=self.expiry_warning_days,
            tiers=tuple(Tier(name=tier.name, threshold=tier.threshold, percent=tier.percent) for tier in self.tiers),
            qualifying_months=self.qualifying_months,
            grace_days=self.grace_days,
            downgrade=self.downgrade,
            negative_balance=self.negative_balance,
        )


class RewardPayload(Payload):
    """A reward. `stock` is how many there are in all, those taken already included; None is without end."""

    model_config = example(name="Mug", cost=200, stock=100, limit_per_customer=1)

    name: Name
    cost: Annotated[int, Field(ge=1, le=_MAX_POINTS, strict=True)] = Field(description="in points")
    description: Text500 = None
    stock: Points | None = Field(
        default=None, description="how many there are in all, those taken included; null: without end"
    )
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    limit_per_customer: Annotated[int, Field(ge=1, le=1_000, strict=True)] | None = Field(
        default=None, description="how often one customer may have it; null: without end"
    )
    tier: TierName | None = Field(default=None, description="the lowest tier that may have it; null: all")

    def to_reward(self, reward_id: str, zone: tzinfo) -> Reward:
        """The reward. Raises Invalid where it would end before it starts."""
        return Reward(
            reward_id=reward_id,
            name=self.name,
            cost=self.cost,
            description=self.description,
            stock=self.stock,
            starts_at=in_zone(self.starts_at, zone) if self.starts_at else None,
            ends_at=in_zone(self.ends_at, zone) if self.ends_at else None,
            limit_per_customer=self.limit_per_customer,
            tier=self.tier,
        )


class RedemptionPayload(Payload):
    """A redemption. The `idempotency_key`, of the caller's choosing, becomes its id: sent again, it is the same one."""

    model_config = example(idempotency_key="redeem-1", reward_id="mug")

    idempotency_key: OrderId = Field(description="becomes the redemption's id")
    reward_id: RewardId


class AdjustmentPayload(Payload):
    """Points that staff add, or take where negative. The `idempotency_key` becomes the adjustment's id.

    `operator` is the id of a member of staff, not a name, and `reason` should name nobody.
    """

    model_config = example(idempotency_key="goodwill-1", points=50, reason="late parcel", operator="grace")

    idempotency_key: OrderId = Field(description="becomes the adjustment's id")
    points: Annotated[int, Field(ge=-_MAX_POINTS, le=_MAX_POINTS, strict=True)] = Field(
        description="points to add, or to take where negative; not 0"
    )
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        description="why; should name nobody"
    )
    operator: StaffId = Field(description="id of the member of staff")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.points == 0:
            raise ValueError("points: want a number other than 0")
        return self

    def to_adjustment(self, customer_id: str) -> Adjustment:
        """The adjustment of a customer's points."""
        return Adjustment(
            adjustment_id=self.idempotency_key,
            customer_id=customer_id,
            points=self.points,
            reason=self.reason,
            operator=self.operator,
        )
