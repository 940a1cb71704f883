"""Redemptions by the shop and on the customer's own page: vouchers, stock, limits, and all of it given back."""

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from shared.core import clock
from shared.core.facts import to_timestamp
from shared.edge.tokens import Purpose, sign
from shared.loyalty.links import points_path
from shared.loyalty.store import catalogue, vouchers
from tests.frozen_clock import FrozenClock
from tests.functional.scenes import account_of, change_program, facts_of, happened, heard_now, shop_day

Load = Callable[..., dict[str, Any]]
Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Launch = Callable[..., None]

REDEEM = "redeem_reward/redeem"
OTHER = {"K-77": "K-78", "#1002": "#1003"}


@pytest.fixture
def funded(invoke: Invoke, launch: Launch) -> None:
    """A customer with 250 points to spend, and a reward for 100 of which there are 20, 2 for each customer."""
    launch()
    invoke("record_purchase/by_customer_number")
    assert invoke("adjust_points/add")["statusCode"] == 201
    assert invoke("configure_loyalty/put_reward")["statusCode"] == 200


def left() -> int | None:
    reward = catalogue.get("tea-tin")
    assert reward is not None
    return reward.left


def redeemed(invoke: Invoke, **changes: object) -> int:
    status: int = invoke(REDEEM, **changes)["statusCode"]
    return status


def test_points_become_a_voucher(invoke: Invoke, funded: None) -> None:
    answer = invoke(REDEEM)
    assert answer["statusCode"] == 201
    voucher = answer["json"]
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}", voucher["code"])
    assert {name: voucher[name] for name in ("redemption_id", "customer_id", "reward_id", "points", "status")} == {
        "redemption_id": "basket-99",
        "customer_id": "K-77",
        "reward_id": "tea-tin",
        "points": 100,
        "status": "ISSUED",
    }
    assert invoke("view_points/redemptions")["json"] == {"redemptions": [voucher]}
    (fact,) = facts_of("K-77", "PointsRedeemed")
    assert (fact.data["points"], fact.data["balance"], fact.data["code"]) == (-100, 150, voucher["code"])
    assert (account_of("K-77").books.redeemed, left()) == (100, 19)


def test_the_same_key_is_the_same_voucher_and_with_another_reward_a_conflict(
    invoke: Invoke, funded: None, contents: Contents
) -> None:
    first = invoke(REDEEM)["json"]
    invoke("configure_loyalty/put_reward", fill={"tea-tin": "mug"})
    before = contents()
    again = invoke(REDEEM)
    assert (again["statusCode"], again["json"]) == (200, first)
    assert redeemed(invoke, reward_id="mug") == 409
    assert contents() == before


def test_too_few_points_are_refused_with_how_many_are_missing(invoke: Invoke, funded: None, contents: Contents) -> None:
    invoke("configure_loyalty/put_reward", cost=251)
    before = contents()
    refused = invoke(REDEEM)
    assert (refused["statusCode"], refused["json"]["missing"]) == (422, 1)
    assert contents() == before


def test_points_that_are_pending_cannot_be_spent(invoke: Invoke, launch: Launch) -> None:
    launch()
    invoke("post_points/purchase_recorded", fill={**heard_now(), "2026-11-20": str(shop_day())})
    invoke("configure_loyalty/put_reward")
    assert account_of("K-77").books.balance > 100
    assert invoke(REDEEM)["json"]["missing"] == 100


