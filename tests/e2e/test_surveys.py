"""A survey round over the deployed stack: asked once, answered once, repaired, counted; links that scanners follow."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.core import clock, fact_store
from shared.loyalty.links import points_path
from shared.nps.links import survey_path
from shared.nps.store import invitations
from tests.e2e.conftest import Crm, Mail, eventually

RULES = {"cooldown_days": 30, "quiet_from": 0, "quiet_until": 0, "recovery_after_days": 0, "owner": "grace"}
SURVEY = {"trigger": "PURCHASE", "days_after": 0, "points": 15, "anonymous_per_day": 2}


@pytest.fixture(scope="module", autouse=True)
def survey(crm: Crm) -> None:
    """One survey on the day of a purchase, and no quiet hours: a test does not wait for the morning."""
    crm.call("PUT", "/nps/rules", json=RULES).raise_for_status()
    crm.call("PUT", "/nps/surveys/after-purchase", json=SURVEY).raise_for_status()


def confirm(crm: Crm, link: str) -> None:
    path, _, token = link.partition("?token=")
    assert crm.client.post(path, data={"token": token}).status_code == 200


def bought(crm: Crm, email: str) -> str:
    """A confirmed customer who has just bought something."""
    confirm(crm, crm.sign_up(email))
    order = {
        "order_id": f"nps-{email}",
        "customer": {"email": email},
        "ordered_at": clock.now().isoformat(),
        "currency": "EUR",
        "total": 2_500,
        "channel": "web",
        "products": [{"sku": "cup", "category": "Cups", "quantity": 1, "price": 2_500}],
    }
    customer_id: str = crm.call("POST", "/purchases", json=order).raise_for_status().json()["customer_id"]
    return customer_id


def invitation(crm: Crm, email: str, runs: int = 1) -> Mail:
    """The mail that asks, after so many runs at once."""
    before = len(crm.mails(email))
    for _ in range(runs):
        assert crm.call("POST", "/nps/invitations").status_code == 202
    mails: list[Mail] = eventually(lambda: crm.mails(email)[before:], seconds=120)
    return mails[0]


def types(crm: Crm, customer_id: str) -> list[str]:
    return [fact["type"] for fact in crm.facts(customer_id)]


def score_links(mail: Mail) -> list[str]:
    return re.findall(r'href="(http[^"]+\?score=\d+)"', mail.html)


def state(crm: Crm, aws: Callable[[str], Any], customer_id: str) -> list[Any]:
    """Everything that is stored of a customer."""
    query = (
        aws("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=crm.stack.customers_table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"CUST#{customer_id}"}},
        )
    )
    return [item for page in query for item in page["Items"]]


def test_duplicate_runs_ask_once_and_a_link_scanner_answers_nothing(crm: Crm, aws: Callable[[str], Any]) -> None:
    email = "asked@example.com"
    customer_id = bought(crm, email)
    mail = invitation(crm, email, runs=3)
    links = score_links(mail)
    assert [int(link.rpartition("=")[2]) for link in links] == list(range(11))
    eventually(lambda: "EmailSent" in types(crm, customer_id))
    eventually(lambda: types(crm, customer_id).count("PointsEarned") == 2)
    before = state(crm, aws, customer_id)
    addresses = set(re.findall(r'https?://[^\s"<>]+', mail.html + mail.text))
    assert len(addresses) > 11
    for address in addresses:
        if address.startswith(crm.stack.api_url):
            assert crm.client.get(address).status_code == 200
            crm.client.head(address)
    assert state(crm, aws, customer_id) == before
    assert types(crm, customer_id).count("SurveyInvited") == 1
    assert len([sent for sent in crm.mails(email) if "recommend" in sent.subject]) == 1


def test_a_detractors_answer_opens_a_case_notifies_and_is_resolved(crm: Crm) -> None:
    email = "unhappy@example.com"
    customer_id = bought(crm, email)
    page = score_links(invitation(crm, email))[2].partition("?")[0]
    before = len(crm.mails("hello@shop.example"))
    answer = crm.client.post(page, data={"score": "2", "comment": "The cup was <b>broken</b> & nobody answers"})
    assert answer.status_code == 200
    (notice,) = eventually(lambda: crm.mails("hello@shop.example")[before:])
    assert "&lt;b&gt;broken" in notice.html
    (opened,) = [fact for fact in crm.facts(customer_id) if fact["type"] == "CaseOpened"]
    case_id = opened["case_id"]
    assert case_id in notice.text
    listed = crm.call("GET", "/cases").json()["cases"]
    assert [case["customer_id"] for case in listed if case["case_id"] == case_id] == [customer_id]
    crm.call("POST", f"/cases/{case_id}/notes", json={"author": "grace", "text": "Sent a new one"}).raise_for_status()
    response = crm.call("POST", f"/cases/{case_id}/resolve", json={"outcome": "SOLVED"})
    assert response.json()["status"] == "RESOLVED"
    eventually(lambda: "CaseResolved" in types(crm, customer_id))


@pytest.mark.usefixtures("store")
def test_an_invitation_that_is_delivered_again_is_not_sent_again(crm: Crm, aws: Callable[[str], Any]) -> None:
    email = "retried@example.com"
    customer_id = bought(crm, email)
    invitation(crm, email)
    (asked,) = [fact for fact in fact_store.every(customer_id) if fact.type == "SurveyInvited"]
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName="regulars-local-surveys")["QueueUrl"]
    message = {"detail-type": asked.type, "source": "regulars", "detail": fact_store.to_members(asked)}
    for _ in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(message))
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def taken() -> bool:
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(map(int, left.values())) == 0

    eventually(taken)
    assert len([sent for sent in crm.mails(email) if "recommend" in sent.subject]) == 1
    assert types(crm, customer_id).count("EmailUnknown") == 0


@pytest.mark.usefixtures("store")
def test_two_answers_at_the_same_instant_leave_one_answer_and_one_count(crm: Crm) -> None:
    email = "twice@example.com"
    customer_id = bought(crm, email)
    page = score_links(invitation(crm, email))[9].partition("?")[0]
    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(lambda score: crm.client.post(page, data={"score": score}).status_code, ("9", "10")))
    assert statuses == [200, 200]
    seen = types(crm, customer_id)
    assert (seen.count("SurveyAnswered"), seen.count("SurveyAnswerChanged")) == (1, 1)
    (asked,) = [fact for fact in fact_store.every(customer_id) if fact.type == "SurveyInvited"]
    stored = invitations.get(customer_id, asked.id)
    assert stored is not None
    assert stored.answer is not None
    last = [fact for fact in fact_store.every(customer_id) if fact.type == "SurveyAnswerChanged"][-1]
    assert stored.answer.score == last.data["score"]
    # Fifteen points for the answer, fifty for confirming, and the order's: once each.
    eventually(lambda: types(crm, customer_id).count("PointsEarned") == 3)


@pytest.mark.usefixtures("store")
def test_forged_expired_and_swapped_links_answer_nothing(crm: Crm) -> None:
    customer_id, other = bought(crm, "first-of-two@example.com"), bought(crm, "second-of-two@example.com")
    mail = invitation(crm, "first-of-two@example.com")
    eventually(lambda: "SurveyInvited" in types(crm, other))
    good = score_links(mail)[0].partition("?")[0]
    root, _, token = good.rpartition("/")
    (asked,) = [fact for fact in fact_store.every(other) if fact.type == "SurveyInvited"]
    later = datetime.now(UTC) + timedelta(days=1)
    expired = survey_path(customer_id, 0, asked.id, datetime.now(UTC) - timedelta(minutes=1))
    for_points = points_path(customer_id, 0, later).partition("=")[2]
    nobody = survey_path("cus_nobody", 0, asked.id, later)
    api = crm.stack.api_url
    tried = {
        f"{root}/{token[:-3]}AAA": 400,
        f"{root}/{token}x": 400,
        f"{root}/{for_points}": 400,
        f"{api}/{expired}": 410,
        f"{api}/{nobody}": 400,
    }
    for address, status in tried.items():
        assert crm.client.post(address, data={"score": "0"}).status_code == status, address
    # Nor does the token of one customer's page record on another's.
    assert crm.client.post(good, data={"score": "0", "token": token[:-3] + "AAA"}).status_code == 400
    assert "SurveyAnswered" not in types(crm, customer_id) + types(crm, other)


def test_an_anonymous_link_takes_what_its_day_allows_and_the_report_adds_up(crm: Crm) -> None:
    def report() -> dict[str, Any]:
        answer: dict[str, Any] = crm.call("GET", "/reports/nps").raise_for_status().json()
        return answer

    place = crm.call("GET", "/nps/surveys/after-purchase/link", params={"place": "counter"}).json()
    before = report()
    statuses = []
    for score in ("10", "9", "8"):
        form = crm.client.get(place["url"])
        token = re.search(r'name="token" value="([^"]+)"', form.text)
        assert token
        for _ in range(2):
            statuses.append(crm.client.post(place["url"], data={"token": token[1], "score": score}).status_code)
    assert statuses == [200, 200, 200, 200, 429, 429]
    assert crm.client.post(place["url"], data={"score": "10"}).status_code == 422
    after = report()
    assert after["n"] == before["n"]
    assert after["anonymous"]["n"] - before["anonymous"]["n"] == 2
    assert [counted["place"] for counted in after["anonymous"]["by_place"]] == ["counter"]
    for dimension in ("month", "survey", "segment", "channel", "category"):
        assert sum(row["n"] for row in after[f"by_{dimension}"]) == after["n"], dimension
    assert after["nps"] is None or after["n"] >= 10
