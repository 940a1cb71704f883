"""Facts of points accounts; those with an `entry` are the ledger, and their points add up to what is owed."""

from typing import Annotated, Final, Literal, NotRequired, TypedDict

from shared.core.facts import Day, FactType, Member, Month
from shared.loyalty.program import Bonus

_Lots = Annotated[
    dict[str, int],
    Member(
        "points by what they are good for: `2027-11` until the end of that month, `2027-11@2026-12-05` the same but "
        "pending until that day; what changed, signed",
        {"2027-11@2026-12-05": 69},
    ),
]
_Source = Annotated[Literal["ORDER"] | Bonus, Member("an order, or the bonus", "ORDER")]
_OrderId = Annotated[str, Member("the order", "A-1001")]
_About = Annotated[str, Member("the other customer of a referral", "cus_6Q2M9X4T", about=True)]
_Negative = Annotated[int, Member("change of the points that the customer owes", 0)]
_Forgiven = Annotated[
    int, Member("change of the points that should have been taken back and were spent; nothing is owed for them", 0)
]
_RedemptionId = Annotated[str, Member("the voucher's id", "redeem-1")]
_RewardId = Annotated[str, Member("the reward", "mug")]
_Code = Annotated[str, Member("the voucher's code", "7KQM-X2WA-9RTB")]
_Tier = Annotated[str, Member("name of the tier", "SILVER")]


class _Posted(TypedDict):
    number: Annotated[int, Member("the place among the facts of the account, from 1", 7)]
    posted: Annotated[Month, Member("month of posting, in the shop's time zone", "2026-11")]


class _Entry(_Posted):
    points: Annotated[int, Member("what the entry adds to the account, signed", 69)]
    balance: Annotated[int, Member("active + pending − negative points after it", 169)]
    lots: _Lots


class PointsEarned(_Entry):
    """Members of `PointsEarned`."""

    entry: Annotated[Literal["EARN"], Member("kind of ledger entry", "EARN")]
    source: _Source
    order_id: NotRequired[_OrderId]
    about: NotRequired[_About]
    bonus: NotRequired[Annotated[Bonus, Member("a bonus that is given once", "BIRTHDAY")]]
    period: NotRequired[Annotated[str, Member("what that was given for: `ONCE`, a year, a survey", "2026")]]
    negative: _Negative
    earned: Annotated[dict[str, int], Member("points that count for the tier, by month", {"2026-11": 69})]
    expires: Annotated[Month, Member("the last month of these points; 9999-12 is never", "2027-11")]
    available_on: Annotated[Day, Member("the first day on which they can be spent", "2026-12-05")]
    program_version: Annotated[int, Member("version of the loyalty programme by which they were earned", 1)]
    tier_percent: Annotated[int, Member("the tier's factor in percent; 100 is 1 ×", 100)]


class PointsRefunded(_Entry):
    """Members of `PointsRefunded`."""

    entry: Annotated[Literal["REFUND"], Member("kind of ledger entry", "REFUND")]
    source: Annotated[
        Literal["ORDER", "CANCELLATION"] | Bonus,
        Member("an order's refund, a bonus taken back, or a voucher's cancellation that met a forgiven debt", "ORDER"),
    ]
    order_id: NotRequired[_OrderId]
    about: NotRequired[_About]
    redemption_id: NotRequired[_RedemptionId]
    negative: NotRequired[_Negative]
    forgiven: _Forgiven
    lapsed: NotRequired[Annotated[int, Member("points that had expired already and were not taken", 0)]]
    earned: NotRequired[Annotated[dict[str, int], Member("change of what counts for the tier", {"2026-11": -30})]]


class PointsRedeemed(_Entry):
    """Members of `PointsRedeemed`."""

    entry: Annotated[Literal["REDEEM"], Member("kind of ledger entry", "REDEEM")]
    redemption_id: _RedemptionId
    reward_id: _RewardId
    reward_name: Annotated[str, Member("name of the reward at that time", "Mug")]
    code: _Code


class RedemptionCancelled(_Entry):
    """Members of `RedemptionCancelled`."""

    entry: Annotated[Literal["REDEEM"], Member("kind of ledger entry; the points are positive", "REDEEM")]
    redemption_id: _RedemptionId
    reward_id: _RewardId
    code: _Code
    negative: _Negative