def test_the_last_piece_goes_to_one_customer(invoke: Invoke, funded: None, contents: Contents) -> None:
    invoke("configure_loyalty/put_reward", stock=1)
    invoke("record_purchase/by_customer_number", fill=OTHER, customer={"customer_id": "K-78"}, order_id="#1003")
    invoke("adjust_points/add", fill=OTHER)
    assert redeemed(invoke) == 201
    before = contents()
    refused = invoke(REDEEM, fill=OTHER)
    assert (refused["statusCode"], refused["json"]["detail"]) == (409, "A tin of Assam is out of stock")
    assert contents() == before
    assert invoke("redeem_reward/cancel")["statusCode"] == 200
    assert invoke(REDEEM, fill=OTHER)["statusCode"] == 201
    assert left() == 0


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"starts_at": "2999-01-01"}, "A tin of Assam is not offered yet"),
        ({"ends_at": "2026-11-01"}, "A tin of Assam is no longer offered"),
        ({"tier": "OOLONG"}, "A tin of Assam is for the tier OOLONG"),
        ({"stock": 0}, "A tin of Assam is out of stock"),
    ],
)
def test_a_reward_that_is_not_on_offer_is_refused(
    invoke: Invoke, funded: None, contents: Contents, changes: dict[str, object], detail: str
) -> None:
    invoke("configure_loyalty/put_reward", **changes)
    before = contents()
    refused = invoke(REDEEM)
    assert (refused["statusCode"], refused["json"]["detail"]) == (409, detail)
    assert contents() == before


def test_a_reward_of_a_tier_is_for_that_tier_and_higher_ones(invoke: Invoke, funded: None) -> None:
    invoke("configure_loyalty/put_reward", tier="OOLONG")
    assert redeemed(invoke) == 409
    tiers = [{"name": "GREEN", "threshold": 0}, {"name": "OOLONG", "threshold": 10}, {"name": "BLACK", "threshold": 20}]
    change_program(invoke, tiers=tiers)
    invoke("post_points/purchase_recorded", fill={**heard_now(), "2026-11-20": str(shop_day())})
    assert account_of("K-77").tier == "BLACK"
    assert redeemed(invoke) == 201


def test_a_customer_may_take_as_many_as_the_limit_and_another_after_a_cancellation(
    invoke: Invoke, funded: None
) -> None:
    invoke("configure_loyalty/put_reward", limit_per_customer=1)
    assert redeemed(invoke) == 201
    refused = invoke(REDEEM, idempotency_key="second")
    assert (refused["statusCode"], refused["json"]["limit_per_customer"]) == (409, 1)
    invoke("redeem_reward/cancel")
    assert redeemed(invoke, idempotency_key="second") == 201


def test_unknown_customers_and_rewards_are_not_found(invoke: Invoke, funded: None, contents: Contents) -> None:
    before = contents()
    assert redeemed(invoke, reward_id="unknown") == 404
    assert redeemed(invoke, fill={"K-77": "K-78"}) == 404
    for name in ("redeem_reward/cancel", REDEEM):
        assert invoke(name, fill={"K-77": "x" * 65})["statusCode"] == 404
    assert invoke("redeem_reward/cancel")["statusCode"] == 404
    assert invoke("redeem_reward/cancel", fill={"basket-99": "x" * 65})["statusCode"] == 404
    for changes in ({"idempotency_key": "a b\n"}, {"idempotency_key": ""}, {"reward_id": "../x"}, {"points": 1}):
        assert redeemed(invoke, **changes) == 422
    assert contents() == before


def test_cancelling_gives_points_and_stock_back_once(invoke: Invoke, funded: None, contents: Contents) -> None:
    before = account_of("K-77")
    invoke(REDEEM)
    cancelled = invoke("redeem_reward/cancel")
    assert (cancelled["statusCode"], cancelled["json"]["status"]) == (200, "CANCELLED")
    account = account_of("K-77")
    assert (account.lots, account.books.redeemed, left()) == (before.lots, 0, 20)
    stored = contents()
    assert invoke("redeem_reward/cancel")["json"] == cancelled["json"]
    again = invoke(REDEEM)
    assert (again["statusCode"], again["json"]["status"]) == (200, "CANCELLED")
    assert contents() == stored


