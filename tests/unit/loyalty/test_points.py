"""A points account: each way in which it changes, and what it says of itself."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.core.facts import Fact
from shared.core.shop_time import ShopTime
from shared.loyalty import points
from shared.loyalty.points import Account, Adjustment, Balance, Books, EarnedPoints, NotEnoughPoints, Posting
from shared.loyalty.program import NEVER, Bonus, Downgrade, Earning, NegativeBalance, Program, Tier

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
EMPTY = Account(customer_id="cus_a")
PROGRAM = Program(version=3, starts_at=NOW - 365 * DAY)
# Two tiers above the first, and short names for what they want.
GOLD, SILVER = 2_000, 500


def berlin(text: str) -> datetime:
    """A moment by the shop's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def shop(now: datetime) -> ShopTime:
    """That moment as the shop sees it."""
    return ShopTime(now, BERLIN)


def earn(
    account: Account,
    number: int,
    expires: str = "2027-11",
    *,
    available_on: date = TODAY,
    month: str = "2026-11",
    now: datetime = NOW,
    once: tuple[Bonus, str] | None = None,
    program: Program = PROGRAM,
) -> Posting:
    earning = Earning(points=number, expires=expires, available_on=available_on, month=month, program_version=3)
    return points.earn(account, earning, program, fact_id="#1", occurred_at=now, time=shop(now), data={}, once=once)


def holding(lots: dict[str, int]) -> Account:
    """An account that earned these lots, active ones by a bonus of NOW."""
    account = EMPTY
    for lot, number in lots.items():
        expires, _, day = lot.partition("@")
        account = earn(account, number, expires, available_on=date.fromisoformat(day) if day else TODAY).account
    return account


def redeem(account: Account, cost: int, now: datetime = NOW) -> Posting:
    return points.redeem(account, cost, fact_id="red_1", time=shop(now), data={"reward_id": "mug"})


def cancel(account: Account, redeemed: dict[str, int], now: datetime = NOW) -> Posting:
    return points.cancel(account, redeemed, fact_id="red_1", time=shop(now), data={})


def adjust(account: Account, number: int, now: datetime = NOW, **program: Any) -> Posting:
    adjustment = Adjustment(
        adjustment_id="adj_1", customer_id=account.customer_id, points=number, reason="sorry", operator="grace"
    )
    return points.adjust(account, adjustment, replace(PROGRAM, **program), shop(now))


def take_back(
    account: Account,
    number: int,
    earned: Fact,
    *,
    policy: NegativeBalance = NegativeBalance.WITHIN_BALANCE,
    now: datetime = NOW,
) -> Posting:
    return points.take_back(
        account,
        number,
        EarnedPoints.from_fact(earned),
        policy,
        fact_id="#1/r1",
        occurred_at=now,
        time=shop(now),
        data={},
    )


def owing(number: int) -> Account:
    """An account that owes points: spent, and then taken back."""
    earned = earn(EMPTY, number)
    spent = redeem(earned.account, number).account
    return take_back(spent, number, earned.facts[0], policy=NegativeBalance.UNLIMITED).account


def on(account: Account, day: date) -> tuple[int, int, int]:
    """Active, pending and negative points of a day."""
    balance = points.balance(account, day)
    return balance.active, balance.pending, balance.negative


def types(posting: Posting) -> list[str]:
    return [fact.type for fact in posting.facts]


def test_points_that_wait_are_pending_until_their_day_and_active_from_then_on() -> None:
    waiting = earn(EMPTY, 20, available_on=date(2026, 12, 5)).account
    assert waiting.lots == {"2027-11@2026-12-05": 20}
    assert on(waiting, date(2026, 12, 4)) == (0, 20, 0)
    assert on(waiting, date(2026, 12, 5)) == (20, 0, 0)


def test_points_whose_day_has_come_are_active_at_once() -> None:
    for account in (earn(EMPTY, 20), earn(EMPTY, 20, available_on=TODAY - DAY)):
        assert account.account.lots == {"2027-11": 20}


def test_the_fact_of_earned_points_says_everything_that_the_account_needs() -> None:
    earning = Earning(
        points=20,
        expires="2027-11",
        available_on=date(2026, 12, 5),
        month="2026-11",
        program_version=3,
        tier_percent=125,
    )
    ordered_at = NOW - DAY
    posting = points.earn(
        EMPTY, earning, PROGRAM, fact_id="#7", occurred_at=ordered_at, time=shop(NOW), data={"order_id": "#7"}
    )
    assert posting.facts == (
        Fact(
            type="PointsEarned",
            id="#7",
            customer_id="cus_a",
            occurred_at=ordered_at,
            recorded_at=NOW,
            data={
                "order_id": "#7",
                "entry": "EARN",
                "points": 20,
                "balance": 20,
                "lots": {"2027-11@2026-12-05": 20},
                "negative": 0,
                "earned": {"2026-11": 20},
                "expires": "2027-11",
                "available_on": "2026-12-05",
                "program_version": 3,
                "tier_percent": 125,
                "posted": "2026-11",
                "number": 1,
            },
        ),
    )
    assert posting.account == points.account_from("cus_a", posting.facts)


