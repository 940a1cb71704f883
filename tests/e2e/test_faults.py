"""A day of a shop on an AWS that throttles, fails, loses answers and kills workers: afterwards the books are exact."""

import json
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import pytest
from typer.testing import CliRunner

from cli.deployment import connect
from cli.main import app
from cli.queues import command
from cli.queues.pairs import pairs
from shared.core import clock, fact_store
from shared.core.facts import Fact
from shared.loyalty import points
from shared.loyalty.program import Bonus, Program, earned_by, given_back, points_for_answer
from shared.loyalty.store import accounts, program_versions, vouchers
from shared.purchases.purchase import Order
from shared.scorecards.scorecard import scorecard_from
from shared.scorecards.store import cards
from tests.e2e.conftest import Crm, Mail, eventually, kill, link_in, workers

# A dozen take about a minute on two cores; some hundreds are a test for an evening.
CUSTOMERS: Final = int(os.environ.get("FAULTED_CUSTOMERS", "12"))
SECONDS: Final = 60 + 4 * CUSTOMERS
SEED: Final = 11
BERLIN: Final = ZoneInfo("Europe/Berlin")
# Some messages are in flight when their worker dies; with the deployed three minutes the test would wait for those.
VISIBILITY_SECONDS: Final = 6
KILL_EVERY_SECONDS: Final = 1.0
# A worker is given this long: killed before it has started, it would never do anything, and so would the next.
WORKER_LIVES_SECONDS: Final = 4.0
REWARD_COST: Final = 30
SURVEY_POINTS: Final = 15
RULES: Final = {"cooldown_days": 30, "quiet_from": 0, "quiet_until": 0, "recovery_after_days": 0, "owner": "grace"}
SURVEY: Final = {"trigger": "PURCHASE", "days_after": 0, "points": SURVEY_POINTS, "anonymous_per_day": 2}
FAULTS: Final = [
    {"service": service, "fault": fault, "probability": probability}
    for service, probability in (("dynamodb", 0.015), ("ses", 0.06), ("sqs", 0.03), ("events", 0.05), ("s3", 0.02))
    for fault in ("throttled", "failed", "lost")
]

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Shopper:
    """What a customer does, and so what the books have to say."""

    number: int
    began: datetime

    @property
    def email(self) -> str:
        return f"faulted-{self.number}@example.com"

    @property
    def orders(self) -> list[Order]:
        return [
            Order(
                order_id=f"faulted-{self.number}-{nth}",
                ordered_at=self.began - timedelta(hours=9 - nth),
                currency="EUR",
                total=2_000 + 100 * nth + self.number,
            )
            for nth in range(4)
        ]

    @property
    def refunds(self) -> dict[str, int]:
        """Amounts by order: a part of the first, and of every third customer the whole of the second."""
        first, second = self.orders[:2]
        return {first.order_id: 300} | ({second.order_id: second.total} if self.number % 3 == 0 else {})

    @property
    def score(self) -> int:
        return 10 if self.number % 2 else 2


@dataclass
class Outcome:
    """What happened meanwhile: the workers that were killed by function, the answers that asked to try again."""

    killed: Counter[str] = field(default_factory=Counter)
    retried: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def bus(crm: Crm, aws: Callable[[str], Any]) -> Iterator[Callable[[], set[Key]]]:
    """A queue that hears every fact; a call takes what came, and answers with all so far."""
    sqs, events = aws("sqs"), aws("events")
    url = sqs.create_queue(QueueName="hears-everything")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    of_bus = {"EventBusName": crm.stack.bus_name}
    events.put_rule(Name="hears-everything", EventPattern=json.dumps({"source": ["regulars"]}), **of_bus)
    events.put_targets(Rule="hears-everything", Targets=[{"Id": "1", "Arn": arn}], **of_bus)
    heard: set[Key] = set()

    def listen() -> set[Key]:
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            heard.update(_key(json.loads(message["Body"])["detail"]) for message in messages)
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return heard

    yield listen
    events.remove_targets(Rule="hears-everything", Ids=["1"], **of_bus)
    events.delete_rule(Name="hears-everything", **of_bus)
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def impatient_queues(crm: Crm, aws: Callable[[str], Any]) -> Iterator[None]:
    """Messages whose worker died are received again after seconds."""
    sqs = aws("sqs")
    urls = [sqs.get_queue_url(QueueName=pair.queue("local"))["QueueUrl"] for pair in pairs().values() if pair.has_queue]
    names = ["VisibilityTimeout"]
    before = {url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls}
    for url in urls:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)})
    yield
    for url, attributes in before.items():
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": attributes["VisibilityTimeout"]})


