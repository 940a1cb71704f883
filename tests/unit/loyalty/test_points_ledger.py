"""Whatever happens to a points account, in whatever order: its ledger adds up."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.core.errors import Invalid
from shared.core.facts import Fact, to_timestamp
from shared.core.months import last_day, month_of, months_after
from shared.core.shop_time import ShopTime
from shared.loyalty import points
from shared.loyalty.points import KEPT_TIER_CHANGES, Account, Adjustment, EarnedPoints, NotEnoughPoints, Posting
from shared.loyalty.program import (
    MAX_QUALIFYING_MONTHS,
    NEVER,
    Bonus,
    Downgrade,
    Earning,
    Multiplier,
    NegativeBalance,
    Program,
    Rounding,
    Tier,
    earned_by,
    given_back,
    granted,
    in_force,
    next_version,
)
from shared.purchases import purchase
from shared.purchases.purchase import Order, OrderState, Product, Refund
from tests.examples import examples

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2027, 2, 20, 12, tzinfo=UTC)
EMPTY = Account(customer_id="cus_a")
TIERS = (
    Tier(name="MEMBER", threshold=0),
    Tier(name="SILVER", threshold=40, percent=125),
    Tier(name="GOLD", threshold=120, percent=150),
)
EASY_TIERS = (TIERS[0], replace(TIERS[2], threshold=30))
OTHER_TIERS = (Tier(name="BASE", threshold=0, percent=110), TIERS[1], Tier(name="TOP", threshold=60, percent=200))
TEA_TWICE = Multiplier(name="tea", percent=200, skus=frozenset({"tea"}))
PROGRAM = Program(version=1, starts_at=START - timedelta(days=400), tiers=TIERS, expiry_months=2)

# How much of which lot, by the last month and the first day it can be spent ("" from the day that was posted).
Point = tuple[str, str]
Once = tuple[Bonus, str] | None


def shop(now: datetime) -> ShopTime:
    """That moment as the shop sees it."""
    return ShopTime(now, BERLIN)


def today_at(now: datetime) -> date:
    return shop(now).today


def night(account: Account, program: Program, now: datetime) -> Posting:
    """What the nightly run does to an account."""
    steps: tuple[Callable[[Account], Posting], ...] = (
        lambda kept: points.expire(kept, shop(now)),
        lambda kept: points.activate(kept, shop(now)),
        lambda kept: points.review(kept, program, shop(now)),
        lambda kept: points.warn(kept, program, shop(now)),
    )
    posting = Posting(account)
    for step in steps:
        after = step(posting.account)
        posting = Posting(after.account, (*posting.facts, *after.facts))
    return posting


class Purse:
    """What a customer holds, point by point, as the words of the rules have it."""

    def __init__(self) -> None:
        self.contents = Counter[Point]()
        self.debt = 0
        self.forgiven = 0

    def living(self, today: date) -> list[Point]:
        return sorted(point for point in self.contents.elements() if point[0] >= month_of(today))

    def active(self, today: date) -> list[Point]:
        return [point for point in self.living(today) if point[1] <= today.isoformat()]

    def pending(self, today: date) -> list[Point]:
        return [point for point in self.living(today) if point[1] > today.isoformat()]

    def add(self, added: list[Point]) -> None:
        self.contents.update(self.less_debt(added))

    def give_back(self, added: list[Point]) -> None:
        """What a voucher had cost; refunds that were forgiven meanwhile take their part of it, the soonest first."""
        kept = sorted(self.less_debt(added))
        taken = min(self.forgiven, len(kept))
        self.forgiven -= taken
        self.contents.update(kept[taken:])

    def less_debt(self, added: list[Point]) -> list[Point]:
        paid = min(self.debt, len(added))
        self.debt -= paid
        return added[paid:]

    def take(self, taken: list[Point]) -> None:
        self.contents.subtract(taken)
        assert not [point for point, number in self.contents.items() if number < 0]


@dataclass(slots=True, kw_only=True)
class Bought:
    """An order, what it earned by which version, and what of it has gone back."""

    order: Order
    program: Program
    earned: Fact
    state: OrderState
    money: int = 0
    taken: int = 0


ORDERS = st.tuples(
    st.integers(0, 3), st.integers(0, 2), st.sampled_from([0, 490]), st.sampled_from([0, 300]), st.integers(0, 3_000)
)


def order_of(order_id: str, ordered_at: datetime, shape: tuple[int, int, int, int, int]) -> Order:
    """Cups and teas with shipping and a discount, or a total without lines."""
    cups, teas, shipping, discount, total = shape
    counted = (Product(sku="cup", quantity=cups, price=750), Product(sku="tea", quantity=teas, price=1_295))
    lines = tuple(line for line in counted if line.quantity)
    if lines:
        total = sum(line.price * line.quantity for line in lines) - discount
    return Order(
        order_id=order_id,
        ordered_at=ordered_at,
        currency="EUR",
        total=total + shipping,
        shipping=shipping,
        discount=discount if lines else 0,
        products=lines,
    )


# Pieces of a line, or a percentage of the money that is left.
REFUNDED = st.one_of(
    st.tuples(st.sampled_from(["cup", "tea"]), st.integers(1, 3)), st.tuples(st.just(""), st.integers(1, 100))
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "points": st.sampled_from([1, 2]),
        "rounding": st.sampled_from(Rounding),
        "multipliers": st.sampled_from([(), (TEA_TWICE,), (Multiplier(name="nothing", percent=0),)]),
        "pending_days": st.sampled_from([0, 14, 27]),
        "expiry_months": st.sampled_from([1, 2, 13, None]),
        "expiry_warning_days": st.sampled_from([0, 30, 75]),
        "tiers": st.sampled_from([TIERS, TIERS[:2], EASY_TIERS, OTHER_TIERS]),
        "qualifying_months": st.sampled_from([1, 3, 24]),
        "grace_days": st.sampled_from([0, 10, 40]),
        "downgrade": st.sampled_from(Downgrade),
        "negative_balance": st.sampled_from(NegativeBalance),
    },
)


class LedgerMachine(RuleBasedStateMachine):
    """Orders, bonuses, redemptions, refunds, adjustments, nights and new programmes, as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.account = EMPTY
        self.facts: list[Fact] = []
        self.versions = [PROGRAM]
        self.now = self.latest = START
        self.purse = Purse()
        self.orders: list[Bought] = []
        self.referrals: list[Fact] = []
        self.redemptions: list[tuple[str, Mapping[str, int], list[Point]]] = []
        self.ids = 0

    @property
    def program(self) -> Program:
        return self.versions[-1]

    @property
    def today(self) -> date:
        return today_at(self.now)

    def next_id(self, kind: str) -> str:
        self.ids += 1
        return f"{kind}{self.ids}"

    def keep(self, posting: Posting) -> None:
        assert bool(posting.facts) == (posting.account != self.account)
        if self.program.negative_balance is NegativeBalance.WITHIN_BALANCE:
            assert posting.account.negative <= self.account.negative
        self.account = posting.account
        self.facts += posting.facts
        self.now += timedelta(minutes=7)

    def earn(self, earning: Earning, fact_id: str, occurred_at: datetime, once: Once = None) -> Fact | None:
        """Earn twice: what is given once is not given again."""

        def again(account: Account) -> Posting:
            return points.earn(
                account,
                earning,
                self.program,
                fact_id=fact_id,
                occurred_at=occurred_at,
                time=shop(self.now),
                data={},
                once=once,
            )

        posting, today = again(self.account), self.today
        if once:
            assert again(posting.account) == Posting(posting.account)
        if not posting.facts:
            assert once or earning.points == 0 or earning.expires < month_of(today)
            self.keep(posting)
            return None
        day = earning.available_on.isoformat()
        self.purse.add([(earning.expires, day if day > today.isoformat() else "")] * earning.points)
        self.keep(posting)
        reached = self.reached(self.program, today)
        assert points.rank_of(self.account, self.program, today) >= self.program.rank(reached.name)
        return posting.facts[0]

    def reached(self, program: Program, day: date) -> Tier:
        """The tier that what was earned leads to, by the facts."""
        first = months_after(month_of(day), 1 - program.qualifying_months)
        if self.facts:
            last = max(fact.data["posted"] for fact in self.facts)
            first = max(first, months_after(last, 1 - MAX_QUALIFYING_MONTHS))
        counted = sum(
            number
            for fact in self.facts
            for month, number in fact.data.get("earned", {}).items()
            if first <= month <= month_of(day)
        )
        return program.tier_for(counted)

    @rule(shape=ORDERS, hours=st.one_of(st.integers(-12, 48), st.integers(0, 24 * 100)))
    def order(self, shape: tuple[int, int, int, int, int], hours: int) -> None:
        ordered_at = self.now - timedelta(hours=hours)
        order = order_of(self.next_id("#"), ordered_at, shape)
        program = in_force(self.versions, ordered_at)
        assert program is not None
        percent = points.tier_percent_at(self.account, program, ordered_at, shop(ordered_at))
        changes = [fact for fact in self.facts if fact.type == "TierChanged"]
        if len(changes) <= KEPT_TIER_CHANGES:
            moment = to_timestamp(ordered_at)
            tiers = [fact.data["to"] for fact in changes if to_timestamp(fact.occurred_at) <= moment]
            by_name = {tier.name: tier.percent for tier in program.tiers}
            if not tiers:
                assert percent == program.tiers[0].percent
            elif tiers[-1] in by_name:
                assert percent == by_name[tiers[-1]]
            else:
                assert percent == self.reached(program, today_at(ordered_at)).percent
        earning = earned_by(order, program, percent, today_at(order.ordered_at))
        earned = self.earn(earning, order.order_id, ordered_at)
        if earned:
            state = purchase.recorded(order, "cus_a", None)
            self.orders.append(Bought(order=order, program=program, earned=earned, state=state))

    @rule(bonus=st.sampled_from([Bonus.BIRTHDAY, Bonus.SURVEY_ANSWERED]), number=st.integers(1, 30))
    def bonus(self, bonus: Bonus, number: int) -> None:
        year = str(self.today.year)
        earning = granted(number, self.program, self.today, pending=False)
        self.earn(earning, f"{bonus}/{year}", self.now, (bonus, year))

    @rule(number=st.integers(1, 60))
    def referral(self, number: int) -> None:
        earning = granted(number, self.program, self.today, pending=True)
        earned = self.earn(earning, self.next_id("referral"), self.now)
        assert earned
        self.referrals.append(earned)

    @rule(cost=st.integers(1, 80))
    def redeem(self, cost: int) -> None:
        active = self.purse.active(self.today)
        fact_id = self.next_id("red")

        def spend(price: int) -> Posting:
            return points.redeem(self.account, price, fact_id=fact_id, time=shop(self.now), data={})

        with pytest.raises(NotEnoughPoints) as refused:
            spend(len(active) + cost)
        assert refused.value.members == {"missing": cost}
        if cost > len(active):
            return
        posting = spend(cost)
        lots = {lot: -number for lot, number in posting.facts[0].data["lots"].items()}
        for lot in lots:
            month, _, day = lot.partition("@")
            assert month >= month_of(self.today)
            assert day <= self.today.isoformat()
        self.purse.take(active[:cost])
        self.redemptions.append((fact_id, lots, active[:cost]))
        self.keep(posting)

    @precondition(lambda self: self.redemptions)
    @rule(which=st.integers(0, 99))
    def cancel(self, which: int) -> None:
        fact_id, lots, spent = self.redemptions.pop(which % len(self.redemptions))
        month = month_of(self.today)
        self.purse.give_back([(max(expires, month), "") for expires, _ in spent])
        self.keep(points.cancel(self.account, lots, fact_id=fact_id, time=shop(self.now), data={}))

    def take_back(self, number: int, earned: Fact, fact_id: str) -> None:
        expires, day = earned.data["expires"], earned.data["available_on"]
        policy = self.program.negative_balance
        now = self.now
        posting = points.take_back(
            self.account,
            number,
            EarnedPoints.from_fact(earned),
            policy,
            fact_id=fact_id,
            occurred_at=now,
            time=shop(now),
            data={},
        )
        if expires >= month_of(self.today):
            living = self.purse.living(self.today)
            own = sorted((point for point in living if point in ((expires, day), (expires, ""))), reverse=True)
            taken = (own + [point for point in living if point not in own])[:number]
            self.purse.take(taken)
            if policy is NegativeBalance.UNLIMITED:
                self.purse.debt += number - len(taken)
            else:
                self.purse.forgiven += number - len(taken)
        data = posting.facts[0].data
        assert data["forgiven"] + data["lapsed"] - data["points"] == number
        self.keep(posting)

    @precondition(lambda self: self.orders)
    @rule(which=st.integers(0, 99), what=REFUNDED)
    def refund(self, which: int, what: tuple[str, int]) -> None:
        sku, count = what
        bought = self.orders[which % len(self.orders)]
        order, state = bought.order, bought.state
        amount = max(1, (order.total - state.refunded) * count // 100)
        refund = Refund(
            refund_id=self.next_id("r"),
            order_id=order.order_id,
            refunded_at=self.now,
            amount=None if sku else amount,
            products={sku: count} if sku else {},
        )
        try:
            refunded = purchase.refund(state, order, refund)
        except Invalid:
            return
        bought.state = refunded.state
        bought.money += 0 if sku else amount
        share = given_back(
            order,
            bought.earned.data["points"],
            bought.program,
            today_at(order.ordered_at),
            quantities=refunded.state.quantities,
            amount=bought.money,
            refunded=refunded.state.refunded,
        )
        assert bought.taken <= share <= bought.earned.data["points"]
        if refunded.fully_refunded:
            assert share == bought.earned.data["points"]
        if share > bought.taken:
            number, bought.taken = share - bought.taken, share
            self.take_back(number, bought.earned, f"{order.order_id}/{refund.refund_id}")

    @precondition(lambda self: self.referrals)
    @rule(which=st.integers(0, 99))
    def referred_order_goes_back(self, which: int) -> None:
        earned = self.referrals.pop(which % len(self.referrals))
        self.take_back(earned.data["points"], earned, earned.id)

    @rule(number=st.integers(-60, 60).filter(bool))
    def adjust(self, number: int) -> None:
        today, program = self.today, self.program
        there = [*self.purse.active(today), *self.purse.pending(today)]
        fact_id = self.next_id("adj")

        def change() -> Posting:
            adjustment = Adjustment(
                adjustment_id=fact_id, customer_id="cus_a", points=number, reason="sorry", operator="grace"
            )
            return points.adjust(self.account, adjustment, program, shop(self.now))

        missing = max(0, -number - len(there))
        if missing and program.negative_balance is NegativeBalance.WITHIN_BALANCE:
            with pytest.raises(NotEnoughPoints) as refused:
                change()
            assert refused.value.members == {"missing": missing}
            return
        posting = change()
        if number > 0:
            self.purse.add([(program.expires(today), "")] * number)
        else:
            self.purse.take(there[:-number])
            self.purse.debt += missing
        self.keep(posting)

    @rule(passed=st.one_of(st.integers(1, 30), st.integers(24, 24 * 20), st.integers(24 * 28, 24 * 70)))
    def time_passes(self, passed: int) -> None:
        self.now += timedelta(hours=passed)

    @rule()
    def the_month_is_over(self) -> None:
        after = last_day(month_of(self.today)) + timedelta(days=1)
        self.now = datetime(after.year, after.month, 1, tzinfo=BERLIN).astimezone(UTC)

    @rule(minutes=st.integers(-30, 0))
    def another_clock(self, minutes: int) -> None:
        self.latest = max(self.latest, self.now)
        self.now += timedelta(minutes=minutes)

    @rule()
    def night(self) -> None:
        today, now = self.today, self.now
        posting = night(self.account, self.program, now)
        self.purse.contents = Counter(self.purse.living(today))
        self.activate(today)
        self.keep(posting)
        assert night(self.account, self.program, now) == Posting(self.account)
        assert all(lot[:7] >= month_of(today) for lot in self.account.lots)
        assert not self.account.negative or not self.account.lots

    @rule()
    def only_tell_of_pending_points(self) -> None:
        self.activate(self.today)
        self.keep(points.activate(self.account, shop(self.now)))

    def activate(self, today: date) -> None:
        waiting = Counter(self.purse.pending(today))
        active = self.purse.contents - waiting
        self.purse.contents = waiting + Counter((expires, "") for expires, _ in active.elements())

    @rule(changed=CHANGES)
    def another_programme(self, changed: dict[str, Any]) -> None:
        program = next_version(self.program, replace(self.program, **changed), self.now, self.program.version)
        if program is not self.program:
            self.versions.append(program)
        # What happens next happens by it, even where a clock went back.
        self.now = max(self.now, program.starts_at)

    @invariant()
    def the_ledger_adds_up_to_the_balance(self) -> None:
        balance = points.balance(self.account, self.today)
        unposted = balance.expired - self.account.books.expired
        entries = [fact.data["points"] for fact in self.facts if "entry" in fact.data]
        assert (
            balance.active + balance.pending + unposted - balance.negative == sum(entries) == self.account.books.balance
        )
        assert [fact.data["balance"] for fact in self.facts if "entry" in fact.data] == list(accumulate(entries))

    @invariant()
    def the_balance_is_as_the_rules_say(self) -> None:
        today, purse = self.today, self.purse
        balance = points.balance(self.account, today)
        counted = len(purse.active(today)), len(purse.pending(today)), purse.debt
        assert (balance.active, balance.pending, balance.negative) == counted
        assert self.account.forgiven == purse.forgiven
        by_month = Counter(month for month, _ in purse.living(today) if month != NEVER)
        assert points.expiring(self.account, today) == [(last_day(month), n) for month, n in sorted(by_month.items())]

    @invariant()
    def no_lot_is_empty_and_debtors_hold_nothing(self) -> None:
        assert all(number > 0 for number in self.account.lots.values())
        assert self.account.negative >= 0
        # By the clock that went ahead: what was over for it may be good for some minutes more by another one.
        balance = points.balance(self.account, today_at(max(self.now, self.latest)))
        assert not balance.negative or not balance.active + balance.pending

    @invariant()
    def the_account_is_what_its_facts_add_up_to(self) -> None:
        assert [fact.data["number"] for fact in self.facts] == list(range(1, len(self.facts) + 1))
        shuffled = Random(len(self.facts)).sample(self.facts, len(self.facts))
        assert points.account_from("cus_a", shuffled) == self.account
        assert len({(fact.type, fact.id, fact.occurred_at) for fact in self.facts}) == len(self.facts)

    @invariant()
    def a_tier_that_is_no_more_counts_as_what_is_reached(self) -> None:
        today, name = self.today, self.account.tier or self.program.tiers[0].name
        by_name = {tier.name: tier for tier in self.program.tiers}
        first = self.program.tiers[0] if self.account.tier is None else self.reached(self.program, today)
        assert points.tier_of(self.account, self.program, today) == by_name.get(name, first)

    @invariant()
    def the_tier_is_the_one_of_the_last_change(self) -> None:
        changes = [fact for fact in self.facts if fact.type == "TierChanged"]
        assert self.account.tier == (changes[-1].data["to"] if changes else None)
        times = [to_timestamp(fact.occurred_at) for fact in changes]
        assert times == sorted(set(times))


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=examples(150), stateful_step_count=30)