def test_what_is_earned_pays_a_debt_first() -> None:
    paying = earn(owing(30), 20)
    assert (paying.account.negative, paying.account.lots) == (10, {})
    assert (paying.facts[0].data["negative"], paying.facts[0].data["balance"]) == (-20, -10)
    paid = earn(paying.account, 25).account
    assert (paid.negative, paid.lots) == (0, {"2027-11": 15})


def test_a_bonus_is_given_once_for_what_it_is_given_for() -> None:
    first = earn(EMPTY, 50, once=(Bonus.BIRTHDAY, "2026")).account
    assert earn(first, 50, once=(Bonus.BIRTHDAY, "2026")) == Posting(first)
    assert earn(first, 25, once=(Bonus.PROFILE_COMPLETED, "2026")).account.books.issued == 75
    assert earn(first, 50, once=(Bonus.BIRTHDAY, "2027")).account.books.issued == 100


def test_a_year_is_not_made_up_for_after_a_later_one() -> None:
    """Who moves their birthday back over New Year has been congratulated for that year, or missed it."""
    given = earn(EMPTY, 50, once=(Bonus.BIRTHDAY, "2027")).account
    assert earn(given, 50, once=(Bonus.BIRTHDAY, "2026")) == Posting(given)
    assert earn(given, 50, once=(Bonus.BIRTHDAY, "2028")).account.books.issued == 100


def test_surveys_have_no_order_whatever_they_are_called() -> None:
    given = EMPTY
    for number, survey in enumerate(("b", "a", "11", "9", "10"), start=1):
        given = earn(given, 10, once=(Bonus.SURVEY_ANSWERED, survey)).account
        assert given.books.issued == 10 * number


def test_what_would_have_expired_already_is_not_earned() -> None:
    assert earn(EMPTY, 20, "2026-10") == Posting(EMPTY)
    assert earn(EMPTY, 20, "2026-11", now=berlin("2026-11-30T23:59")).account.lots == {"2026-11": 20}
    assert earn(EMPTY, 20, "2026-11", now=berlin("2026-12-01T00:00")) == Posting(EMPTY)


@pytest.mark.parametrize("number", [0, -1])
def test_nothing_earned_is_no_entry(number: int) -> None:
    assert earn(EMPTY, number) == Posting(EMPTY)


def test_the_points_that_reach_a_tier_lift_it_at_once() -> None:
    almost = earn(EMPTY, SILVER - 1)
    assert (almost.account.tier, types(almost)) == (None, ["PointsEarned"])
    silver = earn(almost.account, 1)
    assert (silver.account.tier, types(silver)) == ("SILVER", ["PointsEarned", "TierChanged"])
    change = silver.facts[1].data
    assert (change["from"], change["to"], change["qualifying_points"]) == ("MEMBER", "SILVER", SILVER)
    gold = earn(EMPTY, GOLD)
    assert [(fact.data["from"], fact.data["to"]) for fact in gold.facts[1:]] == [("MEMBER", "GOLD")]


def test_only_points_earned_in_the_qualifying_months_lift_a_tier() -> None:
    assert earn(EMPTY, SILVER, month="2025-12").account.tier == "SILVER"
    assert earn(EMPTY, SILVER, month="2025-11").account.tier is None
    assert earn(EMPTY, SILVER, month="2026-12").account.tier is None
    assert adjust(EMPTY, SILVER).account.tier is None


def test_paying_a_debt_counts_for_the_tier_as_every_earning_does() -> None:
    debt = owing(SILVER)
    assert debt.qualifying(PROGRAM, TODAY) == 0
    assert earn(replace(debt, tiers=()), SILVER).account.tier == "SILVER"


def test_an_order_earns_by_the_tier_at_the_time_of_the_order() -> None:
    silver = earn(EMPTY, SILVER).account
    gold = earn(silver, GOLD, now=NOW + 10 * DAY).account
    moments = [NOW - DAY, NOW - timedelta(milliseconds=1), NOW, NOW + 9 * DAY, NOW + 10 * DAY, NOW + 99 * DAY]
    percents = [points.tier_percent_at(gold, PROGRAM, moment, shop(NOW)) for moment in moments]
    assert percents == [100, 100, 125, 125, 150, 150]


# The same three steps under other names, and with other multipliers.
RENAMED = (
    Tier(name="BASE", threshold=0, percent=110),
    Tier(name="TOP", threshold=SILVER, percent=130),
    Tier(name="PEAK", threshold=GOLD + 1, percent=160),
)


def test_a_tier_that_was_renamed_counts_as_the_one_that_its_points_reach() -> None:
    gold = earn(EMPTY, GOLD).account
    other = replace(PROGRAM, tiers=RENAMED)
    assert (points.rank_of(gold, other, TODAY), points.tier_of(gold, other, TODAY).name) == (1, "TOP")
    assert points.next_tier(gold, other, TODAY) == RENAMED[2]
    assert [points.tier_percent_at(gold, other, NOW + hours * DAY, shop(NOW)) for hours in (-1, 0, 1)] == [
        110,
        130,
        130,
    ]
    assert points.tier_of(gold, PROGRAM, TODAY).name == "GOLD"
    assert points.next_tier(gold, PROGRAM, TODAY) is None


