"""Points: earned by orders, bonuses and referrals, taken back by refunds, adjusted by staff, and shown."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core import clock, fact_store
from shared.core.facts import Fact, to_timestamp
from shared.core.months import last_day, month_of, months_after
from shared.core.shop_time import ShopTime
from shared.customers.links import confirmation_path, unsubscribe_path
from shared.customers.store import profiles
from shared.loyalty.actions import earning
from shared.loyalty.store import program_versions
from tests.frozen_clock import FrozenClock
from tests.functional.scenes import (
    BERLIN,
    account_of,
    change_program,
    facts_of,
    happened,
    heard_now,
    id_of,
    shop_day,
    sign_up,
)

Load = Callable[..., dict[str, Any]]
Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Launch = Callable[..., None]
Deliver = Callable[..., None]
AtTransaction = Callable[..., None]

YEAR_OF_EARNING = 12


def take(invoke: Invoke, name: str) -> None:
    """An event file, as of today, is taken from the queue."""
    assert invoke(name, fill=heard_now()) == {"batchItemFailures": []}


def earned_points(customer_id: str) -> dict[str, int]:
    return {fact.id: fact.data["points"] for fact in facts_of(customer_id, "PointsEarned")}


def test_an_order_earns_what_is_computed_by_hand_pending_for_its_days_of_return(invoke: Invoke, launch: Launch) -> None:
    launch()
    take(invoke, "post_points/purchase_recorded")
    # 154.00 net of shipping, of lines worth 170.00 of which tea counts twice and the gift card not:
    # 154.00 · (100.00 + 2 · 60.00) / 170.00 = 199.29.
    account = account_of("K-77")
    day = shop_day(-1)
    lot = f"{months_after(month_of(day), YEAR_OF_EARNING)}@{day + timedelta(days=14)}"
    assert account.lots == {lot: 199}
    assert (account.books.issued, account.earned, account.tier) == (199, {month_of(day): 199}, None)
    (fact,) = facts_of("K-77", "PointsEarned")
    assert (fact.id, fact.data["entry"], fact.data["balance"]) == ("1001", "EARN", 199)


def test_an_order_that_is_delivered_twice_earns_once(invoke: Invoke, launch: Launch, contents: Contents) -> None:
    launch()
    take(invoke, "post_points/purchase_recorded")
    before = contents()
    take(invoke, "post_points/purchase_recorded")
    assert contents() == before


def test_an_order_that_reaches_a_tier_lifts_it_at_once_and_the_next_one_earns_by_it(
    invoke: Invoke, launch: Launch, load: Load, deliver: Deliver
) -> None:
    tiers = [{"name": "GREEN", "threshold": 0}, {"name": "OOLONG", "threshold": 199, "percent": 200}]
    launch(tiers=tiers)
    first = happened("post_points/purchase_recorded")
    deliver(first)
    assert account_of("K-77").tier == "OOLONG"
    # One that was placed before the tier was reached, and one after.
    now = to_timestamp(clock.now())
    deliver(
        happened("post_points/purchase_recorded", id="late", order_id="late"),
        happened("post_points/purchase_recorded", id="next", order_id="next", occurred_at=now, ordered_at=now),
    )
    # 154.00 · 220.00 / 170.00, twice: 398.59.
    assert earned_points("K-77") == {"1001": 199, "late": 199, "next": 399}
    (change,) = facts_of("K-77", "TierChanged")
    assert (change.data["from"], change.data["to"], change.data["qualifying_points"]) == ("GREEN", "OOLONG", 199)
    account_of("K-77")


def test_a_refund_takes_back_the_share_of_what_went_back(
    invoke: Invoke, launch: Launch, load: Load, contents: Contents
) -> None:
    launch()
    happened("post_points/purchase_recorded")
    take(invoke, "post_points/purchase_recorded")
    take(invoke, "post_points/purchase_refunded")
    # Half of the tea is 60.00 of the 220.00 that counted: 199 · 3/11 = 54.27.
    account = account_of("K-77")
    assert (account.books.refunded, account.books.balance, sum(account.earned.values())) == (54, 145, 145)
    before = contents()
    take(invoke, "post_points/purchase_refunded")
    take(invoke, "post_points/purchase_recorded")
    assert contents() == before


def test_a_refund_that_comes_before_its_order_has_it_earn_first(
    invoke: Invoke, launch: Launch, load: Load, contents: Contents
) -> None:
    launch()
    happened("post_points/purchase_recorded")
    take(invoke, "post_points/purchase_refunded")
    assert account_of("K-77").books.balance == 145
    before = contents()
    take(invoke, "post_points/purchase_recorded")
    assert contents() == before


def test_a_refund_of_an_order_heard_of_before_the_launch_earns_and_takes_nothing(
    invoke: Invoke, launch: Launch
) -> None:
    launch()
    happened("post_points/purchase_recorded", recorded_at=to_timestamp(clock.now() - timedelta(hours=1)))
    take(invoke, "post_points/purchase_refunded")
    assert account_of("K-77").version == 0


def test_an_order_heard_of_before_the_launch_and_refunded_after_it_earns_nothing(
    invoke: Invoke, launch: Launch, deliver: Deliver, clock: FrozenClock
) -> None:
    invoke("record_purchase/by_customer_number")
    deliver(*facts_of("K-77", "PurchaseRecorded"))
    clock.advance(minutes=1)
    launch()
    fill = {"#1001": "#1002", "%231001": "%231002"}
    for refund_id, amount in (("some", 900), ("rest", 2_000)):
        assert invoke("refund_purchase/amount", fill=fill, refund_id=refund_id, amount=amount)["statusCode"] == 201
    refunds = facts_of("K-77", "PurchaseRefunded")
    assert {back.data["refund_id"]: back.data["whole"] for back in refunds} == {"some": False, "rest": True}
    deliver(*refunds)
    assert account_of("K-77").version == 0
    assert facts_of("K-77", "PointsEarned", "PointsRefunded") == []


@pytest.mark.parametrize("code", ["ConditionalCheckFailed", "TransactionConflict", "ThrottlingError"])
def test_a_refund_that_meets_its_own_order_is_taken_back_after_it(
    launch: Launch, deliver: Deliver, at_transaction: AtTransaction, code: str
) -> None:
    """Both have the order earn, and the order is faster: that its fact is known says nothing of the refund's."""
    launch()
    bought = happened("post_points/purchase_recorded")
    at_transaction("PointsRefunded", lambda: deliver(bought), [code, "ConditionalCheckFailed"])
    deliver(happened("post_points/purchase_refunded"))
    account = account_of("K-77")
    assert (account.books.issued, account.books.refunded, account.forgiven) == (199, 54, 0)