@pytest.mark.usefixtures("store", "impatient_queues")
def test_an_aws_that_fails_and_workers_that_die_leave_exact_books(
    crm: Crm,
    aws: Callable[[str], Any],
    bus: Callable[[], set[Key]],
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crm.call("PUT", "/nps/rules", json=RULES).raise_for_status()
    crm.call("PUT", "/nps/surveys/after-purchase", json=SURVEY).raise_for_status()
    crm.call("PUT", "/loyalty/rewards/faulted", json={"name": "A card", "cost": REWARD_COST}).raise_for_status()
    shoppers, outcome = [Shopper(number, clock.now()) for number in range(CUSTOMERS)], Outcome()

    with _disturbed(crm, outcome), ThreadPoolExecutor(6) as pool:
        customers = dict(zip(shoppers, pool.map(lambda who: _shop(crm, aws, outcome, who), shoppers), strict=True))
        _insist(crm, outcome, "POST", "/nps/invitations")
        answered = _answer(crm, outcome, shoppers, pool)
    injected = crm.client.get(f"{crm.stack.proxy_url}/_faults").json()["injected"]
    print(f"killed {dict(outcome.killed)}, injected {injected}, retried {dict(outcome.retried)}")

    _insist(crm, outcome, "POST", "/nps/invitations")
    redriven = _settle(aws, state, monkeypatch)
    print(f"redriven {redriven}")
    assert outcome.killed.total() >= 5
    assert {name.partition(".")[0] for name in injected} >= {"dynamodb", "ses"}
    assert {name.partition(" ")[2] for name in injected} == {"throttled", "failed", "lost"}

    facts = {who: fact_store.every(customer_id) for who, customer_id in customers.items()}
    written = {_key(fact_store.to_members(fact)) for happened in facts.values() for fact in happened}
    eventually(lambda: bus() >= written, SECONDS)
    assert not written - _logged(aws)
    mails = crm.all_mails()
    program = program_versions.latest()
    assert program is not None
    for who, customer_id in customers.items():
        _check_purchases(crm, who, customer_id, facts[who])
        _check_points(who, customer_id, facts[who], program, is_answered=who.email in answered)
        _check_mails(who, facts[who], [mail for mail in mails if mail.to == who.email])
    _check_survey(facts, answered, mails, crm)


def _shop(crm: Crm, aws: Callable[[str], Any], outcome: Outcome, who: Shopper) -> str:
    """Sign up, confirm, buy, return and redeem, each of it more than once; the customer's id."""
    insist = partial(_insist, crm, outcome)
    signup = {"email": who.email, "name": "Ada", "consent": True, "consent_text": "v1", "source": "e2e"}
    assert insist("POST", "/signups", key=None, json=signup).status_code == 202
    link = link_in(eventually(lambda: crm.mails(who.email), SECONDS)[0])
    path, token = link.removeprefix(crm.stack.api_url).partition("?")[0], link.partition("token=")[2]
    assert insist("POST", path, key=None, data={"token": token}).status_code == 200

    customer_id = ""
    by_queue: list[dict[str, object]] = []
    for nth, order in enumerate(who.orders):
        body = {
            "order_id": order.order_id,
            "customer": {"email": who.email},
            "ordered_at": order.ordered_at.isoformat(),
            "currency": order.currency,
            "total": order.total,
        }
        if nth % 2:
            by_queue += [body, body]
        for _ in range(0 if nth % 2 else 2):
            answer = insist("POST", "/purchases", json=body)
            assert answer.status_code in (200, 201), answer.text
            customer_id = answer.json()["customer_id"]
    for nth, (order_id, amount) in enumerate(who.refunds.items()):
        refund = {"refund_id": "r", "refunded_at": who.began.isoformat(), "amount": amount}
        # Of the second order always: it may come before its order, which is in the queue as well.
        if nth or who.number % 2:
            by_queue += [{"order_id": order_id, **refund}] * 2
        for _ in range(0 if nth or who.number % 2 else 2):
            answer = insist("POST", f"/purchases/{order_id}/refunds", json=refund)
            assert answer.status_code in (200, 201), answer.text
    random.Random(who.number).shuffle(by_queue)
    for message in by_queue:
        aws("sqs").send_message(QueueUrl=crm.stack.purchases_queue_url, MessageBody=json.dumps(message))

    path = f"/customers/{customer_id}"
    # Bonuses and orders of today are pending; staff give what can be spent at once.
    gift = {"idempotency_key": "gift", "points": REWARD_COST, "reason": "goodwill", "operator": "grace"}
    for _ in range(2):
        given = insist("POST", f"{path}/points/adjustments", json=gift)
        assert given.status_code in (200, 201), given.text
    redemption = {"idempotency_key": "once", "reward_id": "faulted"}
    codes = {insist("POST", f"{path}/redemptions", json=redemption).json()["code"] for _ in range(2)}
    assert len(codes) == 1
    return customer_id


def _answer(crm: Crm, outcome: Outcome, shoppers: list[Shopper], pool: ThreadPoolExecutor) -> set[str]:
    """Answer each survey twice that comes in time; the addresses of those who answered."""
    answered: set[str] = set()
    scores = {who.email: who.score for who in shoppers}

    def answer(mail: Mail) -> None:
        link = re.search(r'href="(http[^"]+)\?score=', mail.html)
        assert link
        path = link[1].removeprefix(crm.stack.api_url)
        for _ in range(2):
            sent = _insist(crm, outcome, "POST", path, key=None, data={"score": str(scores[mail.to])})
            assert sent.status_code == 200, sent.text

    # Of some the answer of SES was lost or never came: they have no mail, and it is not sent again.
    end = time.monotonic() + 20 + CUSTOMERS / 4
    while time.monotonic() < end and len(answered) < CUSTOMERS:
        mails = [mail for mail in crm.all_mails() if mail.template == "survey_invitation"]
        new = [mail for mail in mails if mail.to in scores and mail.to not in answered]
        list(pool.map(answer, new))
        answered |= {mail.to for mail in new}
        time.sleep(0.5)
    return answered


def _insist(
    crm: Crm, outcome: Outcome, method: str, path: str, *, key: str | None = "own", **kwargs: Any
) -> httpx.Response:
    """A request, again while the answer asks for that or is lost, as a client should."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            answer = crm.call(method, path, key=key, **kwargs)
            if answer.status_code < 500 and answer.status_code != 429:
                return answer
            reason = str(answer.status_code)
        except httpx.TransportError as error:
            reason = type(error).__name__
        assert time.monotonic() < end, f"{method} {path}: {reason}"
        outcome.retried[reason] += 1
        time.sleep(0.2)


@contextmanager
def _disturbed(crm: Crm, outcome: Outcome) -> Iterator[None]:
    """Faults of AWS, and about every second the death of a worker."""
    over, dice = threading.Event(), random.Random(SEED)

    def disturb() -> None:
        since: dict[int, float] = {}
        while not over.wait(KILL_EVERY_SECONDS):
            running, now = workers(crm.stack), time.monotonic()
            since = {worker: since.get(worker, now) for worker in running}
            if old := sorted(worker for worker in running if now - since[worker] >= WORKER_LIVES_SECONDS):
                worker = dice.choice(old)
                kill(worker)
                outcome.killed[running[worker]] += 1

    url, killer = f"{crm.stack.proxy_url}/_faults", threading.Thread(target=disturb)
    crm.client.put(url, json={"seed": SEED, "rules": FAULTS}).raise_for_status()
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()
        crm.client.put(url, json={"rules": []}).raise_for_status()


def _settle(aws: Callable[[str], Any], state: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Wait until all queues are dry, trying again what failed for good; how many messages that were, by queue."""
    monkeypatch.setattr(command, "connect", partial(connect, state=state))
    # The command takes them over from a function, for good.
    for name in ("BUS_NAME", "DATA_BUCKET"):
        monkeypatch.setenv(name, "")
    sqs, redriven = aws("sqs"), Counter[str]()

    def length(queue: str) -> int:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))

    def is_dry() -> bool:
        for pair in pairs().values():
            if failed := length(pair.failed("local")):
                ran = CliRunner().invoke(app, ["queues", "redrive", pair.name])
                assert ran.exit_code == 0, ran.output
                redriven[pair.name] += failed
        return not any(
            length(queue)
            for pair in pairs().values()
            for queue in (pair.failed("local"), *([pair.queue("local")] if pair.has_queue else []))
        )

    # Twice in a row: a fact on its way between two queues is in neither.
    dry = 0
    end = time.monotonic() + SECONDS
    while dry < 4:
        assert time.monotonic() < end, "the queues do not run dry"
        dry = dry + 1 if is_dry() else 0
        time.sleep(0.5)
    return redriven