def test_a_renamed_tier_counts_less_once_its_points_leave_the_qualifying_months() -> None:
    gold, other = earn(EMPTY, GOLD).account, replace(PROGRAM, tiers=RENAMED)
    last, first = berlin("2027-10-31T23:59"), berlin("2027-11-01T00:00")
    assert [points.tier_of(gold, other, day.date()).name for day in (last, first)] == ["TOP", "BASE"]
    # By the shop's clock: in Greenwich it is October at both.
    assert [points.tier_percent_at(gold, other, moment, shop(NOW)) for moment in (last, first)] == [130, 110]


def test_a_renamed_tier_that_points_lift_at_once_is_put_down_by_the_night() -> None:
    silver, other = earn(EMPTY, SILVER).account, replace(PROGRAM, tiers=RENAMED)
    more = earn(silver, GOLD, program=other)
    assert (types(more), points.tier_of(more.account, other, TODAY).name) == (["PointsEarned"], "PEAK")
    changed = points.review(more.account, other, shop(NOW))
    assert [(fact.data["from"], fact.data["to"]) for fact in changed.facts] == [("SILVER", "PEAK")]


def test_what_expires_first_is_spent_first() -> None:
    account = holding({NEVER: 5, "2028-01": 10, "2027-11": 10, "2027-12": 10})
    spent = redeem(account, 25)
    assert spent.account.lots == {"2028-01": 5, NEVER: 5}
    assert spent.facts[0].data == {
        "reward_id": "mug",
        "entry": "REDEEM",
        "points": -25,
        "balance": 10,
        "lots": {"2027-11": -10, "2027-12": -10, "2028-01": -5},
        "posted": "2026-11",
        "number": 5,
    }
    assert redeem(spent.account, 10).account.lots == {}


def test_pending_points_cannot_be_spent_before_their_day() -> None:
    account = holding({"2027-10@2026-12-05": 20, "2027-11": 10})
    with pytest.raises(NotEnoughPoints) as refused:
        redeem(account, 11)
    assert refused.value.members == {"missing": 1}
    assert refused.value.detail == "1 point is missing: it costs 11, 10 can be spent"
    assert redeem(account, 10).account.lots == {"2027-10@2026-12-05": 20}
    later = redeem(account, 11, berlin("2026-12-05T00:00"))
    assert later.account.lots == {"2027-10@2026-12-05": 9, "2027-11": 10}


def test_expired_points_cannot_be_spent_even_before_they_are_written_off() -> None:
    account = holding({"2026-11": 20, "2026-12": 10})
    last_minute, too_late = berlin("2026-11-30T23:59"), berlin("2026-12-01T00:00")
    assert redeem(account, 30, last_minute).account.lots == {}
    with pytest.raises(NotEnoughPoints) as refused:
        redeem(account, 30, too_late)
    assert refused.value.members == {"missing": 20}
    assert redeem(account, 10, too_late).account.lots == {"2026-11": 20}


def test_a_cancelled_redemption_gives_back_to_the_lots_it_came_from() -> None:
    account = holding({"2027-11": 10, "2027-12": 10})
    spent = redeem(account, 15)
    redeemed = {lot: -number for lot, number in spent.facts[0].data["lots"].items()}
    given = cancel(spent.account, redeemed, NOW + DAY)
    assert given.account.lots == account.lots
    assert given.account.books == account.books
    assert (types(given), given.facts[0].data["entry"], given.facts[0].data["points"]) == (
        ["RedemptionCancelled"],
        "REDEEM",
        15,
    )


def test_points_that_were_active_when_they_were_spent_come_back_active() -> None:
    account = holding({"2027-11@2026-12-05": 10})
    spent = redeem(account, 10, berlin("2026-12-05T09:00"))
    assert spent.facts[0].data["lots"] == {"2027-11@2026-12-05": -10}
    assert cancel(spent.account, {"2027-11@2026-12-05": 10}).account.lots == {"2027-11": 10}


def test_points_that_would_come_back_expired_get_until_the_end_of_the_month() -> None:
    spent = redeem(holding({"2026-11": 10, "2026-12": 10, "2027-03": 10}), 30).account
    redeemed = {"2026-11": 10, "2026-12": 10, "2027-03": 10}
    assert cancel(spent, redeemed, berlin("2026-11-30T23:59")).account.lots == redeemed
    assert cancel(spent, redeemed, berlin("2027-01-01T00:00")).account.lots == {"2027-01": 20, "2027-03": 10}


def test_a_cancelled_redemption_pays_a_debt_first_with_what_expires_first() -> None:
    given = cancel(owing(12), {"2027-11": 10, "2027-12": 10})
    assert (given.account.negative, given.account.lots) == (0, {"2027-12": 8})
    partly = cancel(owing(25), {"2027-11": 10, "2027-12": 10})
    assert (partly.account.negative, partly.account.lots) == (5, {})


def test_a_refund_takes_its_points_from_their_own_lot_first() -> None:
    account = holding({"2027-10": 10})
    order = earn(account, 20, "2027-11", available_on=date(2026, 12, 5))
    taken = take_back(order.account, 15, order.facts[0])
    assert taken.account.lots == {"2027-10": 10, "2027-11@2026-12-05": 5}
    assert taken.facts[0].data == {
        "entry": "REFUND",
        "points": -15,
        "balance": 15,
        "lots": {"2027-11@2026-12-05": -15},
        "negative": 0,
        "forgiven": 0,
        "lapsed": 0,
        "earned": {"2026-11": -15},
        "posted": "2026-11",
        "number": 3,
    }


