"""The loyalty programme over the deployed stack: one account in many hands, events in any order, the night."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.core import clock, dynamodb, fact_store
from shared.core.errors import Busy, Conflict
from shared.core.facts import Fact
from shared.core.months import month_of
from shared.core.shop_time import ShopTime
from shared.loyalty import points
from shared.loyalty.actions import configuring, posting, redeeming
from shared.loyalty.codes import new_voucher_code
from shared.loyalty.points import NotEnoughPoints
from shared.loyalty.program import Earning, Program, earned_by, given_back, granted
from shared.loyalty.reward import Reward
from shared.loyalty.store import accounts, catalogue, program_versions, vouchers
from shared.purchases import actions
from shared.purchases.purchase import Order, Product, Refund
from tests.e2e.conftest import Crm, eventually, link_in

BERLIN = ZoneInfo("Europe/Berlin")


def give(customer_id: str, number: int, *, expires: str | None = None) -> None:
    """Points without an order, active at once."""
    program, time = program_versions.latest(), ShopTime(clock.now(), BERLIN)
    assert program is not None
    today = time.today
    earning = granted(number, program, today, pending=False)
    if expires:
        earning = Earning(
            points=number, expires=expires, available_on=today, month=month_of(today), program_version=program.version
        )
    posting.change(
        customer_id,
        lambda account: points.earn(
            account,
            earning,
            program,
            fact_id=f"gift-{number}",
            occurred_at=time.now,
            time=time,
            data={"source": "ORDER", "order_id": "gift"},
        ),
    )


def at_the_same_instant(redeem: Callable[[int], object], times: int) -> list[object]:
    """The outcome, or the refusal; a Busy answer is tried again."""
    ready = Barrier(times)

    def run(number: int) -> object:
        ready.wait()
        while True:
            try:
                return redeem(number)
            except Busy:
                continue
            except (NotEnoughPoints, Conflict) as refused:
                return refused

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


@pytest.mark.usefixtures("store")
def test_sixty_four_redemptions_at_once_of_points_for_ten_give_ten_vouchers(crm: Crm) -> None:
    configuring.define_reward(Reward(reward_id="sticker", name="A sticker", cost=30))
    give("crowd", 10 * 30 + 29)

    def redeem(number: int) -> object:
        return redeeming.redeem("crowd", f"r{number}", "sticker", new_voucher_code(), ShopTime(clock.now(), BERLIN))

    outcomes = at_the_same_instant(redeem, 64)
    assert sum(isinstance(outcome, redeeming.Redeemed) for outcome in outcomes) == 10
    assert sum(isinstance(outcome, NotEnoughPoints) for outcome in outcomes) == 54
    issued = vouchers.list_of("crowd")
    assert len({voucher.code for voucher in issued}) == len(issued) == 10
    account = accounts.get("crowd")
    assert points.balance(account, clock.now().date()).active == 29
    rebuilt = points.account_from("crowd", fact_store.every("crowd"))
    assert (rebuilt.lots, rebuilt.books, rebuilt.entry) == (account.lots, account.books, account.entry)


@pytest.mark.usefixtures("store")
def test_the_last_piece_goes_to_exactly_one_of_many_customers(crm: Crm) -> None:
    configuring.define_reward(Reward(reward_id="last", name="The last cup", cost=10, stock=1))
    for number in range(16):
        give(f"rival-{number}", 10)

    def redeem(number: int) -> object:
        return redeeming.redeem(f"rival-{number}", "r", "last", new_voucher_code(), ShopTime(clock.now(), BERLIN))

    outcomes = at_the_same_instant(redeem, 16)
    assert sum(isinstance(outcome, redeeming.Redeemed) for outcome in outcomes) == 1
    spent = [accounts.get(f"rival-{number}").books.redeemed for number in range(16)]
    assert sorted(spent) == [0] * 15 + [10]
    left = catalogue.get("last")
    assert left is not None
    assert left.left == 0


def orders_and_refunds(customer_id: str) -> tuple[list[Order], list[Refund]]:
    """Twenty-four orders of the last weeks, some still pending, and refunds of all kinds of half of them."""
    dice, now = random.Random(11), clock.now()
    orders, refunds = [], []
    for number in range(24):
        cups, tea = dice.randint(1, 4), dice.randint(1, 3)
        goods = cups * 1_250 + tea * 990
        order = Order(
            order_id=f"{customer_id}-{number}",
            ordered_at=now - timedelta(days=60 - 2 * number, minutes=1),
            currency="EUR",
            total=goods - 100 + 490,
            shipping=490,
            discount=100,
            products=(
                Product(sku="cup", quantity=cups, price=1_250),
                Product(sku="tea", quantity=tea, price=990),
            ),
        )
        orders.append(order)
        wishes: list[tuple[str, int | None, dict[str, int]]] = []
        match number % 6:
            case 0:
                wishes.append(("all", order.total, {}))
            case 1:
                wishes += [("tea", None, {"tea": 1}), ("sum", 333, {})]
            case 2:
                rest = {sku: left for sku, left in (("tea", tea), ("cup", cups - 1)) if left}
                wishes += [("cup", None, {"cup": 1}), ("rest", None, rest)]
        at = order.ordered_at + timedelta(hours=5)
        for refund_id, amount, products in wishes:
            refunds.append(
                Refund(refund_id=refund_id, order_id=order.order_id, refunded_at=at, amount=amount, products=products)
            )
    return orders, refunds


def refunded_points(order: Order, earned: int, program: Program, happened: list[Fact]) -> int:
    """What all refunds of an order together take back, by its lines and not by the events."""
    backs = [f.data for f in happened if f.type == "PurchaseRefunded" and f.data["order_id"] == order.order_id]
    quantities: Counter[str] = Counter()
    for back in backs:
        quantities.update({line["sku"]: line["quantity"] for line in back.get("products", ())})
    return given_back(
        order,
        earned,
        program,
        order.ordered_at.astimezone(BERLIN).date(),
        quantities=quantities,
        amount=sum(back["amount"] for back in backs if "products" not in back),
        refunded=sum(back["amount"] for back in backs),
    )


def delivered(queue_url: str, aws: Callable[[str], Any], messages: list[Fact]) -> None:
    """Put facts on the queue of points as the bus does."""
    for fact in messages:
        body = {"detail-type": fact.type, "source": "regulars", "detail": fact_store.to_members(fact)}
        aws("sqs").send_message(QueueUrl=queue_url, MessageBody=json.dumps(body))


def in_the_queue(queue_url: str, aws: Callable[[str], Any]) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = aws("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(map(int, attributes.values()))


@pytest.mark.usefixtures("store")
def test_events_shuffled_and_repeated_give_the_same_account(crm: Crm, aws: Callable[[str], Any]) -> None:
    customer_id, now = "shuffled", clock.now()
    orders, refunds = orders_and_refunds(customer_id)
    for order in orders:
        actions.record_order(order, customer_id, None, ShopTime(now, BERLIN))
    for refund in refunds:
        assert actions.record_refund(refund, ShopTime(now, BERLIN)).status == "APPLIED"
    happened = [f for f in fact_store.every(customer_id) if f.type in ("PurchaseRecorded", "PurchaseRefunded")]
    assert len(happened) == len(orders) + len(refunds)

    # They reach the queue by the stream and the bus as well, at the same time.
    messages = (happened * 6)[: max(200, 4 * len(happened))]
    random.Random(5).shuffle(messages)
    delivered(crm.stack.points_queue_url, aws, messages)

    def posted() -> bool:
        ledger = [f for f in fact_store.every(customer_id) if "entry" in f.data]
        return len(ledger) == len(happened) and in_the_queue(crm.stack.points_queue_url, aws) == 0

    eventually(posted, seconds=180)
    account, today = accounts.get(customer_id), clock.now().astimezone(BERLIN).date()
    program = program_versions.latest()
    assert program is not None
    earned, taken_back, pending = 0, 0, 0
    for order in orders:
        # By the tier when it was placed, which was the first: all of this was posted just now.
        earning = earned_by(order, program, 100, order.ordered_at.astimezone(BERLIN).date())
        gone = refunded_points(order, earning.points, program, happened)
        earned += earning.points
        taken_back += gone
        pending += earning.points - gone if earning.available_on > today else 0
    expected = earned - taken_back
    balance = points.balance(account, today)
    assert (balance.active, balance.pending, balance.negative) == (expected - pending, pending, 0)
    assert (account.books.issued, account.books.refunded) == (earned, taken_back)
    rebuilt = points.account_from(customer_id, fact_store.every(customer_id))
    assert rebuilt == replace(account, version=0)


def points_of(crm: Crm, customer_id: str) -> dict[str, Any]:
    view: dict[str, Any] = crm.call("GET", f"/customers/{customer_id}/points").raise_for_status().json()
    return view


def confirm(crm: Crm, link: str) -> None:
    path, _, token = link.partition("?token=")
    assert crm.client.post(path, data={"token": token}).status_code == 200


def test_a_friend_is_referred_confirms_and_buys_and_both_are_rewarded(crm: Crm) -> None:
    confirm(crm, crm.sign_up("host@example.com"))
    host = crm.customer("host@example.com")["customer_id"]
    # The bonus of a signup is pending for as long as a purchase is.
    eventually(lambda: points_of(crm, host)["pending"] == 50)
    code = points_of(crm, host)["referral_code"]
    confirm(crm, crm.sign_up("guest@example.com", referral_code=code.lower()))
    order = {
        "order_id": "guest-1",
        "customer": {"email": "guest@example.com"},
        "ordered_at": clock.now().isoformat(),
        "currency": "EUR",
        "total": 2_000,
    }
    guest = crm.call("POST", "/purchases", json=order).raise_for_status().json()["customer_id"]
    eventually(lambda: points_of(crm, guest)["pending"] == 50 + 20 + 100)
    eventually(lambda: points_of(crm, host)["pending"] == 50 + 200)
    back = {"refund_id": "r", "refunded_at": clock.now().isoformat(), "amount": 2_000}
    assert crm.call("POST", "/purchases/guest-1/refunds", json=back).status_code == 201
    eventually(lambda: points_of(crm, guest)["pending"] == 50)
    eventually(lambda: points_of(crm, host)["pending"] == 50)


@pytest.mark.usefixtures("store")
def test_the_settlement_warns_by_mail_and_states_what_all_accounts_come_to(crm: Crm, aws: Callable[[str], Any]) -> None:
    email = "forgetful@example.com"
    confirm(crm, crm.sign_up(email))
    customer_id = crm.customer(email)["customer_id"]
    eventually(lambda: points_of(crm, customer_id)["pending"] == 50)
    give(customer_id, 70, expires=month_of(clock.now().astimezone(BERLIN).date()))

    before = len(crm.mails(email))
    for _ in range(2):
        started = crm.call("POST", "/loyalty/settlements")
        assert started.status_code == 202
        settlement_id = started.json()["settlement_id"]

        def report(settlement_id: str = settlement_id) -> dict[str, Any] | None:
            answer = crm.call("GET", "/reports/loyalty")
            answered: dict[str, Any] = answer.json()
            return answered if answer.status_code == 200 and answered["settlement_id"] == settlement_id else None

        stated = eventually(report, seconds=120)
    # The subject distinguishes this mail from the confirmation; the second settlement sent none.
    (mail,) = eventually(lambda: crm.mails(email)[before:])
    assert "70 points expire" in mail.subject
    behind = crm.client.get(link_in(mail))
    assert behind.status_code == 200
    assert re.search(r"\b70\b", behind.text)
    assert re.search(r"\b50\b", behind.text)

    scan = aws("dynamodb").get_paginator("scan").paginate
    items = [dynamodb.unpack(item) for page in scan(TableName=crm.stack.customers_table) for item in page["Items"]]
    cards = {item["customer_id"]["S"] for page in scan(TableName=crm.stack.scorecards_table) for item in page["Items"]}
    all_accounts = [accounts.ACCOUNTS.entity(item) for item in items if item["sk"] == "POINTS"]
    # Accounts that a test made by hand have no scorecard.
    reported = [account for account in all_accounts if account.customer_id in cards]
    assert stated["unbalanced"] == 0
    assert stated["outstanding"] == sum(account.books.balance for account in reported)
    assert stated["outstanding"] == sum(sum(account.lots.values()) - account.negative for account in reported)
    assert stated["issued"] == sum(account.books.issued for account in reported)
    assert (
        sum(tier["outstanding"] for tier in stated["tiers"]) == stated["outstanding"] == stated["months"][0]["closing"]
    )