def _check_purchases(crm: Crm, who: Shopper, customer_id: str, facts: list[Fact]) -> None:
    recorded = Counter(fact.data["order_id"] for fact in facts if fact.type == "PurchaseRecorded")
    assert recorded == Counter(order.order_id for order in who.orders)
    refunded = Counter(
        {fact.data["order_id"]: fact.data["amount"] for fact in facts if fact.type == "PurchaseRefunded"}
    )
    assert refunded == who.refunds
    assert sum(fact.type == "PurchaseRefunded" for fact in facts) == len(who.refunds)
    card = crm.customer(who.email)["scorecard"]
    whole = sum(who.refunds.get(order.order_id) == order.total for order in who.orders)
    spent = sum(order.total for order in who.orders) - sum(who.refunds.values())
    assert (card["orders"], card["spent"]) == (len(who.orders) - whole, spent), who
    stored, rebuilt = cards.get(customer_id), scorecard_from(customer_id, facts, BERLIN)
    assert stored is not None
    assert (stored.months, stored.orders, stored.spent) == (rebuilt.months, rebuilt.orders, rebuilt.spent)


def _check_points(who: Shopper, customer_id: str, facts: list[Fact], program: Program, *, is_answered: bool) -> None:
    issued, taken_back = program.bonuses[Bonus.SIGNUP_CONFIRMED], 0
    for order in who.orders:
        day = order.ordered_at.astimezone(BERLIN).date()
        earned, amount = earned_by(order, program, 100, day).points, who.refunds.get(order.order_id, 0)
        issued += earned
        taken_back += given_back(order, earned, program, day, quantities={}, amount=amount, refunded=amount)
    if is_answered:
        issued += points_for_answer(program, SURVEY_POINTS)
    account = accounts.get(customer_id)
    books = account.books
    assert (books.issued, books.refunded, books.redeemed) == (issued, taken_back, REWARD_COST), who
    assert (books.expired, books.adjusted) == (0, REWARD_COST)
    assert points.account_from(customer_id, facts) == replace(account, version=0)
    assert [voucher.redemption_id for voucher in vouchers.list_of(customer_id)] == ["once"]