def test_a_refund_finds_its_points_after_they_became_active() -> None:
    order = earn(holding({"2027-10": 10}), 20, "2027-11", available_on=date(2026, 12, 5))
    later = berlin("2026-12-05T03:00")
    active = points.activate(order.account, shop(later)).account
    assert take_back(active, 15, order.facts[0], now=later).account.lots == {"2027-10": 10, "2027-11": 5}


def test_points_that_are_spent_are_taken_from_others_that_expire_soonest() -> None:
    order = earn(EMPTY, 20, "2027-11")
    spent = redeem(order.account, 15).account
    account = earn(earn(spent, 10, "2027-12").account, 10, "2027-10", available_on=date(2026, 12, 5)).account
    taken = take_back(account, 20, order.facts[0])
    assert taken.account.lots == {"2027-12": 5}


@pytest.mark.parametrize(
    ("policy", "booked", "forgiven", "negative"),
    [(NegativeBalance.WITHIN_BALANCE, -5, 15, 0), (NegativeBalance.UNLIMITED, -20, 0, 15)],
)
def test_points_that_are_spent_for_good_are_forgiven_or_owed(
    policy: NegativeBalance, booked: int, forgiven: int, negative: int
) -> None:
    order = earn(EMPTY, 20)
    spent = redeem(order.account, 15).account
    taken = take_back(spent, 20, order.facts[0], policy=policy)
    assert (taken.account.lots, taken.account.negative) == ({}, negative)
    data = taken.facts[0].data
    assert (data["points"], data["forgiven"], data["lapsed"], data["negative"]) == (booked, forgiven, 0, negative)
    assert taken.account.forgiven == forgiven
    assert taken.account.qualifying(PROGRAM, TODAY) == 0


def test_points_of_a_month_that_is_not_over_yet_are_taken_until_its_last_minute() -> None:
    order = earn(EMPTY, 20, "2026-11")
    assert take_back(order.account, 20, order.facts[0], now=berlin("2026-11-30T23:59")).account.lots == {}


@pytest.mark.parametrize("policy", NegativeBalance)
def test_points_that_expired_with_their_month_are_not_taken_from_others(policy: NegativeBalance) -> None:
    order = earn(EMPTY, 20, "2026-11")
    account = earn(order.account, 10, "2027-11").account
    later = berlin("2026-12-01T00:00")
    expired = points.expire(account, shop(later)).account
    for before in (account, expired):
        taken = take_back(before, 20, order.facts[0], policy=policy, now=later)
        assert (taken.account.lots, taken.account.negative) == (before.lots, 0)
        data = taken.facts[0].data
        assert (data["points"], data["forgiven"], data["lapsed"]) == (0, 0, 20)
        assert (taken.account.earned, taken.account.forgiven) == ({"2026-11": 10}, 0)


def forgiven(number: int) -> Account:
    """An account that spent points of an order, which went back then."""
    order = earn(EMPTY, number)
    return take_back(redeem(order.account, number).account, number, order.facts[0]).account


def test_points_that_a_refund_was_forgiven_are_gone_when_the_voucher_is_cancelled() -> None:
    spent = forgiven(20)
    assert (spent.forgiven, spent.books) == (20, Books(issued=20, redeemed=20))
    undone = cancel(spent, {"2027-11": 20})
    assert [(fact.type, fact.id, fact.data["points"], fact.data["balance"]) for fact in undone.facts] == [
        ("RedemptionCancelled", "red_1", 20, 20),
        ("PointsRefunded", "red_1/cancelled", -20, 0),
    ]
    assert undone.facts[1].data == {
        "source": "CANCELLATION",
        "redemption_id": "red_1",
        "entry": "REFUND",
        "points": -20,
        "balance": 0,
        "lots": {"2027-11": -20},
        "forgiven": -20,
        "posted": "2026-11",
        "number": 5,
    }
    assert (undone.account.lots, undone.account.forgiven) == ({}, 0)
    assert undone.account.books == Books(issued=20, refunded=20)


def test_no_more_is_taken_back_than_was_forgiven_and_what_expires_first_goes_first() -> None:
    undone = cancel(forgiven(12), {"2027-12": 10, "2027-11": 10})
    assert (undone.account.lots, undone.account.forgiven) == ({"2027-12": 8}, 0)
    # Points that come back later are the customer's.
    again = cancel(undone.account, {"2027-12": 5})
    assert (types(again), again.account.lots) == (["RedemptionCancelled"], {"2027-12": 13})


def test_no_more_is_taken_back_than_the_voucher_gives() -> None:
    partly = cancel(forgiven(25), {"2027-11": 10}).account
    assert (partly.lots, partly.forgiven) == ({}, 15)
    untouched = earn(partly, 30).account
    assert (untouched.lots, untouched.forgiven) == ({"2027-11": 30}, 15)
    rest = cancel(untouched, {"2027-12": 20}).account
    assert (rest.lots, rest.forgiven) == ({"2027-11": 30, "2027-12": 5}, 0)