class PointsAdjusted(_Entry):
    """Members of `PointsAdjusted`; the reason lies with the adjustment, where it can be erased."""

    entry: Annotated[Literal["ADJUST"], Member("kind of ledger entry", "ADJUST")]
    operator: Annotated[str, Member("id of the member of staff", "grace", personal=True)]
    negative: _Negative


class PointsExpired(_Entry):
    """Members of `PointsExpired`."""

    entry: Annotated[Literal["EXPIRE"], Member("kind of ledger entry", "EXPIRE")]
    month: Annotated[Month, Member("the month with whose end they expired", "2026-10")]


class PointsActivated(_Posted):
    """Members of `PointsActivated`."""

    points: Annotated[int, Member("points that can be spent now", 69)]
    lots: _Lots


class PointsExpiring(_Posted):
    """Members of `PointsExpiring`."""

    month: Annotated[Month, Member("the month with whose end they expire", "2026-11")]
    points: Annotated[int, Member("points that expire", 120)]
    expires_on: Annotated[Day, Member("the last day on which they can be spent", "2026-11-30")]


_Qualifying = Annotated[int, Member("points earned in the qualifying window", 1000)]


class TierChanged(
    TypedDict(
        "_TierChange",
        {
            "from": Annotated[str, Member("name of the tier before", "BRONZE")],
            "to": Annotated[str, Member("name of the tier after", "SILVER")],
            "qualifying_points": _Qualifying,
        },
    ),
    _Posted,
):
    """Members of `TierChanged`."""


class TierEnding(_Posted):
    """Members of `TierEnding`."""

    tier: _Tier
    ends_on: Annotated[Day, Member("the last day of the tier", "2026-12-20")]
    missing: Annotated[int, Member("points to earn until then to keep it", 150)]


class TierKept(_Posted):
    """Members of `TierKept`."""

    tier: _Tier


_NUMBER: Final = Member("the number", "7")
_REDEMPTION: Final = Member("the redemption id", "redeem-1")

POINTS_EARNED: Final = FactType(
    name="PointsEarned",
    summary="An order or a bonus earned points; dated at the time of the order, or when the bonus was given.",
    id=Member("the order id; or the bonus `/` what it is for, which may be another customer", "A-1001", about=True),
    data=PointsEarned,
)
POINTS_REFUNDED: Final = FactType(
    name="PointsRefunded",
    summary="Points were taken back with a refund, a lost referral, or for a forgiven debt.",
    id=Member(
        "the order id `/` the refund id; the bonus `/` the other customer `/` a number; the redemption id `/cancelled`",
        "A-1001/R-77",
        about=True,
    ),
    data=PointsRefunded,
)
POINTS_REDEEMED: Final = FactType(
    name="PointsRedeemed",
    summary="A voucher was issued for points: a shop system that accepts vouchers listens here.",
    id=_REDEMPTION,
    data=PointsRedeemed,
)
REDEMPTION_CANCELLED: Final = FactType(
    name="RedemptionCancelled",
    summary="A voucher is void, and its points are back.",
    id=_REDEMPTION,
    data=RedemptionCancelled,
)
POINTS_ADJUSTED: Final = FactType(
    name="PointsAdjusted",
    summary="Staff added points, or took some.",
    id=Member("the idempotency key of the request", "goodwill-1"),
    data=PointsAdjusted,
)
POINTS_EXPIRED: Final = FactType(
    name="PointsExpired",
    summary="Points expired; dated at the end of their month in the shop's time zone.",
    id=_NUMBER,
    data=PointsExpired,
)
POINTS_ACTIVATED: Final = FactType(
    name="PointsActivated",
    summary="Pending points can be spent; recorded by the next settlement after their day.",
    id=_NUMBER,
    data=PointsActivated,
)
POINTS_EXPIRING: Final = FactType(
    name="PointsExpiring",
    summary="Points are going to expire, as many days ahead as the programme warns.",
    id=Member("the month", "2026-11"),
    data=PointsExpiring,
)
TIER_CHANGED: Final = FactType(name="TierChanged", summary="A tier was reached or lost.", id=_NUMBER, data=TierChanged)
TIER_ENDING: Final = FactType(
    name="TierEnding",
    summary="A tier is no longer earned, and ends unless enough is earned in its days of grace.",
    id=_NUMBER,
    data=TierEnding,
)
TIER_KEPT: Final = FactType(
    name="TierKept", summary="A tier was earned again within its days of grace.", id=_NUMBER, data=TierKept
)