@st.composite
def purchases(draw: st.DrawFn) -> list[Order | Refund]:
    """Orders in time order, each followed by refunds that it allows."""
    events: list[Order | Refund] = []
    for number, shape in enumerate(draw(st.lists(ORDERS, min_size=1, max_size=4))):
        placed = START - timedelta(hours=draw(st.integers(1, 24 * 24)))
        order = order_of(f"#{number}", placed, shape)
        state = purchase.recorded(order, "cus_a", None)
        events.append(order)
        for what in draw(st.lists(st.one_of(st.integers(1, 2_000), st.sampled_from(["cup", "tea"])), max_size=4)):
            refund = Refund(
                refund_id=f"r{len(events)}",
                order_id=order.order_id,
                refunded_at=START,
                amount=what if isinstance(what, int) else None,
                products={what: 1} if isinstance(what, str) else {},
            )
            try:
                state = purchase.refund(state, order, refund).state
            except Invalid:
                continue
            events.append(refund)
    return events


def posted(events: list[Order | Refund], nights: list[bool], program: Program) -> Account:
    """The account after these events as the store takes them, with nights in between, two weeks later."""
    by_id = {event.order_id: event for event in events if isinstance(event, Order)}
    account, now = EMPTY, START
    seen = set[tuple[str, str]]()
    bought: dict[str, Bought | None] = {}

    def place(account: Account, order: Order) -> Account:
        if order.order_id in bought:
            return account
        percent = points.tier_percent_at(account, program, order.ordered_at, shop(order.ordered_at))
        earning = earned_by(order, program, percent, today_at(order.ordered_at))
        posting = points.earn(
            account,
            earning,
            program,
            fact_id=order.order_id,
            occurred_at=order.ordered_at,
            time=shop(now),
            data={},
        )
        state = purchase.recorded(order, "cus_a", None)
        first = posting.facts[0] if posting.facts else None
        bought[order.order_id] = Bought(order=order, program=program, earned=first, state=state) if first else None
        return posting.account

    for event, is_night in zip(events, nights, strict=True):
        now += timedelta(hours=9)
        if is_night:
            account = night(account, program, now).account
        account = place(account, by_id[event.order_id])
        bought_order = bought[event.order_id]
        if isinstance(event, Order) or bought_order is None or (event.order_id, event.refund_id) in seen:
            continue
        seen.add((event.order_id, event.refund_id))
        bought_order.state = purchase.refund(bought_order.state, bought_order.order, event).state
        bought_order.money += event.amount or 0
        share = given_back(
            bought_order.order,
            bought_order.earned.data["points"],
            program,
            today_at(bought_order.order.ordered_at),
            quantities=bought_order.state.quantities,
            amount=bought_order.money,
            refunded=bought_order.state.refunded,
        )
        if share > bought_order.taken:
            account = points.take_back(
                account,
                share - bought_order.taken,
                EarnedPoints.from_fact(bought_order.earned),
                program.negative_balance,
                fact_id=f"{event.order_id}/{event.refund_id}",
                occurred_at=event.refunded_at,
                time=shop(now),
                data={},
            ).account
            bought_order.taken = share
    return night(account, program, START + timedelta(days=28)).account


@given(purchases(), st.sampled_from(NegativeBalance), st.integers(0, 30), st.data())
def test_purchases_and_refunds_lead_to_the_same_account_in_whatever_order_they_come(
    events: list[Order | Refund], policy: NegativeBalance, grace_days: int, data: st.DataObject
) -> None:
    program = replace(
        PROGRAM,
        rounding=Rounding.NEAREST,
        multipliers=(TEA_TWICE,),
        expiry_months=3,
        negative_balance=policy,
        grace_days=grace_days,
    )
    again = data.draw(st.lists(st.sampled_from(events), max_size=3))
    shuffled = data.draw(st.permutations(events + again))
    nights = data.draw(st.lists(st.booleans(), min_size=len(shuffled), max_size=len(shuffled)))
    in_order = posted(events, [False] * len(events), program)
    in_any = posted(shuffled, nights, program)
    assert (in_any.lots, in_any.negative, in_any.books) == (in_order.lots, in_order.negative, in_order.books)
    assert (in_any.earned, in_any.forgiven) == (in_order.earned, in_order.forgiven)
    last = today_at(START + timedelta(days=28))
    assert points.balance(in_any, last) == points.balance(in_order, last)