def test_a_debt_is_paid_before_what_was_forgiven_is_taken_back() -> None:
    owing_too = replace(forgiven(5), negative=12)
    undone = cancel(owing_too, {"2027-11": 10, "2027-12": 10})
    assert (undone.account.negative, undone.account.lots, undone.account.forgiven) == (0, {"2027-12": 3}, 0)
    swallowed = cancel(replace(owing_too, negative=20), {"2027-11": 20})
    assert (types(swallowed), swallowed.account.forgiven) == (["RedemptionCancelled"], 5)


def test_what_lapsed_with_its_month_is_not_taken_from_a_cancelled_voucher() -> None:
    order = earn(EMPTY, 20, "2026-11")
    spent = redeem(order.account, 20)
    later = berlin("2026-12-01T00:00")
    lapsed = take_back(spent.account, 20, order.facts[0], now=later).account
    assert cancel(lapsed, {"2026-11": 20}, later).account.lots == {"2026-12": 20}


def test_an_adjustment_adds_points_that_are_active_at_once() -> None:
    added = adjust(EMPTY, 40)
    assert added.account.lots == {"2027-11": 40}
    assert (added.account.books, added.account.earned) == (Books(adjusted=40), {})
    assert adjust(EMPTY, 40, expiry_months=None).account.lots == {NEVER: 40}


def test_an_adjustment_pays_a_debt_first() -> None:
    assert adjust(owing(30), 20).account.negative == 10
    assert adjust(owing(30), 45).account.lots == {"2027-11": 15}


def test_an_adjustment_takes_active_points_first_the_soonest_to_expire_first() -> None:
    account = holding({"2027-12": 10, "2027-11": 10, "2027-10@2026-12-05": 10})
    assert adjust(account, -15).account.lots == {"2027-10@2026-12-05": 10, "2027-12": 5}
    taken = adjust(account, -25)
    assert taken.account.lots == {"2027-10@2026-12-05": 5}
    assert (taken.account.books.adjusted, taken.facts[0].data["points"]) == (-25, -25)


def test_an_adjustment_takes_more_than_there_is_only_where_debts_are_known() -> None:
    account = holding({"2027-11": 10, "2027-12@2026-12-05": 5})
    with pytest.raises(NotEnoughPoints) as refused:
        adjust(account, -20)
    assert refused.value.members == {"missing": 5}
    assert refused.value.detail == "only 15 points are there to take"
    owed = adjust(account, -20, negative_balance=NegativeBalance.UNLIMITED)
    assert (owed.account.lots, owed.account.negative, owed.account.books.balance) == ({}, 5, -5)


def test_an_adjustment_does_not_take_points_whose_month_is_over() -> None:
    account = holding({"2026-11": 20, "2026-12": 10})
    later = berlin("2026-12-01T00:00")
    assert adjust(account, -5, later).account.lots == {"2026-11": 20, "2026-12": 5}
    with pytest.raises(NotEnoughPoints) as refused:
        adjust(account, -15, later)
    assert refused.value.members == {"missing": 5}
    assert refused.value.detail == "only 10 points are there to take"


@pytest.mark.parametrize("policy", NegativeBalance)
def test_a_refund_does_not_take_points_whose_month_is_over(policy: NegativeBalance) -> None:
    order = earn(EMPTY, 20, "2027-11")
    spent = redeem(order.account, 20).account
    account = earn(earn(spent, 10, "2026-11").account, 15, "2026-12").account
    later = berlin("2026-12-01T00:00")
    before = take_back(account, 20, order.facts[0], policy=policy, now=later).account
    expired = points.expire(account, shop(later)).account
    after = take_back(expired, 20, order.facts[0], policy=policy, now=later).account
    late = points.expire(before, shop(later)).account
    assert (late.lots, late.negative, late.books) == (after.lots, after.negative, after.books)
    assert late.books.expired == 10


@pytest.mark.parametrize(
    ("month", "over"),
    [
        ("2026-11", "2026-11-30T23:00Z"),
        ("2027-03", "2027-03-31T22:00Z"),  # summer time since the 28th
        ("2027-09", "2027-09-30T22:00Z"),
        ("2027-10", "2027-10-31T23:00Z"),  # a day of 25 hours
    ],
)
def test_points_expire_when_their_month_is_over_in_the_shops_zone(month: str, over: str) -> None:
    account = holding({month: 20})
    end = datetime.fromisoformat(over)
    assert points.expire(account, shop(end - timedelta(microseconds=1))) == Posting(account)
    expired = points.expire(account, shop(end))
    assert [(fact.type, fact.occurred_at, fact.recorded_at) for fact in expired.facts] == [("PointsExpired", end, end)]
    assert expired.account.lots == {}
    assert expired.account.books == Books(issued=20, expired=20)


