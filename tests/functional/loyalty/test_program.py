"""The loyalty programme and its rewards as data: launched, changed, and in force for what happens in its time."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.core.facts import Fact
from tests.frozen_clock import FrozenClock
from tests.functional.scenes import account_of, facts_of, shop_day

Load = Callable[..., dict[str, Any]]
Invoke = Callable[..., dict[str, Any]]
Contents = Callable[..., dict[str, list[dict[str, Any]]]]
Launch = Callable[..., None]
Deliver = Callable[..., None]


def with_body(event: dict[str, Any], body: object) -> dict[str, Any]:
    return {**event, "body": json.dumps(body)}


def test_before_the_launch_a_default_is_proposed_and_nothing_is_stored(invoke: Invoke, contents: Contents) -> None:
    answer = invoke("configure_loyalty/get_program")
    assert answer["statusCode"] == 200
    proposed = answer["json"]
    assert (proposed["version"], proposed["starts_at"]) == (0, None)
    assert [tier["threshold"] for tier in proposed["tiers"]] == [0, 500, 2_000]
    assert contents() == {"customers": [], "scorecards": []}


def test_what_was_proposed_can_be_put_and_is_launched_now(invoke: Invoke, load: Load, clock: FrozenClock) -> None:
    proposed = invoke("configure_loyalty/get_program")["json"]
    put = invoke("configure_loyalty", with_body(load("configure_loyalty/put_program"), proposed))["json"]
    assert put["version"] == 1
    assert put["starts_at"] == clock.timestamp
    changed = {name for name in put if put[name] != proposed[name]}
    assert changed == {"version", "starts_at", "published_at"}


def test_a_launch_keeps_what_it_says_and_gives_only_the_bonuses_that_it_names(invoke: Invoke, load: Load) -> None:
    sent = json.loads(load("configure_loyalty/put_program")["body"])
    put = invoke("configure_loyalty/put_program", starts_at="2026-11-01")["json"]
    assert (put["version"], put["starts_at"]) == (1, "2026-10-31T23:00:00.000Z")
    assert put["bonuses"] == {"PROFILE_COMPLETED": 0, "SURVEY_ANSWERED": 0, **sent["bonuses"]}
    assert [tier["percent"] for tier in put["tiers"]] == [100, 125, 150]
    assert put["multipliers"][0] == {**sent["multipliers"][0], "skus": []}
    assert {name: put[name] for name in ("rounding", "negative_balance", "pending_days")} == {
        "rounding": "NEAREST",
        "negative_balance": "UNLIMITED",
        "pending_days": 14,
    }
    assert invoke("configure_loyalty/get_program")["json"] == put


def test_putting_what_get_answered_and_the_same_content_again_make_no_new_version(
    invoke: Invoke, load: Load, launch: Launch, contents: Contents
) -> None:
    launch()
    before = contents()
    shown = invoke("configure_loyalty/get_program")["json"]
    again = invoke("configure_loyalty", with_body(load("configure_loyalty/put_program"), shown))
    assert (again["statusCode"], again["json"]) == (200, shown)
    launch()
    assert contents() == before


def test_a_change_makes_a_new_version_and_a_stale_change_is_refused(
    invoke: Invoke, launch: Launch, contents: Contents, clock: FrozenClock
) -> None:
    launch()
    clock.advance(minutes=1)
    second = invoke("configure_loyalty/put_program", points=2, version=1)["json"]
    assert second["version"] == 2
    assert second["starts_at"] == clock.timestamp
    stored = contents()
    stale = invoke("configure_loyalty/put_program", points=3, version=1)
    assert (stale["statusCode"], stale["json"]["version"]) == (409, 2)
    assert contents() == stored


def test_a_change_without_a_version_is_refused_once_there_is_one(
    invoke: Invoke, launch: Launch, contents: Contents
) -> None:
    launch()
    before = contents()
    refused = invoke("configure_loyalty/put_program", points=3)
    assert (refused["statusCode"], refused["json"]["version"]) == (409, 1)
    assert "send it as `version`" in refused["json"]["detail"]
    assert contents() == before


@pytest.mark.parametrize("name", ["configure_loyalty/put_program", "configure_surveys/put_survey"])
def test_a_put_without_a_body_changes_nothing(
    invoke: Invoke, launch: Launch, load: Load, contents: Contents, name: str
) -> None:
    launch()
    assert invoke("configure_surveys/put_survey")["statusCode"] == 200
    before = contents()
    event = {member: value for member, value in load(name).items() if member != "body"}
    refused = invoke(name.partition("/")[0], event)
    assert (refused["statusCode"], refused["json"]["detail"]) == (400, "the body is missing: send JSON")
    assert contents() == before


def test_the_time_of_publication_is_answered_and_cannot_be_set(invoke: Invoke, clock: FrozenClock) -> None:
    begun = clock.timestamp
    said = {"published_at": "2020-01-01T00:00:00Z", "starts_at": "2026-11-01"}
    first = invoke("configure_loyalty/put_program", **said)["json"]
    clock.advance(minutes=1)
    same = invoke("configure_loyalty/put_program", published_at="2021-01-01T00:00:00Z")["json"]
    second = invoke("configure_loyalty/put_program", points=2, version=1, **said)["json"]
    assert same == first
    assert (first["published_at"], second["published_at"]) == (begun, clock.timestamp)
    assert invoke("configure_loyalty/get_program")["json"] == second


def test_a_start_in_the_future_is_refused_for_a_launch_and_for_a_change(
    invoke: Invoke, launch: Launch, contents: Contents
) -> None:
    tomorrow = shop_day(2).isoformat()
    assert invoke("configure_loyalty/put_program", starts_at=tomorrow)["statusCode"] == 422
    assert contents() == {"customers": [], "scorecards": []}
    launch()
    before = contents()
    assert invoke("configure_loyalty/put_program", points=2, version=1, starts_at=tomorrow)["statusCode"] == 422
    assert contents() == before


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"points": 1.5}, "/points"),
        ({"per_amount": 0}, "/per_amount"),
        ({"rounding": "SOMETIMES"}, "/rounding"),
        ({"bonuses": {"MONDAY": 5}}, "/bonuses/MONDAY/[key]"),
        ({"bonuses": {"BIRTHDAY": -5}}, "/bonuses/BIRTHDAY"),
        ({"tiers": []}, "/tiers"),
        ({"tiers": [{"name": "green", "threshold": 0}]}, "/tiers/0/name"),
        ({"multipliers": [{"name": "x", "percent": 100, "ends_on": "someday"}]}, "/multipliers/0/ends_on"),
        ({"qualifying_months": 25}, "/qualifying_months"),
        ({"pendingdays": 1}, "/pendingdays"),
    ],
)
def test_a_member_that_is_wrong_is_pointed_at(invoke: Invoke, changes: dict[str, object], pointer: str) -> None:
    answer = invoke("configure_loyalty/put_program", **changes)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (422, "application/problem+json")
    assert pointer in [error["pointer"] for error in answer["json"]["errors"]]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"tiers": [{"name": "GREEN", "threshold": 5}]}, "tiers"),
        ({"tiers": [{"name": "GREEN", "threshold": 0}, {"name": "GREEN", "threshold": 5}]}, "tiers"),
        (
            {"tiers": [{"name": "A", "threshold": 0}, {"name": "B", "threshold": 9}, {"name": "C", "threshold": 5}]},
            "tiers",
        ),
        ({"pending_days": 60, "expiry_months": 2}, "pending_days"),
        ({"multipliers": [{"name": "x", "percent": 1, "starts_on": "2026-11-02", "ends_on": "2026-11-01"}]}, "multipl"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused_and_named(
    invoke: Invoke, contents: Contents, changes: dict[str, object], named: str
) -> None:
    answer = invoke("configure_loyalty/put_program", **changes)
    assert answer["statusCode"] == 422
    assert answer["json"]["detail"].startswith(named)
    assert contents() == {"customers": [], "scorecards": []}


def test_a_key_without_the_scope_is_refused(invoke: Invoke, load: Load, contents: Contents) -> None:
    for name in (
        "configure_loyalty/get_program",
        "configure_loyalty/put_program",
        "configure_loyalty/get_rewards",
        "configure_loyalty/put_reward",
        "view_points/points",
        "view_points/redemptions",
        "adjust_points/add",
        "redeem_reward/redeem",
        "redeem_reward/cancel",
        "start_settlement/start",
        "report_loyalty/get",
    ):
        event = load(name)
        event["requestContext"]["authorizer"]["lambda"]["scopes"] = "purchases:write rescorings:write"
        assert invoke(name, event)["statusCode"] == 403
    assert contents() == {"customers": [], "scorecards": []}


def bought(invoke: Invoke, order_id: str, days: int, total: int = 1_000) -> Fact:
    """The fact of an order without lines, so many days from today at noon."""
    day = f"{shop_day(days)}T12:00:00Z"
    price = {"total": total, "tax": 0, "shipping": 0}
    answer = invoke("record_purchase/by_customer_number", order_id=order_id, ordered_at=day, **price)
    assert answer["statusCode"] == 201
    return next(fact for fact in facts_of("K-77", "PurchaseRecorded") if fact.id == order_id)


def test_late_orders_earn_by_their_own_version_and_before_the_launch_nothing(
    invoke: Invoke, deliver: Deliver, clock: FrozenClock
) -> None:
    unheard = bought(invoke, "unheard", -20)
    deliver(unheard)
    clock.advance(minutes=1)
    launched = shop_day(-30).isoformat()
    invoke("configure_loyalty/put_program", starts_at=launched, multipliers=[])
    invoke("configure_loyalty/put_program", points=7, multipliers=[], version=1)
    deliver(unheard)
    assert account_of("K-77").version == 0
    early, middle = bought(invoke, "early", -40), bought(invoke, "middle", -20)
    deliver(early, middle)
    assert [(fact.id, fact.data["points"]) for fact in facts_of("K-77", "PointsEarned")] == [("middle", 10)]
    now = clock.now().isoformat()
    newest = invoke(
        "record_purchase/by_customer_number", order_id="new", ordered_at=now, total=1_000, tax=0, shipping=0
    )
    assert newest["statusCode"] == 201
    deliver(*facts_of("K-77", "PurchaseRecorded"))
    earned = {fact.id: fact.data["points"] for fact in facts_of("K-77", "PointsEarned")}
    assert earned == {"middle": 10, "new": 70}
    assert account_of("K-77").books.issued == 80


def test_a_promotion_counts_for_the_shops_days_its_last_one_included(
    invoke: Invoke, launch: Launch, deliver: Deliver
) -> None:
    promotion = {"name": "x", "percent": 300, "starts_on": str(shop_day(-3)), "ends_on": str(shop_day(-3))}
    launch(multipliers=[promotion])
    price = {"total": 1_000, "tax": 0, "shipping": 0}
    # Noon on either side of the day, and its first and last minute by the shop's clock.
    for order_id, at in {
        "before": f"{shop_day(-4)}T12:00:00",
        "first": f"{shop_day(-3)}T00:00:00",
        "last": f"{shop_day(-3)}T23:59:59",
        "after": f"{shop_day(-2)}T00:00:00",
    }.items():
        invoke("record_purchase/by_customer_number", order_id=order_id, ordered_at=at, **price)
    deliver(*facts_of("K-77", "PurchaseRecorded"))
    earned = {fact.id: fact.data["points"] for fact in facts_of("K-77", "PointsEarned")}
    assert earned == {"before": 10, "first": 30, "last": 30, "after": 10}


def test_a_reward_is_defined_shown_and_changed(invoke: Invoke, launch: Launch) -> None:
    launch()
    put = invoke("configure_loyalty/put_reward", ends_at="2999-01-01", tier="OOLONG")
    assert (put["statusCode"], put["json"]["left"], put["json"]["tier"]) == (200, 20, "OOLONG")
    assert put["json"]["ends_at"] == "2998-12-31T23:00:00.000Z"
    assert invoke("configure_loyalty/get_rewards")["json"] == {"rewards": [put["json"]]}
    changed = invoke("configure_loyalty/put_reward", cost=120)["json"]
    assert (changed["cost"], changed["ends_at"], changed["tier"]) == (120, None, None)
    assert invoke("configure_loyalty/get_rewards")["json"] == {"rewards": [changed]}


@pytest.mark.parametrize(
    "changes",
    [
        {"cost": 0},
        {"stock": -1},
        {"limit_per_customer": 0},
        {"tier": "DIAMOND"},
        {"starts_at": "2026-11-21", "ends_at": "2026-11-21"},
        {"price": 3},
    ],
)
def test_a_wrong_reward_is_refused(
    invoke: Invoke, launch: Launch, contents: Contents, changes: dict[str, object]
) -> None:
    launch()
    before = contents()
    assert invoke("configure_loyalty/put_reward", **changes)["statusCode"] == 422
    assert contents() == before


def test_a_reward_id_that_no_path_carries_is_refused(invoke: Invoke, load: Load) -> None:
    event = load("configure_loyalty/put_reward")
    for reward_id in ("a b", "é", "x" * 65, "", "a/b", ".a", "-a", "_a", "a\n"):
        event["pathParameters"] = {"reward_id": reward_id}
        assert invoke("configure_loyalty/put_reward", event)["statusCode"] == 422