@pytest.mark.parametrize("refund_first", [False, True])
def test_a_refund_dated_before_the_launch_takes_back_what_a_later_order_earned(
    invoke: Invoke, deliver: Deliver, contents: Contents, refund_first: bool
) -> None:
    change_program(invoke, starts_at=shop_day(-1).isoformat())
    early = f"{shop_day(-2)}T09:00:00.000Z"
    bought = happened("post_points/purchase_recorded")
    back = happened("post_points/purchase_refunded", occurred_at=early, refunded_at=early)
    deliver(*((back, bought) if refund_first else (bought, back)))
    account = account_of("K-77")
    assert (account.books.issued, account.books.refunded) == (199, 54)
    before = contents()
    deliver(bought, back)
    assert contents() == before


def test_several_refunds_in_any_order_and_repeated_leave_the_same(
    launch: Launch, load: Load, deliver: Deliver, empty_tables: Callable[[], None]
) -> None:
    ends = []
    for turn in ((0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)):
        empty_tables()
        launch()
        bought = happened("post_points/purchase_recorded")
        tea = happened("post_points/purchase_refunded")
        cups = [{"sku": "cup", "quantity": 3}]
        cup = happened("post_points/purchase_refunded", id="1001/rf-2", refund_id="rf-2", products=cups)
        money = happened("post_points/purchase_refunded", id="1001/rf-3", refund_id="rf-3", amount=1_590)
        money = replace(money, data={name: value for name, value in money.data.items() if name != "products"})
        refunds = [tea, cup, money]
        deliver(*(refunds[index] for index in turn), bought, refunds[turn[0]])
        account = account_of("K-77")
        ends.append((account.lots, account.earned, account.books, account.negative))
        assert len(facts_of("K-77", "PointsRefunded")) == 3
    assert all(end == ends[0] for end in ends)
    # 199 · (60/220 + 30/220 + 1/10) = 101.3.
    assert ends[0][2].refunded == 101