@pytest.mark.parametrize("late", [timedelta(), DAY, 31 * DAY, 400 * DAY])
def test_however_late_points_are_written_off_the_ledger_says_the_same(late: timedelta) -> None:
    account = holding({"2026-11": 20, "2026-12": 5, "2026-12@2026-11-30": 2, NEVER: 1})
    expired = points.expire(account, shop(berlin("2027-01-01T00:00") + late))
    assert [
        (fact.occurred_at, fact.data["month"], fact.data["lots"], fact.data["points"]) for fact in expired.facts
    ] == [
        (berlin("2026-12-01T00:00"), "2026-11", {"2026-11": -20}, -20),
        (berlin("2027-01-01T00:00"), "2026-12", {"2026-12": -5, "2026-12@2026-11-30": -2}, -7),
    ]
    assert [fact.data["balance"] for fact in expired.facts] == [8, 1]
    assert expired.account.lots == {NEVER: 1}


def test_what_was_written_off_is_not_written_off_again() -> None:
    expired = points.expire(holding({"2026-11": 20}), shop(berlin("2026-12-01T00:00"))).account
    assert points.expire(expired, shop(berlin("2027-12-01T00:00"))) == Posting(expired)


def test_pending_points_are_announced_once_on_their_day() -> None:
    account = holding({"2027-11@2026-12-05": 10, "2027-12@2026-12-05": 10, "2027-11@2026-12-06": 10, "2027-11": 10})
    assert points.activate(account, shop(berlin("2026-12-04T23:59"))) == Posting(account)
    day = berlin("2026-12-05T00:00")
    active = points.activate(account, shop(day))
    assert active.account.lots == {"2027-11": 20, "2027-11@2026-12-06": 10, "2027-12": 10}
    assert [(fact.type, fact.data["points"]) for fact in active.facts] == [("PointsActivated", 20)]
    assert on(active.account, day.date()) == on(account, day.date()) == (30, 10, 0)
    assert points.activate(active.account, shop(day)) == Posting(active.account)


def review(account: Account, now: datetime, **program: Any) -> Posting:
    return points.review(account, replace(PROGRAM, **program), shop(now))


# The points that made them gold count until the end of October 2027.
GOLDEN = earn(EMPTY, GOLD).account
KEPT, LOST = berlin("2027-10-31T23:59"), berlin("2027-11-01T00:00")


def test_a_tier_is_kept_while_what_was_earned_in_the_qualifying_months_reaches_it() -> None:
    assert review(GOLDEN, KEPT) == Posting(GOLDEN)
    assert types(review(GOLDEN, LOST)) == ["TierEnding"]
    assert review(GOLDEN, LOST, qualifying_months=13) == Posting(GOLDEN)


def test_a_tier_that_is_not_earned_again_has_its_days_of_grace() -> None:
    ending = review(GOLDEN, LOST)
    data = ending.facts[0].data
    assert (data["tier"], data["ends_on"], data["missing"]) == ("GOLD", "2027-11-30", GOLD)
    assert ending.account.tier == "GOLD"
    assert ending.account.tier_ends_on == date(2027, 11, 30)
    for moment in (LOST, LOST + 5 * DAY, berlin("2027-11-30T23:59")):
        assert review(ending.account, moment) == Posting(ending.account)
    lost = review(ending.account, berlin("2027-12-01T00:00"))
    assert (types(lost), lost.account.tier, lost.account.tier_ends_on) == (["TierChanged"], "MEMBER", None)
    assert review(lost.account, berlin("2027-12-01T00:00")) == Posting(lost.account)


def test_a_tier_that_is_earned_again_within_its_grace_is_kept() -> None:
    ending = review(GOLDEN, LOST).account
    too_few = earn(ending, GOLD - 1, "2028-11", month="2027-11", now=LOST + DAY).account
    assert review(too_few, LOST + DAY) == Posting(too_few)
    again = earn(too_few, 1, "2028-11", month="2027-11", now=LOST + DAY)
    assert types(again) == ["PointsEarned"]
    kept = review(again.account, LOST + DAY)
    assert [(fact.type, fact.data["tier"]) for fact in kept.facts] == [("TierKept", "GOLD")]
    assert (kept.account.tier, kept.account.tier_ends_on) == ("GOLD", None)
    assert review(kept.account, LOST + 2 * DAY) == Posting(kept.account)


def test_a_higher_tier_reached_within_the_grace_ends_it() -> None:
    silver = earn(EMPTY, SILVER).account
    ending = review(silver, LOST).account
    gold = earn(ending, GOLD, "2028-11", month="2027-11", now=LOST + DAY).account
    assert (gold.tier, gold.tier_ends_on) == ("GOLD", None)


@pytest.mark.parametrize(
    ("downgrade", "tier"), [(Downgrade.TO_EARNED, "MEMBER"), (Downgrade.ONE_TIER, "SILVER"), (Downgrade.NEVER, "GOLD")]
)
def test_a_tier_that_was_lost_leads_where_the_programme_says(downgrade: Downgrade, tier: str) -> None:
    ending = review(GOLDEN, LOST, downgrade=downgrade).account
    assert (ending.tier_ends_on is None) == (downgrade is Downgrade.NEVER)
    lost = review(ending, LOST + 30 * DAY, downgrade=downgrade).account
    assert (lost.tier, lost.tier_ends_on) == (tier, None)


def test_what_was_earned_holds_a_tier_in_between() -> None:
    some = earn(GOLDEN, SILVER, "2028-10", month="2027-10", now=berlin("2027-10-05T12:00")).account
    ending = review(some, LOST)
    assert ending.facts[0].data["missing"] == GOLD - SILVER
    assert review(ending.account, LOST + 30 * DAY).account.tier == "SILVER"


