"""A message that cannot be processed now waits on the due index; one that never can is given up at once."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.core import fact_store
from shared.core.facts import Fact
from shared.customers.store import profiles
from shared.edge import due
from shared.edge.outcomes import WAITS_FOR_HOURS
from shared.edge.queues import LOGGER, WAITS
from shared.loyalty.store import accounts
from tests.frozen_clock import FrozenClock
from tests.functional.aws import as_event, make_queue, received, sent_mails
from tests.functional.calls import CALLS
from tests.functional.moto_patches import json_answer
from tests.functional.scenes import Invoke, facts_of

QUOTA = ("TooManyRequestsException", 429, "Daily message quota exceeded.")
RATE = ("TooManyRequestsException", 429, "Maximum sending rate exceeded.")
PAUSED = ("SendingPausedException", 400, "Sending is paused for ada@example.com")
OUT = ("InternalFailure", 500, "Something broke")

Refusal = tuple[str, int, str]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function logs."""
    output = io.StringIO()
    for handler in LOGGER.handlers:
        monkeypatch.setattr(handler, "stream", output)
    return output


@pytest.fixture
def ses() -> Iterator[Callable[[Refusal | None], None]]:
    """`ses(QUOTA)`: have SES refuse every mail so; `ses(None)`: have it take them again."""
    refusals: list[Refusal] = []

    def refuse(event_name: str, request: Any) -> Any:
        if not refusals or not event_name.endswith("SendEmail"):
            return None
        code, status, message = refusals[0]
        return json_answer(request.url, status, {"__type": code, "message": message})

    def put(refusal: Refusal | None) -> None:
        refusals[:] = [refusal] if refusal else []

    CALLS.interceptors.append(refuse)
    yield put
    CALLS.interceptors.remove(refuse)


@pytest.fixture
def signed_up(invoke: Invoke) -> Fact:
    """Somebody who waits for their confirmation mail, and the fact that it is about."""
    make_queue("confirmations")
    assert invoke("register_customer/json", email="ada@example.com")["statusCode"] == 202
    customer_id = profiles.get_id("ada@example.com")
    assert customer_id is not None
    (fact,) = facts_of(customer_id, "CustomerSignedUp")
    return fact


def send(invoke: Invoke, fact: Fact) -> dict[str, Any]:
    fill = {"CUSTOMER": fact.customer_id, "SIGNUP": fact.data["signup_id"]}
    return invoke("send_confirmation/signed_up", fill=fill)


def come_back(invoke: Invoke) -> list[dict[str, Any]]:
    """Send what is due, and have the function take it; what came."""
    invoke("send_due_messages", {"source": "aws.scheduler"})
    messages = received("confirmations")
    if messages:
        assert invoke("send_confirmation", as_event("confirmations", messages)) == {"batchItemFailures": []}
    return messages


@pytest.mark.parametrize("refusal", [QUOTA, PAUSED])
def test_a_mail_waits_while_the_account_may_not_send_and_goes_out_afterwards(
    invoke: Invoke, signed_up: Fact, ses: Callable[..., None], clock: FrozenClock, log: io.StringIO, refusal: Refusal
) -> None:
    ses(refusal)
    assert send(invoke, signed_up) == {"batchItemFailures": []}
    for tried, wait in enumerate(WAITS[:4]):
        (pointer,) = due.list_of(signed_up.customer_id)
        assert pointer.due_at - clock.now() == wait
        clock.advance(seconds=wait.total_seconds() - 60)
        assert come_back(invoke) == []
        clock.advance(minutes=1)
        if tried == 3:
            ses(None)
        assert len(come_back(invoke)) == 1
    assert (len(sent_mails()), due.list_of(signed_up.customer_id)) == (1, [])
    assert log.getvalue().count(WAITS_FOR_HOURS) == 4
    assert ("@" in log.getvalue(), "Traceback" in log.getvalue()) == (False, False)


def test_a_mail_waits_for_a_day_and_a_half_at_least_before_it_is_given_up(
    invoke: Invoke, signed_up: Fact, ses: Callable[..., None], clock: FrozenClock
) -> None:
    begun = clock.now()
    ses(QUOTA)
    send(invoke, signed_up)
    for wait in WAITS:
        assert received("confirmations-failed") == []
        clock.advance(seconds=wait.total_seconds())
        assert len(come_back(invoke)) == 1
    assert timedelta(hours=36) <= clock.now() - begun <= timedelta(days=3)
    (given_up,) = received("confirmations-failed")
    assert given_up["MessageAttributes"]["reason"]["StringValue"] == "SES sends no mail now: daily quota used up"
    # Redriven, it begins anew.
    assert set(given_up["MessageAttributes"]) == {"reason"}
    assert invoke("send_confirmation", as_event("confirmations", [given_up])) == {"batchItemFailures": []}
    assert len(due.list_of(signed_up.customer_id)) == 1


def test_too_many_mails_in_a_second_come_again_soon_and_say_so_in_one_line(
    invoke: Invoke, signed_up: Fact, ses: Callable[..., None], log: io.StringIO
) -> None:
    ses(RATE)
    assert len(send(invoke, signed_up)["batchItemFailures"]) == 1
    assert due.list_of(signed_up.customer_id) == []
    assert ("TooManyRequestsException" in log.getvalue(), "Traceback" in log.getvalue()) == (True, False)


def test_a_mail_that_ses_may_have_taken_is_tried_again_with_its_trace(
    invoke: Invoke, signed_up: Fact, ses: Callable[..., None], log: io.StringIO
) -> None:
    ses(OUT)
    assert len(send(invoke, signed_up)["batchItemFailures"]) == 1
    assert "MailRefused: InternalFailure" in log.getvalue()


@pytest.mark.parametrize("body", ["not json", "[]", "{}", '{"detail": null}', '{"detail": {"type": "CaseOpened"}}'])
@pytest.mark.parametrize(
    ("function", "queue"),
    [
        ("send_confirmation", "confirmations"),
        ("post_points", "points"),
        ("notify_marketer", "cases"),
        ("record_mail_events", "feedback"),
        ("ingest_purchases", "purchases"),
    ],
)
def test_a_message_that_cannot_be_read_is_given_up_at_once_with_its_reason(
    invoke: Invoke, log: io.StringIO, function: str, queue: str, body: str
) -> None:
    make_queue(queue)
    event = as_event(queue, [{"MessageId": "1", "Body": body}])
    assert invoke(function, event) == {"batchItemFailures": []}
    (given_up,) = received(f"{queue}-failed")
    reason = given_up["MessageAttributes"]["reason"]["StringValue"]
    assert given_up["Body"] == body
    (line,) = log.getvalue().splitlines()
    assert (json.loads(line)["reason"], "Traceback" in line) == (reason, False)


def test_a_broken_message_keeps_no_other_of_its_batch_from_being_processed(
    invoke: Invoke, launch: Callable[..., None]
) -> None:
    make_queue("points")
    launch()
    assert invoke("record_purchase/by_customer_number")["statusCode"] == 201
    (bought,) = facts_of("K-77", "PurchaseRecorded")
    bodies = ["{", json.dumps({"detail": fact_store.to_members(bought)})]
    event = as_event("points", [{"MessageId": str(n), "Body": body} for n, body in enumerate(bodies)])
    assert invoke("post_points", event) == {"batchItemFailures": []}
    assert accounts.get("K-77").lots
    assert len(received("points-failed")) == 1