def test_changing_a_reward_keeps_the_count_of_those_that_are_taken(invoke: Invoke, funded: None) -> None:
    invoke(REDEEM)
    assert invoke("configure_loyalty/put_reward", stock=30, cost=5)["json"]["left"] == 29
    assert invoke("configure_loyalty/put_reward", stock=None)["json"]["left"] is None
    # One that was taken while there was no end of them is not counted, and gives nothing back to the stock.
    assert redeemed(invoke, idempotency_key="uncounted") == 201
    assert invoke("configure_loyalty/put_reward", stock=1)["json"]["left"] == 0
    invoke("redeem_reward/cancel", fill={"basket-99": "uncounted"})
    assert left() == 0
    invoke("redeem_reward/cancel")
    assert left() == 1


def token_of(customer_id: str = "K-77", hours: int = 1, purpose: Purpose = Purpose.POINTS) -> str:
    return sign(purpose, {"customer": customer_id}, clock.now() + timedelta(hours=hours))


def press(invoke: Invoke, load: Load, **fields: str) -> dict[str, Any]:
    """The button of the event's form, with these fields changed."""
    event = load("show_points_page/redeem", fill={"TOKEN": token_of()})
    sent = {name: values[0] for name, values in parse_qs(base64.b64decode(event["body"]).decode()).items()}
    body = urlencode({**sent, **fields})
    return invoke("show_points_page", {**event, "body": base64.b64encode(body.encode()).decode()})


def test_the_page_shows_points_rewards_and_history_and_changes_nothing(
    invoke: Invoke, funded: None, contents: Contents
) -> None:
    url = invoke("view_points/points")["json"]["page_url"]
    before = contents()
    for token in (url.partition("token=")[2], token_of()):
        shown = invoke("show_points_page/get", fill={"TOKEN": token})
        assert (shown["statusCode"], shown["headers"]["content-type"]) == (200, "text/html; charset=utf-8")
        for text in ("<strong>250</strong> points to spend", "Green", "A tin of Assam", "20 left", "Adjusted by us"):
            assert text in shown["body"]
    assert contents() == before


def test_a_token_that_is_forged_expired_or_for_something_else_opens_nothing(
    invoke: Invoke, funded: None, contents: Contents
) -> None:
    tokens = {
        token_of()[:-2] + "xx": 400,
        token_of(hours=-1): 410,
        token_of(purpose=Purpose.PREFERENCES): 400,
        token_of(purpose=Purpose.UNSUBSCRIBE): 400,
        token_of("K-78"): 400,
        "": 400,
    }
    before = contents()
    for token, status in tokens.items():
        for name in ("show_points_page/get", "show_points_page/redeem"):
            answer = invoke(name, fill={"TOKEN": token})
            assert (answer["statusCode"], "250" in answer["body"]) == (status, False)
    assert contents() == before


def test_the_button_redeems_once_for_the_same_form(invoke: Invoke, funded: None, load: Load) -> None:
    first, second = (press(invoke, load) for _ in range(2))
    (voucher,) = vouchers.list_of("K-77")
    for answer in (first, second):
        assert answer["statusCode"] == 200
        assert voucher.code in answer["body"]
        assert "<strong>150</strong> points to spend" in answer["body"]
    assert (account_of("K-77").books.redeemed, left()) == (100, 19)
    press(invoke, load, redemption_id="another")
    assert (account_of("K-77").books.redeemed, left()) == (200, 18)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reward_id": "dear"}, "750 points are missing"),
        ({"reward_id": "gone"}, "There is no reward gone."),
        ({"reward_id": ""}, "The form was changed on its way."),
        ({"redemption_id": "a-b"}, "The form was changed on its way."),
        ({"redemption_id": "x" * 65}, "The form was changed on its way."),
    ],
)
def test_a_refusal_is_said_on_the_page_and_nothing_is_spent(
    invoke: Invoke, funded: None, load: Load, contents: Contents, fields: dict[str, str], said: str
) -> None:
    invoke("configure_loyalty/put_reward", fill={"tea-tin": "dear"}, cost=1_000)
    invoke("view_points/points")
    before = contents()
    answer = press(invoke, load, **fields)
    assert (answer["statusCode"], said in answer["body"]) == (422, True)
    assert "<strong>250</strong> points to spend" in answer["body"]
    assert contents() == before