def test_a_programme_that_takes_no_tiers_away_any_more_ends_a_grace() -> None:
    ending = review(GOLDEN, LOST).account
    kept = review(ending, LOST + 30 * DAY, downgrade=Downgrade.NEVER)
    assert (types(kept), kept.account.tier, kept.account.tier_ends_on) == (["TierKept"], "GOLD", None)


@pytest.mark.parametrize(
    ("downgrade", "tier"), [(Downgrade.TO_EARNED, "MEMBER"), (Downgrade.ONE_TIER, "SILVER"), (Downgrade.NEVER, "GOLD")]
)
def test_without_grace_a_tier_is_lost_at_once(downgrade: Downgrade, tier: str) -> None:
    assert review(GOLDEN, LOST, downgrade=downgrade, grace_days=0).account.tier == tier


@pytest.mark.parametrize("grace_days", [0, 30])
def test_tiers_are_lost_one_by_one_however_often_a_night_reviews_them(grace_days: int) -> None:
    program: dict[str, Any] = {"downgrade": Downgrade.ONE_TIER, "grace_days": grace_days}
    ending = review(GOLDEN, LOST, **program).account
    night = LOST + grace_days * DAY
    silver = review(ending, night, **program).account
    assert silver.tier == "SILVER"
    assert review(silver, night, **program) == Posting(silver)
    assert review(silver, night + DAY - timedelta(seconds=1), **program) == Posting(silver)
    next_night = review(silver, night + DAY, **program).account
    assert (next_night.tier, next_night.tier_ends_on is None) == (
        ("MEMBER", True) if grace_days == 0 else ("SILVER", False)
    )
    member = review(next_night, night + (grace_days + 1) * DAY, **program).account
    assert member.tier == "MEMBER"
    assert review(member, night + 99 * DAY, **program) == Posting(member)


@pytest.mark.parametrize("downgrade", [Downgrade.TO_EARNED, Downgrade.ONE_TIER])
def test_a_tier_undone_on_its_first_day_waits_if_tiers_fall_step_by_step(
    downgrade: Downgrade,
) -> None:
    silver = earn(EMPTY, SILVER)
    undone = take_back(silver.account, SILVER, silver.facts[0]).account
    program: dict[str, Any] = {"downgrade": downgrade, "grace_days": 0}
    waits = downgrade is Downgrade.ONE_TIER
    assert review(undone, NOW, **program).account.tier == ("SILVER" if waits else "MEMBER")
    assert review(undone, NOW + DAY, **program).account.tier == "MEMBER"


def test_a_tier_that_the_programme_no_longer_has_becomes_the_one_that_was_earned() -> None:
    tiers = (Tier(name="BASE", threshold=0), Tier(name="TOP", threshold=GOLD))
    changed = review(GOLDEN, KEPT, tiers=tiers)
    assert [(fact.data["from"], fact.data["to"]) for fact in changed.facts] == [("GOLD", "TOP")]
    lost = review(GOLDEN, LOST, tiers=tiers)
    assert [(fact.data["from"], fact.data["to"]) for fact in lost.facts] == [("GOLD", "BASE")]
    assert review(lost.account, LOST, tiers=tiers) == Posting(lost.account)


def test_lower_thresholds_lift_tiers_at_the_next_review() -> None:
    member = earn(EMPTY, 100).account
    tiers = (Tier(name="MEMBER", threshold=0), Tier(name="SILVER", threshold=100))
    lifted = review(member, NOW, tiers=tiers)
    assert [(fact.data["from"], fact.data["to"]) for fact in lifted.facts] == [("MEMBER", "SILVER")]


def test_the_last_four_changes_of_the_tier_are_kept() -> None:
    account, night = EMPTY, NOW
    for month in range(1, 6):
        night = berlin(f"2027-{month:02}-15T03:00")
        account = earn(account, GOLD, "2028-12", month=f"2027-{month:02}", now=night).account
        account = review(account, night + 20 * DAY, qualifying_months=1, grace_days=0).account
    assert [name for _, name in account.tiers] == ["GOLD", "MEMBER", "GOLD", "MEMBER"]
    assert points.tier_percent_at(account, PROGRAM, berlin("2027-04-16T12:00"), shop(NOW)) == 150
    assert points.tier_percent_at(account, PROGRAM, berlin("2027-01-16T12:00"), shop(NOW)) == 100


def test_a_tier_changes_after_the_change_before_even_where_clocks_differ() -> None:
    silver = earn(EMPTY, SILVER, now=NOW).account
    gold = earn(silver, GOLD, now=NOW - timedelta(minutes=5))
    assert gold.facts[1].occurred_at > NOW
    assert gold.account.tier_at(NOW) == "SILVER"
    assert gold.account.tier_at(NOW + timedelta(seconds=1)) == "GOLD"


def warn(account: Account, now: datetime, days: int = 30) -> Posting:
    return points.warn(account, replace(PROGRAM, expiry_warning_days=days), shop(now))