def test_an_order_that_went_back_whole_leaves_nothing_of_its_points(
    launch: Launch, load: Load, deliver: Deliver
) -> None:
    launch()
    tea = happened("post_points/purchase_refunded")
    rest = happened(
        "post_points/purchase_refunded", id="1001/rest", refund_id="rest", amount=15_900 - 2_715, whole=True
    )
    rest = replace(rest, data={name: value for name, value in rest.data.items() if name != "products"})
    deliver(happened("post_points/purchase_recorded"), tea, rest)
    account = account_of("K-77")
    assert (account.lots, account.earned, account.books.issued, account.books.refunded) == ({}, {}, 199, 199)


@pytest.mark.parametrize(("policy", "negative", "balance"), [("UNLIMITED", 189, -189), ("WITHIN_BALANCE", 0, 0)])
def test_points_that_are_spent_when_their_order_goes_back_are_owed_or_forgiven(
    invoke: Invoke, launch: Launch, load: Load, deliver: Deliver, policy: str, negative: int, balance: int
) -> None:
    launch(pending_days=0, negative_balance=policy)
    invoke("record_purchase/by_customer_number")
    invoke("configure_loyalty/put_reward", cost=189)
    deliver(happened("post_points/purchase_recorded"))
    assert invoke("redeem_reward/redeem")["statusCode"] == 201
    back = happened("post_points/purchase_refunded", amount=15_900, whole=True)
    deliver(replace(back, data={name: value for name, value in back.data.items() if name != "products"}))
    account = account_of("K-77")
    assert (account.lots, account.negative, account.books.balance) == ({}, negative, balance)
    shown = invoke("view_points/points")["json"]
    assert (shown["active"], shown["negative"], shown["spent"]) == (0, negative, 189)
    deliver(happened("post_points/purchase_recorded", id="next", order_id="next"))
    assert sum(account_of("K-77").lots.values()) == 199 - negative
    # The voucher that spent them goes back, too: then nothing is owed and nothing was forgiven.
    assert invoke("redeem_reward/cancel")["statusCode"] == 200
    account = account_of("K-77")
    assert (account.books.balance, account.negative, account.forgiven) == (199, 0, 0)


def test_a_survey_earns_once_for_each_survey(invoke: Invoke, launch: Launch, load: Load, deliver: Deliver) -> None:
    launch(bonuses={"SURVEY_ANSWERED": 10})
    for _ in range(2):
        take(invoke, "post_points/survey_answered")
    first = happened("post_points/survey_answered")
    deliver(happened("post_points/survey_answered", id="survey-2", survey_id="survey-2"), first)
    assert sorted(fact.data["period"] for fact in facts_of("K-77", "PointsEarned")) == ["survey-2", first.id]
    assert account_of("K-77").books.issued == 20