def test_a_voucher_that_was_cancelled_is_not_shown_again_as_new(invoke: Invoke, funded: None, load: Load) -> None:
    press(invoke, load)
    (voucher,) = vouchers.list_of("K-77")
    assert invoke("redeem_reward/cancel", fill={"basket-99": voucher.redemption_id})["statusCode"] == 200
    again = press(invoke, load)
    assert (again["statusCode"], voucher.code in again["body"]) == (422, False)
    assert (account_of("K-77").books.redeemed, left()) == (0, 20)


def test_the_same_form_with_another_button_is_another_voucher(
    invoke: Invoke, funded: None, load: Load, contents: Contents, clock: FrozenClock
) -> None:
    """Who goes back in the browser and presses another button gets the other reward, too."""
    invoke("configure_loyalty/put_reward", fill={"tea-tin": "mug"}, name="A mug", cost=90)
    press(invoke, load)
    clock.advance(seconds=5)
    answer = press(invoke, load, reward_id="mug")
    mug, tin = vouchers.list_of("K-77")
    assert (mug.reward_id, tin.reward_id) == ("mug", "tea-tin")
    assert (answer["statusCode"], mug.code in answer["body"]) == (200, True)
    assert account_of("K-77").books.redeemed == 190
    before = contents()
    for reward_id, voucher in (("tea-tin", tin), ("mug", mug)):
        assert voucher.code in press(invoke, load, reward_id=reward_id)["body"]
    assert contents() == before


def test_vouchers_of_the_page_have_ids_that_no_form_and_no_shop_has_chosen(
    invoke: Invoke, funded: None, load: Load, clock: FrozenClock
) -> None:
    form = "5f0a9c1be2d84d0b9a7c3e6f12345678"
    assert redeemed(invoke, idempotency_key=form) == 201
    clock.advance(minutes=1)
    press(invoke, load, redemption_id=form)
    by_page, by_shop = vouchers.list_of("K-77")
    assert (by_shop.redemption_id, by_page.redemption_id == form) == (form, False)
    assert re.fullmatch("page-[0-9a-f]{32}", by_page.redemption_id)


def test_a_key_that_only_reads_sees_no_code_of_a_voucher(invoke: Invoke, funded: None, load: Load) -> None:
    voucher = invoke(REDEEM)["json"]
    invoke("redeem_reward/cancel")
    for name, may_write in (("view_points/redemptions", True), ("view_customer/timeline", False)):
        event = load(name)
        event["queryStringParameters"] = {"limit": "100"}
        lambda_authorizer = event["requestContext"]["authorizer"]["lambda"]
        assert ("points:write" in lambda_authorizer["scopes"]) == may_write
        for scopes in ("customers:read", "customers:read points:adjust", "customers:read points:write"):
            lambda_authorizer["scopes"] = scopes
            answer = invoke(name, event)
            assert (answer["statusCode"], voucher["code"] in answer["body"]) == (200, scopes.endswith("points:write"))
    event = load("view_points/redemptions")
    event["requestContext"]["authorizer"]["lambda"]["scopes"] = "customers:read"
    (shown,) = invoke("view_points/redemptions", event)["json"]["redemptions"]
    assert (shown["redemption_id"], shown["status"], shown["code"]) == ("basket-99", "CANCELLED", None)