def _check_mails(who: Shopper, facts: list[Fact], mails: list[Mail]) -> None:
    sent = Counter(mail.template for mail in mails)
    assert sent["confirm_signup"] >= 1
    # All others are claimed: at most one of each, and one where the outcome says so.
    outcomes = {fact.data["template"]: fact.type for fact in facts if fact.type in ("EmailSent", "EmailUnknown")}
    assert outcomes["confirm_signup"] == "EmailSent"
    for template in sent.keys() - {"confirm_signup"}:
        assert sent[template] == 1, (who, template)
    for template, outcome in outcomes.items():
        assert sent[template] >= (outcome == "EmailSent"), (who, template)
    assert sent.keys() <= outcomes.keys()


def _check_survey(facts: dict[Shopper, list[Fact]], answered: set[str], mails: list[Mail], crm: Crm) -> None:
    for who, happened in facts.items():
        types = Counter(fact.type for fact in happened)
        assert types["SurveyInvited"] == 1, who
        assert types["SurveyAnswered"] == (who.email in answered), who
        # Every low score opens a case, of which the marketer hears at least once.
        is_unhappy = who.score < 7 and who.email in answered
        assert types["CaseOpened"] == is_unhappy, who
        for fact in happened:
            if fact.type == "CaseOpened":
                assert any(fact.data["case_id"] in mail.text for mail in mails if mail.to == "hello@shop.example")


def _logged(aws: Callable[[str], Any]) -> set[Key]:
    """The facts of the fact log."""
    publisher = aws("lambda").get_function_configuration(FunctionName="regulars-local-publish_changes")
    bucket, s3 = publisher["Environment"]["Variables"]["DATA_BUCKET"], aws("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="facts/")
    objects = [content["Key"] for page in pages for content in page.get("Contents", ())]
    texts = (s3.get_object(Bucket=bucket, Key=name)["Body"].read().decode() for name in objects)
    return {_key(json.loads(line)) for text in texts for line in text.splitlines()}


def _key(members: dict[str, Any]) -> Key:
    return members["customer_id"], members["type"], members["id"]