def test_points_that_expire_soon_are_announced_once() -> None:
    account = holding({"2027-04": 20, "2027-04@2026-12-05": 5, "2027-06": 10, NEVER: 10})
    assert warn(account, berlin("2027-03-30T23:59")) == Posting(account)
    warned = warn(account, berlin("2027-03-31T00:00"))
    assert [(fact.type, fact.id) for fact in warned.facts] == [("PointsExpiring", "2027-04")]
    data = warned.facts[0].data
    assert (data["month"], data["points"], data["expires_on"]) == ("2027-04", 25, "2027-04-30")
    for day in range(1, 31):
        assert warn(warned.account, berlin(f"2027-04-{day:02}T12:00")) == Posting(warned.account)
    later = warn(warned.account, berlin("2027-05-31T00:00"))
    assert [fact.data["month"] for fact in later.facts] == ["2027-06"]


def test_each_month_that_ends_soon_is_announced_in_the_same_night() -> None:
    account = holding({"2027-04": 20, "2027-05": 10, "2027-06": 5})
    night = berlin("2027-04-01T03:00")
    warned = warn(account, night, 60)
    assert [(fact.data["month"], fact.data["points"]) for fact in warned.facts] == [("2027-04", 20), ("2027-05", 10)]
    assert warn(warned.account, night, 60) == Posting(warned.account)


def test_no_warning_is_given_where_the_programme_wants_none_or_the_month_is_over() -> None:
    account = holding({"2027-04": 20})
    assert warn(account, berlin("2027-04-30T12:00"), 0) == Posting(account)
    assert warn(account, berlin("2027-05-01T00:00")) == Posting(account)
    assert types(warn(account, berlin("2027-04-30T23:59"))) == ["PointsExpiring"]


def test_expiring_points_are_listed_soonest_first() -> None:
    account = holding({NEVER: 1, "2027-02": 2, "2026-11": 4, "2026-11@2026-11-28": 8, "2026-12": 16})
    assert points.expiring(account, TODAY) == [
        (date(2026, 11, 30), 12),
        (date(2026, 12, 31), 16),
        (date(2027, 2, 28), 2),
    ]
    assert points.expiring(account, date(2026, 12, 1)) == [(date(2026, 12, 31), 16), (date(2027, 2, 28), 2)]
    assert points.expiring(EMPTY, TODAY) == []


def test_the_next_pending_points_are_shown_with_their_day() -> None:
    account = holding({"2027-11": 1, "2027-10@2026-12-06": 1, "2027-11@2026-12-05": 1})
    assert points.next_available(account, TODAY) == date(2026, 12, 5)
    assert points.next_available(account, date(2026, 12, 5)) == date(2026, 12, 6)
    assert points.next_available(account, date(2026, 12, 6)) is None


def test_the_balance_counts_points_as_expired_before_the_ledger_says_so() -> None:
    account = redeem(holding({"2026-11": 20, "2026-12": 10, "2027-11@2026-12-05": 5}), 3).account
    assert points.balance(account, date(2026, 11, 30)) == Balance(active=27, pending=5, negative=0, spent=3, expired=0)
    first = date(2026, 12, 1)
    unposted = points.balance(account, first)
    assert unposted == Balance(active=10, pending=5, negative=0, spent=3, expired=17)
    expired = points.expire(account, shop(berlin("2026-12-01T03:00"))).account
    assert points.balance(expired, first) == unposted
    assert points.balance(owing(7), TODAY) == Balance(active=0, pending=0, negative=7, spent=7, expired=0)


def test_an_account_adds_up_from_a_timeline_in_any_order_with_other_facts_in_it() -> None:
    earned = earn(EMPTY, SILVER)
    spent = redeem(earned.account, 5, NOW + DAY)
    other = Fact(type="MailPaused", id="1", customer_id="cus_a", occurred_at=NOW, recorded_at=NOW)
    timeline = [*spent.facts, other, *reversed(earned.facts)]
    assert points.account_from("cus_a", timeline) == spent.account


def test_facts_without_an_id_of_their_own_are_numbered() -> None:
    expired = points.expire(holding({"2026-11": 20, "2026-12": 5}), shop(berlin("2027-01-01T00:00")))
    assert [(fact.id, fact.data["number"]) for fact in expired.facts] == [("3", 3), ("4", 4)]


def test_books_are_kept_for_all_time_and_by_month_of_posting_for_three_months() -> None:
    account = EMPTY
    for month in (9, 10, 11, 12):
        account = earn(account, month, now=berlin(f"2026-{month:02}-30T12:00")).account
    account = redeem(account, 5, berlin("2026-12-31T23:59")).account
    assert account.books == Books(issued=42, redeemed=5)
    assert account.months == {
        "2026-10": Books(issued=10),
        "2026-11": Books(issued=11),
        "2026-12": Books(issued=12, redeemed=5),
    }


def test_what_was_earned_is_known_by_month_for_as_long_as_any_programme_looks_back() -> None:
    account = earn(EMPTY, 10).account
    kept = adjust(account, 1, berlin("2028-10-31T23:59")).account
    assert kept.qualifying(replace(PROGRAM, qualifying_months=24), date(2028, 10, 31)) == 10
    assert adjust(account, 1, berlin("2028-11-01T00:00")).account.earned == {}