def test_a_signup_is_welcomed_once_confirmed_and_not_again_after_leaving(
    invoke: Invoke, launch: Launch, deliver: Deliver
) -> None:
    launch(bonuses={"SIGNUP_CONFIRMED": 50, "PROFILE_COMPLETED": 25})
    invoke("register_customer/json", phone=None)
    known = profiles.get_by_email("ada@example.com")
    assert known is not None
    deliver(*fact_store.every(known.customer_id))
    assert account_of(known.customer_id).version == 0
    ada = sign_up(invoke, "ada@example.com", phone=None)
    fill = {"CUSTOMER": ada}
    for _ in range(2):
        assert invoke("post_points/consent_granted", fill=fill) == {"batchItemFailures": []}
    assert earned_points(ada) == {"SIGNUP_CONFIRMED/ONCE": 50}
    assert sum(account_of(ada).lots.values()) == 50
    token = unsubscribe_path(ada, 0, None).partition("token=")[2]
    invoke("unsubscribe_customer/one_click", fill={"TOKEN": token})
    sign_up(invoke, "ada@example.com")
    deliver(*fact_store.every(ada))
    assert earned_points(ada) == {"SIGNUP_CONFIRMED/ONCE": 50, "PROFILE_COMPLETED/ONCE": 25}
    assert account_of(ada).books.issued == 75


def test_signing_up_earns_pending_points_once_for_each_mailbox(
    invoke: Invoke, launch: Launch, deliver: Deliver
) -> None:
    launch(bonuses={"SIGNUP_CONFIRMED": 50, "PROFILE_COMPLETED": 25}, pending_days=14)
    first = sign_up(invoke, "ada@gmail.com")
    spellings = [sign_up(invoke, email) for email in ("ada+shop@gmail.com", "a.d.a@googlemail.com")]
    for _ in range(2):
        deliver(*(fact for customer_id in (first, *spellings) for fact in fact_store.every(customer_id)))
    assert earned_points(first) == {"SIGNUP_CONFIRMED/ONCE": 50, "PROFILE_COMPLETED/ONCE": 25}
    assert [account_of(customer_id).version for customer_id in spellings] == [0, 0]
    assert {lot.partition("@")[2] for lot in account_of(first).lots} == {shop_day(14).isoformat()}


GRACE = "grace@example.com"


@pytest.fixture
def code(invoke: Invoke, launch: Launch) -> str:
    """The code of Grace, who has signed up; orders and referrals earn, nothing else does."""
    launch(bonuses={"REFERRAL": 200, "REFERRED": 100})
    grace = sign_up(invoke, GRACE, referral_code=None)
    code: str = points_of(invoke, grace)["referral_code"]
    assert points_of(invoke, grace)["referral_code"] == code
    return code


