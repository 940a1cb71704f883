"""Bodies about the loyalty programme, its rewards and points."""

from datetime import date, tzinfo
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from shared.core.shop_time import ShopTime
from shared.edge.payloads import Moment, Payload, Text500, in_zone
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
    threshold: Points
    percent: Percent = 100


class MultiplierPayload(Payload):
    """Lines of these skus or categories (all lines, where both are empty) earn `percent`; with dates, a promotion."""

    name: Name
    percent: Percent
    skus: Annotated[tuple[Sku, ...], Field(max_length=500)] = ()
    categories: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    starts_on: date | None = None
    ends_on: date | None = None


class ProgramPayload(Payload):
    """The loyalty programme; what is left out has its default, but a bonus not named among `bonuses` is not given.

    `version` is the one that a change was made from: where another has come since, nothing is changed. `starts_at` may
    lie in the past at the launch, and is now after that. `published_at` is shown, and not taken.
    """

    version: Annotated[int, Field(ge=0, strict=True)] | None = None
    starts_at: Moment | None = None
    published_at: Moment | None = None
    points: Annotated[int, Field(ge=0, le=100_000, strict=True)] = 1
    per_amount: Annotated[int, Field(ge=1, le=_MAX_POINTS, strict=True)] = 100
    rounding: Rounding = Rounding.DOWN
    multipliers: Annotated[tuple[MultiplierPayload, ...], Field(max_length=50)] = ()
    bonuses: dict[Bonus, Points] = Field(default_factory=lambda: dict(DEFAULT_BONUSES))
    pending_days: Annotated[int, Field(ge=0, le=180, strict=True)] = 14
    expiry_months: Annotated[int, Field(ge=1, le=120, strict=True)] | None = 12
    expiry_warning_days: Annotated[int, Field(ge=0, le=90, strict=True)] = 30
    tiers: Annotated[tuple[TierPayload, ...], Field(min_length=1, max_length=12)] = tuple(
        TierPayload(name=tier.name, threshold=tier.threshold, percent=tier.percent) for tier in DEFAULT_TIERS
    )
    qualifying_months: Annotated[int, Field(ge=1, le=24, strict=True)] = 12
    grace_days: Annotated[int, Field(ge=0, le=366, strict=True)] = 30
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

    name: Name
    cost: Annotated[int, Field(ge=1, le=_MAX_POINTS, strict=True)]
    description: Text500 = None
    stock: Points | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    limit_per_customer: Annotated[int, Field(ge=1, le=1_000, strict=True)] | None = None
    tier: TierName | None = None

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

    idempotency_key: OrderId
    reward_id: RewardId


class AdjustmentPayload(Payload):
    """Points that staff add, or take where negative. The `idempotency_key` becomes the adjustment's id.

    `operator` is the id of a member of staff, not a name, and `reason` should name nobody.
    """

    idempotency_key: OrderId
    points: Annotated[int, Field(ge=-_MAX_POINTS, le=_MAX_POINTS, strict=True)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    operator: StaffId

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