def test_cancelling_a_voucher_takes_back_what_a_refund_was_forgiven(
    invoke: Invoke, launch: Launch, deliver: Callable[..., None]
) -> None:
    launch(pending_days=0, negative_balance="WITHIN_BALANCE")
    invoke("record_purchase/by_customer_number")
    invoke("configure_loyalty/put_reward", cost=199)
    deliver(happened("post_points/purchase_recorded"))
    assert redeemed(invoke) == 201
    deliver(happened("post_points/purchase_refunded", products=[], amount=15_900, whole=True))
    assert (account_of("K-77").forgiven, account_of("K-77").books.balance) == (199, 0)
    for status in (200, 200):
        assert invoke("redeem_reward/cancel")["statusCode"] == status
        account = account_of("K-77")
        assert (account.lots, account.negative, account.forgiven, account.books.balance) == ({}, 0, 0, 0)
        assert (account.books.redeemed, account.books.refunded) == (0, 199)
    page = invoke("show_points_page/get", fill={"TOKEN": token_of()})["body"]
    assert ("<strong>0</strong> points to spend" in page, "Earlier refund" in page) == (True, True)
    assert redeemed(invoke, idempotency_key="again") == 422


@pytest.mark.parametrize(
    ("threshold", "tier", "next_tier", "earned"), [(199, "DRAGON", None, 598), (398, "GREEN", "DRAGON", 199)]
)
def test_a_tier_that_is_renamed_while_it_has_holders_and_rewards(
    invoke: Invoke,
    launch: Launch,
    deliver: Callable[..., None],
    threshold: int,
    tier: str,
    next_tier: str | None,
    earned: int,
) -> None:
    green = {"name": "GREEN", "threshold": 0}
    launch(pending_days=0, tiers=[green, {"name": "OOLONG", "threshold": 199, "percent": 200}])
    invoke("record_purchase/by_customer_number")
    invoke("configure_loyalty/put_reward", tier="OOLONG")
    deliver(happened("post_points/purchase_recorded"))
    assert redeemed(invoke, idempotency_key="first") == 201
    launch(pending_days=0, tiers=[green, {"name": "DRAGON", "threshold": threshold, "percent": 300}])
    # The reward is nobody's now; the customer has the tier that their points reach.
    refused = invoke(REDEEM)
    assert (refused["statusCode"], refused["json"]["tier"]) == (409, "OOLONG")
    shown = invoke("view_points/points")["json"]
    assert (shown["tier"], shown["next_tier"]) == (tier, next_tier)
    page = invoke("show_points_page/get", fill={"TOKEN": token_of()})["body"]
    assert (tier.title() in page, "For Oolong members." in page) == (True, True)
    now = to_timestamp(clock.now())
    # 154.00 · 220.00 / 170.00, three times or once.
    deliver(happened("post_points/purchase_recorded", id="next", order_id="next", occurred_at=now, ordered_at=now))
    assert [fact.data["points"] for fact in facts_of("K-77", "PointsEarned")] == [199, earned]
    assert invoke("configure_loyalty/put_reward", tier="OOLONG")["statusCode"] == 422
    assert invoke("configure_loyalty/put_reward", tier="DRAGON")["statusCode"] == 200
    # Both orders reach it, by either threshold.
    assert redeemed(invoke) == 201


def test_what_staff_have_typed_is_shown_and_never_run(invoke: Invoke, funded: None, load: Load) -> None:
    hostile = '"><script>alert(1)</script>'
    invoke("configure_loyalty/put_reward", name=hostile, description=hostile)
    for answer in (invoke("show_points_page/get", fill={"TOKEN": token_of()}), press(invoke, load)):
        assert answer["statusCode"] == 200
        assert "&lt;script&gt;alert(1)" in answer["body"]
        assert "<script>alert" not in answer["body"]


def test_before_the_launch_the_page_is_not_there(invoke: Invoke) -> None:
    invoke("record_purchase/by_customer_number")
    path = points_path("K-77", 0, clock.now() + timedelta(hours=1))
    answer = invoke("show_points_page/get", fill={"TOKEN": path.partition("token=")[2]})
    assert answer["statusCode"] == 400