def points_of(invoke: Invoke, customer_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = invoke("view_points/points", fill={"K-77": customer_id})["json"]
    return answer


def buy(invoke: Invoke, email: str, order_id: str, days: int = 0) -> None:
    """An order of 29.00, now or so many days from now."""
    ordered_at = (clock.now() + timedelta(days=days)).isoformat()
    answer = invoke("record_purchase/by_email", order_id=order_id, ordered_at=ordered_at, customer={"email": email})
    assert answer["statusCode"] == 201


def give_back(invoke: Invoke, order_id: str) -> None:
    """A refund of all of it, now."""
    fill = {"#1001": order_id, "%231001": order_id}
    now = clock.now().isoformat()
    assert invoke("refund_purchase/amount", fill=fill, amount=2_900, refunded_at=now)["statusCode"] == 201


def referral_points(*emails: str) -> list[int]:
    """What each has earned by referrals, less what was taken back."""
    earned = []
    for email in emails:
        entries = facts_of(id_of(email), "PointsEarned", "PointsRefunded")
        earned.append(sum(fact.data["points"] for fact in entries if fact.data["source"].startswith("REFER")))
        account_of(id_of(email))
    return earned


def all_facts(*emails: str) -> list[Fact]:
    """What the queue brings of these customers."""
    types = ("PurchaseRecorded", "PurchaseRefunded", "ConsentGranted")
    return [fact for email in emails for fact in facts_of(id_of(email), *types)]


def test_a_friend_who_signs_up_with_a_code_and_buys_rewards_both_once(
    invoke: Invoke, code: str, deliver: Deliver
) -> None:
    ada = sign_up(invoke, "ada@example.com", referral_code=f" {code.lower()} ")
    deliver(*all_facts("ada@example.com", GRACE))
    assert referral_points("ada@example.com", GRACE) == [0, 0]
    buy(invoke, "ada@example.com", "#1")
    buy(invoke, "ada@example.com", "#2")
    for _ in range(2):
        deliver(*all_facts("ada@example.com", GRACE))
    assert referral_points("ada@example.com", GRACE) == [100, 200]
    assert (points_of(invoke, id_of(GRACE))["pending"], points_of(invoke, id_of(GRACE))["active"]) == (200, 0)
    assert points_of(invoke, ada)["active"] == 0


def test_a_friend_who_buys_between_signing_up_and_confirming_counts(
    invoke: Invoke, code: str, deliver: Deliver
) -> None:
    invoke("register_customer/json", referral_code=code)
    buy(invoke, "ada@example.com", "#1")
    deliver(*all_facts("ada@example.com"))
    assert referral_points("ada@example.com", GRACE) == [0, 0]
    known = profiles.get_by_email("ada@example.com")
    assert known is not None
    assert known.signup is not None
    token = confirmation_path(known.customer_id, 0, known.signup).partition("token=")[2]
    invoke("confirm_signup/post", fill={"TOKEN": token})
    deliver(*facts_of(known.customer_id, "ConsentGranted"))
    assert referral_points("ada@example.com", GRACE) == [100, 200]


@pytest.mark.parametrize(("email", "used"), [(GRACE, 1), ("grace+2@example.com", 1), ("ada@example.com", 0)])
def test_oneself_by_whatever_spelling_and_unknown_codes_earn_nothing(
    invoke: Invoke, code: str, deliver: Deliver, email: str, used: int
) -> None:
    sign_up(invoke, email, referral_code=code if used else "NOBODYS1")
    buy(invoke, email, "#1")
    deliver(*all_facts(email))
    assert referral_points(email, GRACE) == [0, 0]


def test_a_mailbox_that_was_referred_before_earns_nothing_by_another_spelling(
    invoke: Invoke, code: str, deliver: Deliver
) -> None:
    emails = ("a.da@gmail.com", "ada+again@googlemail.com")
    for number, email in enumerate(emails):
        sign_up(invoke, email, referral_code=code)
        buy(invoke, email, f"#{number}")
        deliver(*all_facts(email))
    assert referral_points(*emails, GRACE) == [100, 0, 200]


def test_another_spelling_of_an_address_makes_no_new_friend(invoke: Invoke, code: str, deliver: Deliver) -> None:
    buy(invoke, "ada@gmail.com", "#0", days=-2)
    sign_up(invoke, "a.da+tea@gmail.com", referral_code=code)
    buy(invoke, "a.da+tea@gmail.com", "#1")
    deliver(*all_facts("ada@gmail.com", "a.da+tea@gmail.com"))
    assert referral_points("a.da+tea@gmail.com", GRACE) == [0, 0]


def test_one_who_has_bought_before_is_no_new_friend(invoke: Invoke, code: str, deliver: Deliver) -> None:
    buy(invoke, "ada@example.com", "#0", days=-2)
    sign_up(invoke, "ada@example.com", referral_code=code)
    buy(invoke, "ada@example.com", "#1")
    deliver(*all_facts("ada@example.com"))
    assert referral_points("ada@example.com", GRACE) == [0, 0]


def test_what_a_referral_earned_goes_back_once_with_the_last_of_the_friends_orders(
    invoke: Invoke, code: str, deliver: Deliver, contents: Contents
) -> None:
    sign_up(invoke, "ada@example.com", referral_code=code)
    buy(invoke, "ada@example.com", "1001")
    buy(invoke, "ada@example.com", "1002")
    deliver(*all_facts("ada@example.com"))
    give_back(invoke, "1001")
    deliver(*all_facts("ada@example.com"))
    assert referral_points("ada@example.com", GRACE) == [100, 200]
    give_back(invoke, "1002")
    deliver(*all_facts("ada@example.com"))
    assert referral_points("ada@example.com", GRACE) == [0, 0]
    assert account_of(id_of(GRACE)).books.refunded == 200
    before = contents()
    deliver(*all_facts("ada@example.com", GRACE))
    assert contents() == before
    # A purchase that stays earns it after all, and once.
    buy(invoke, "ada@example.com", "1003")
    for _ in range(2):
        deliver(*all_facts("ada@example.com"))
    assert referral_points("ada@example.com", GRACE) == [100, 200]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("delivered_after", [{1, 2, 3}, {1, 3}, {2, 3}, {3}])
def test_a_friend_who_returns_the_first_order_and_keeps_the_second_is_rewarded_once(
    invoke: Invoke, code: str, deliver: Deliver, delivered_after: set[int], newest_first: bool
) -> None:
    sign_up(invoke, "ada@example.com", referral_code=code)

    def arrive() -> None:
        facts_so_far = all_facts("ada@example.com")
        deliver(*(reversed(facts_so_far) if newest_first else facts_so_far))

    steps: tuple[Callable[[], None], ...] = (
        lambda: buy(invoke, "ada@example.com", "1001"),
        lambda: give_back(invoke, "1001"),
        lambda: buy(invoke, "ada@example.com", "1002"),
    )
    for number, step in enumerate(steps, start=1):
        step()
        if number in delivered_after:
            arrive()
    assert referral_points("ada@example.com", GRACE) == [100, 200]
    give_back(invoke, "1002")
    for _ in range(2):
        arrive()
    assert referral_points("ada@example.com", GRACE) == [0, 0]


@pytest.mark.parametrize(
    ("bonuses", "earned"), [({"REFERRAL": 200}, [0, 200]), ({"REFERRED": 100}, [100, 0]), ({}, [0, 0])]
)
def test_a_referral_that_rewards_one_side_alone_is_taken_back_too(
    invoke: Invoke, code: str, launch: Launch, deliver: Deliver, bonuses: dict[str, int], earned: list[int]
) -> None:
    launch(bonuses=bonuses)
    sign_up(invoke, "ada@example.com", referral_code=code)
    for order_id in ("1001", "1002"):
        buy(invoke, "ada@example.com", order_id)
        deliver(*all_facts("ada@example.com"))
        assert referral_points("ada@example.com", GRACE) == earned
        give_back(invoke, order_id)
        deliver(*all_facts("ada@example.com"))
        assert referral_points("ada@example.com", GRACE) == [0, 0]


def test_a_first_order_that_goes_back_while_it_is_being_rewarded_rewards_nobody(
    invoke: Invoke, code: str, deliver: Deliver, at_transaction: AtTransaction
) -> None:
    sign_up(invoke, "ada@example.com", referral_code=code)
    buy(invoke, "ada@example.com", "1001")
    at_transaction("REFERRED/1", lambda: give_back(invoke, "1001"))
    deliver(*all_facts("ada@example.com"))
    assert referral_points("ada@example.com", GRACE) == [0, 0]
    assert facts_of(id_of(GRACE), "PointsEarned") == []


def test_a_second_order_while_a_referral_is_being_taken_back_leaves_it(
    invoke: Invoke, code: str, deliver: Deliver, at_transaction: AtTransaction
) -> None:
    sign_up(invoke, "ada@example.com", referral_code=code)
    buy(invoke, "ada@example.com", "1001")
    deliver(*all_facts("ada@example.com"))
    give_back(invoke, "1001")
    at_transaction("taken_back_at", lambda: buy(invoke, "ada@example.com", "1002"))
    deliver(*all_facts("ada@example.com"))
    assert referral_points("ada@example.com", GRACE) == [100, 200]
    assert [fact.data["source"] for fact in facts_of(id_of("ada@example.com"), "PointsRefunded")] == ["ORDER"]


def test_points_of_nobody_and_of_no_programme_are_not_found(invoke: Invoke, load: Load) -> None:
    invoke("record_purchase/by_customer_number")
    missing = invoke("view_points/points")
    assert (missing["statusCode"], "PUT /loyalty/program" in missing["json"]["detail"]) == (404, True)
    assert invoke("view_points/redemptions")["json"] == {"redemptions": []}
    invoke("configure_loyalty/put_program")
    assert invoke("view_points/points")["statusCode"] == 200
    for nobody in ("K-78", "x" * 65):
        for name in ("view_points/points", "view_points/redemptions"):
            assert invoke(name, fill={"K-77": nobody})["statusCode"] == 404


def test_the_points_are_shown_as_the_contract_says(
    invoke: Invoke, launch: Launch, load: Load, deliver: Deliver
) -> None:
    launch()
    invoke("record_purchase/by_customer_number")
    deliver(happened("post_points/purchase_recorded"))
    invoke("adjust_points/add")
    shown = invoke("view_points/points")["json"]
    page = shown.pop("page_url")
    code = shown.pop("referral_code")
    assert page.startswith("https://crm.shop.example/points?token=")
    assert (len(code), code.isalnum(), code.upper()) == (8, True, code)
    by_order, by_staff = (last_day(months_after(month_of(shop_day(days)), 12)) for days in (-1, 0))
    expiring = {by_order: 0, by_staff: 0}
    expiring[by_order] += 199
    expiring[by_staff] += 250
    assert shown == {
        "customer_id": "K-77",
        "active": 250,
        "pending": 199,
        "pending_until": str(shop_day(13)),
        "spent": 0,
        "expired": 0,
        "negative": 0,
        "tier": "GREEN",
        "tier_ends_on": None,
        "qualifying_points": 199,
        "next_tier": "OOLONG",
        "points_to_next_tier": 101,
        "expiring": [{"at": str(day), "points": number} for day, number in sorted(expiring.items())],
    }


def test_what_has_expired_since_the_last_night_is_posted_when_it_is_looked_at(
    invoke: Invoke, launch: Launch, load: Load, contents: Contents
) -> None:
    launch(expiry_months=1)
    invoke("record_purchase/by_customer_number")
    past = clock.now() - timedelta(days=100)
    at = to_timestamp(past)
    bought = happened("post_points/purchase_recorded", occurred_at=at, ordered_at=at)
    earning.earn_order(bought, program_versions.all_versions(), ShopTime(past, BERLIN))
    lost = account_of("K-77").books.issued
    shown = invoke("view_points/points")["json"]
    assert (shown["active"], shown["pending"], shown["expired"], shown["expiring"]) == (0, 0, lost, [])
    (expired,) = facts_of("K-77", "PointsExpired")
    midnight = expired.occurred_at.astimezone(BERLIN)
    assert (midnight.day, midnight.hour, midnight.minute) == (1, 0, 0)
    assert month_of(midnight.date()) == months_after(month_of(past.astimezone(BERLIN).date()), 2)
    account_of("K-77")
    before = contents()
    invoke("view_points/points")
    assert contents() == before


def test_an_adjustment_is_made_once_for_each_key(invoke: Invoke, launch: Launch, contents: Contents) -> None:
    launch()
    invoke("record_purchase/by_customer_number")
    made = invoke("adjust_points/add")
    assert made["statusCode"] == 201
    assert made["json"] == {
        "adjustment_id": "ticket-4711",
        "customer_id": "K-77",
        "points": 250,
        "active": 250,
        "pending": 0,
        "negative": 0,
    }
    (fact,) = facts_of("K-77", "PointsAdjusted")
    assert (fact.data["operator"], "reason" in fact.data) == ("grace", False)
    shown = invoke("view_customer/timeline")["json"]["facts"]
    assert [fact["reason"] for fact in shown if fact["type"] == "PointsAdjusted"] == ["The parcel came two weeks late"]
    # A gift counts for no tier.
    assert (account_of("K-77").earned, account_of("K-77").books.adjusted) == ({}, 250)
    before = contents()
    again = invoke("adjust_points/add")
    assert (again["statusCode"], again["json"]) == (200, made["json"])
    for changes in ({"points": 251}, {"reason": "Other"}, {"operator": "ada"}):
        assert invoke("adjust_points/add", **changes)["statusCode"] == 409
    assert contents() == before
    assert invoke("adjust_points/add", idempotency_key="other")["statusCode"] == 201
    assert account_of("K-77").books.adjusted == 500


def test_an_adjustment_of_nobody_before_the_launch_or_by_nothing_is_refused(
    invoke: Invoke, launch: Launch, contents: Contents
) -> None:
    invoke("record_purchase/by_customer_number")
    assert invoke("adjust_points/add")["statusCode"] == 409
    launch()
    before = contents()
    assert invoke("adjust_points/add", fill={"K-77": "K-78"})["statusCode"] == 404
    for changes in ({"points": 0}, {"points": 1.5}, {"reason": " "}, {"operator": ""}, {"idempotency_key": ""}):
        assert invoke("adjust_points/add", **changes)["statusCode"] == 422
    assert contents() == before


def test_more_than_there_is_can_be_taken_only_where_the_programme_knows_debts(
    invoke: Invoke, launch: Launch, contents: Contents
) -> None:
    launch(negative_balance="WITHIN_BALANCE")
    invoke("record_purchase/by_customer_number")
    invoke("adjust_points/add", points=30)
    before = contents()
    refused = invoke("adjust_points/add", points=-100, idempotency_key="k")
    assert (refused["statusCode"], refused["json"]["missing"]) == (422, 70)
    assert contents() == before
    launch(negative_balance="UNLIMITED")
    taken = invoke("adjust_points/add", points=-100, idempotency_key="k")
    assert (taken["statusCode"], taken["json"]["active"], taken["json"]["negative"]) == (201, 0, 70)
    account_of("K-77")
    paid = invoke("adjust_points/add", points=100, idempotency_key="paid")
    assert (paid["json"]["active"], paid["json"]["negative"]) == (30, 0)
    assert account_of("K-77").books.balance == 30


def test_a_key_that_only_reads_gets_no_link_by_which_points_can_be_spent(
    invoke: Invoke, load: Load, launch: Launch
) -> None:
    launch()
    invoke("record_purchase/by_customer_number")
    event = load("view_points/points")
    assert invoke("view_points", event)["json"]["page_url"].startswith("https://crm.shop.example/points?token=")
    event["requestContext"]["authorizer"]["lambda"]["scopes"] = "customers:read"
    assert invoke("view_points", event)["json"]["page_url"] is None


def test_a_key_that_redeems_for_customers_may_not_adjust_what_they_have(
    invoke: Invoke, load: Load, launch: Launch, contents: Contents
) -> None:
    launch()
    invoke("record_purchase/by_customer_number")
    event, before = load("adjust_points/add"), contents()
    event["requestContext"]["authorizer"]["lambda"]["scopes"] = "customers:read points:write"
    refused = invoke("adjust_points", event)
    assert (refused["statusCode"], "points:adjust" in refused["body"]) == (403, True)
    assert contents() == before


def test_a_member_of_staff_is_named_by_an_id_and_not_by_a_name(invoke: Invoke, launch: Launch) -> None:
    launch()
    invoke("record_purchase/by_customer_number")
    for operator in ("Grace Hopper", "grace@example.com", "-grace", "g" * 61):
        assert invoke("adjust_points/add", operator=operator)["statusCode"] == 422
    assert invoke("adjust_points/add", operator="g" * 60)["statusCode"] == 201
