"""Rescorings that wait for each other, are throttled, end early, or overlap."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.retries.standard import ExponentialBackoff

from shared.core import clock, fact_store
from shared.core.dynamodb import SCORECARDS, transact, unpack
from shared.core.errors import Busy
from shared.core.facts import Fact
from shared.core.pace import Pace
from shared.edge.jobs import Superseded
from shared.scorecards.score import Score
from shared.scorecards.scorecard import Scorecard, with_order
from shared.scorecards.store import cards
from shared.scoring.job import RESCORING
from shared.scoring.rescoring import Change
from shared.scoring.store import writes
from tests.functional import moto_patches
from tests.functional.aws import client, once, put_back, stored
from tests.functional.calls import CALLS, Killed, is_killed
from tests.functional.moto_patches import json_answer
from tests.functional.scenes import execution_arn
from tests.functional.scoring.steps import plan_rescoring, rescoring_steps

Invoke = Callable[..., dict[str, Any]]
Rescore = Callable[..., dict[str, Any]]

CUSTOMERS = 8


@pytest.fixture(autouse=True)
def shop() -> None:
    """Eight buyers, each better than the one before."""
    once(_store_shop)


def _store_shop() -> None:
    counted = []
    for number in range(CUSTOMERS):
        card = Scorecard(customer_id=f"K{number}")
        for order in range(number + 1):
            card = with_order(card, date(2026, 1 + number, 1 + order), 1_000)
        counted.append(cards.count(replace(card, version=1)))
    transact(*counted)


@pytest.fixture
def machine() -> str:
    """The rescoring's state machine, of which executions run until they are stopped."""
    arn: str = client("stepfunctions").create_state_machine(
        name="rescoring", definition="{}", roleArn="arn:aws:iam::123456789012:role/rescoring"
    )["stateMachineArn"]
    return arn


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sleeps: neither who paces writes, whose clock goes on meanwhile, nor boto before it tries again."""
    seconds = 0.0

    def sleep(more: float) -> None:
        nonlocal seconds
        seconds += more

    monkeypatch.setattr(writes, "Pace", partial(Pace, lambda: seconds, sleep))
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)


@pytest.fixture
def throttle(hurried: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Counter[str]]:
    """`throttle(code=…, first=2)`: refuse the first so many tries of every second customer's score, and of every second
    fact; how often each customer's score was asked for.
    """

    def arm(code: str, first: int, scores: bool = True, moves: bool = True) -> Counter[str]:
        aws_answers = moto_patches.answer
        tries: Counter[str] = Counter()

        def is_refused(name: str, is_meant: bool) -> bool:
            tries[name] += 1
            return is_meant and int(name[-1]) % 2 == 0 and tries[name] <= first

        def answered(event_name: str, request: Any) -> dict[str, Any]:
            response = aws_answers(event_name, request)
            assert response is not None
            answer: dict[str, Any] = json.loads(response.content)
            return answer

        def some_statements(event_name: str, request: Any) -> AWSResponse:
            whole = json.loads(request.body)
            statements = whole["Statements"]
            refused = [is_refused(statement["Parameters"][1]["S"], scores) for statement in statements]
            request.body = json.dumps({**whole, "Statements": without(statements, refused)})
            # DynamoDB takes no batch without a statement.
            answer: dict[str, Any] = {"Responses": []} if all(refused) else answered(event_name, request)
            answers = iter(answer["Responses"])
            error = {"Error": {"Code": code, "Message": ""}}
            responses = [error if no else next(answers) for no in refused]
            return json_answer(request.url, 200, {**answer, "Responses": responses})

        def some_facts(event_name: str, request: Any) -> AWSResponse:
            whole = json.loads(request.body)
            ((name, asked),) = whole["RequestItems"].items()
            refused = [is_refused(f"fact-{write['PutRequest']['Item']['customer_id']['S']}", moves) for write in asked]
            left = without(asked, [not no for no in refused])
            request.body = json.dumps({**whole, "RequestItems": {name: without(asked, refused)}})
            # Nor one without a write.
            answer = {} if all(refused) else answered(event_name, request)
            return json_answer(request.url, 200, {**answer, "UnprocessedItems": {name: left} if left else {}})

        some = {"BatchExecuteStatement": some_statements, "BatchWriteItem": some_facts}

        def answer(event_name: str, request: Any, **kwargs: Any) -> AWSResponse | None:
            refusing = some.get(event_name.rpartition(".")[2])
            return refusing(event_name, request) if refusing else aws_answers(event_name, request, **kwargs)

        monkeypatch.setattr(moto_patches, "answer", answer)
        return tries

    return arm


def without(requests: list[Any], refused: list[bool]) -> list[Any]:
    return [request for request, no in zip(requests, refused, strict=True) if not no]


@dataclass
class Refusals:
    """How many requests of a kind are still to be refused as a whole, and how many have been made."""

    operation: str
    left: int
    made: int = 0

    def answer(self, event_name: str, request: Any) -> AWSResponse | None:
        if not event_name.endswith(self.operation):
            return None
        self.made += 1
        if not self.left:
            return None
        self.left -= 1
        error = {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "slower"}
        return json_answer(request.url, 400, error)


@pytest.fixture
def refuse_batches(hurried: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], Refusals]:
    """`refuse_batches("BatchWriteItem", 7)`: have the next so many requests refused as a whole."""

    def arm(operation: str, requests: int) -> Refusals:
        refusals = Refusals(operation, requests)
        monkeypatch.setattr(CALLS, "interceptors", [*CALLS.interceptors, refusals.answer])
        return refusals

    return arm


def moves_of(number: int) -> list[Fact]:
    return [fact for fact in fact_store.every(f"K{number}") if fact.type == "SegmentChanged"]


def segment_of(number: int) -> str:
    card = cards.get(f"K{number}")
    assert card is not None
    assert card.score is not None
    return card.score.segment


def assert_every_move_is_published_once() -> None:
    """Each customer's facts lead, one after the other, to the segment that is stored."""
    for number in range(CUSTOMERS):
        moves = moves_of(number)
        assert [move.data.get("from") for move in moves] == [None, *(move.data["to"] for move in moves[:-1])]
        assert moves[-1].data["to"] == segment_of(number)


def unfinished() -> set[str]:
    return set(RESCORING.unfinished())


def written_by() -> set[str]:
    pages = client("dynamodb").get_paginator("scan").paginate(TableName="scorecards")
    items = [unpack(item) for page in pages for item in page["Items"]]
    return {Score.from_text(item["score"]).rescoring_id if "score" in item else "" for item in items}


def take(invoke: Invoke, steps: list[tuple[str, dict[str, Any]]], *names: str) -> None:
    for step, event in steps:
        if step in names:
            invoke(step, event)


def until_written(invoke: Invoke, given: dict[str, Any]) -> None:
    take(invoke, rescoring_steps(given), "scan_scorecards", "rank_scorecards", "fit_forecaster")


def buy_all(invoke: Invoke) -> None:
    """The worst customers become the best."""
    for number in range(3):
        customer = {"customer_id": f"K{number}"}
        for order in range(3):
            invoke(
                "record_purchase/by_customer_number",
                order_id=f"more-{number}-{order}",
                customer=customer,
                ordered_at=f"2026-11-{10 + order}",
                total=90_000,
                tax=0,
                shipping=0,
            )


def status(invoke: Invoke, rescoring_id: str = "run-1") -> dict[str, Any]:
    answer = invoke("view_rescoring/get", fill={"run-1": rescoring_id})
    assert answer["statusCode"] == 200
    body: dict[str, Any] = answer["json"]
    return body


def ask_for_plan(invoke: Invoke, rescoring_id: str) -> bool:
    """Whether it has to wait."""
    event = {"run_id": rescoring_id, "execution_arn": execution_arn(rescoring_id), "input": {}}
    wait: bool = invoke("plan_rescoring", {**event, "started_at": "2026-11-21T01:00:00Z"})["wait"]
    return wait


def test_a_second_run_waits_while_the_first_runs_and_takes_over_when_that_has_ended(
    invoke: Invoke, machine: str
) -> None:
    for name in ("run-1", "run-2"):
        client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input="{}")
    assert [ask_for_plan(invoke, name) for name in ("run-1", "run-2", "run-1", "run-2")] == [False, True, False, True]
    assert (status(invoke)["status"], status(invoke, "run-2")["status"]) == ("RUNNING", "QUEUED")
    client("stepfunctions").stop_execution(executionArn=execution_arn("run-1"))
    assert status(invoke)["status"] == "FAILED"
    assert [ask_for_plan(invoke, name) for name in ("run-2", "run-1")] == [False, True]
    assert status(invoke, "run-2")["status"] == "RUNNING"


def test_a_run_that_has_finished_lets_the_next_one_begin_while_its_execution_ends(
    invoke: Invoke, rescore: Rescore, machine: str
) -> None:
    for name in ("run-1", "run-2"):
        client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input="{}")
    rescore(segments=1, times=1)
    assert not ask_for_plan(invoke, "run-2")


def test_a_run_that_lost_the_lease_writes_nothing_more(invoke: Invoke, rescore: Rescore) -> None:
    first = plan_rescoring(invoke, segments=1)
    until_written(invoke, first)
    plan_rescoring(invoke, "run-2", "2026-11-21T02:00:00Z", segments=1)
    with pytest.raises(Superseded):
        take(invoke, rescoring_steps(first), "write_scores")
    assert written_by() == {""}
    assert [moves_of(number) for number in range(CUSTOMERS)] == [[]] * CUSTOMERS
    assert unfinished() == {"run-1", "run-2"}
    rescore("run-2", "2026-11-21T02:00:00Z", segments=1, times=1)
    assert unfinished() == set()
    assert_every_move_is_published_once()
    with pytest.raises(Superseded):
        take(invoke, rescoring_steps(first), "write_scores")
    assert written_by() == {"run-2"}


def test_two_runs_that_overlap_lose_nothing_and_double_nothing(invoke: Invoke) -> None:
    # Planning again takes the lease back from a run whose execution has ended.
    plans = [plan_rescoring(invoke, name, f"2026-11-21T0{at}:00:00Z", segments=1) for at, name in ((1, "a"), (2, "b"))]
    for given in plans:
        until_written(invoke, given)
    buy_all(invoke)
    for given in plans:
        assert not ask_for_plan(invoke, given["rescoring_id"])
        take(invoke, rescoring_steps(given), "write_scores", "report_rescoring")
    assert written_by() == {"a"}
    assert {len(moves_of(number)) for number in range(CUSTOMERS)} == {1}
    assert_every_move_is_published_once()
    first, second = status(invoke, "a"), status(invoke, "b")
    assert (first["changed"], first["given_way"]) == (CUSTOMERS, 0)
    assert (second["changed"], second["given_way"]) == (0, CUSTOMERS)
    assert sum(move["customers"] for move in first["moves"]) == CUSTOMERS
    assert unfinished() == set()


def test_the_next_run_publishes_the_moves_that_a_dead_run_did_not(invoke: Invoke, rescore: Rescore) -> None:
    given = plan_rescoring(invoke, segments=1)
    until_written(invoke, given)
    ready, seen = stored(), set()
    for changes in count():
        put_back(ready)
        if not is_killed(lambda: take(invoke, rescoring_steps(given), "write_scores"), changes):
            break
        seen.add((written_by().pop(), len(moves_of(0))))
        assert unfinished() == {"run-1"}
        buy_all(invoke)
        rescore("run-2", "2026-11-21T02:00:00Z", segments=2, times=1)
        assert unfinished() == set()
        assert_every_move_is_published_once()
    # It died before the scores, between these and their facts, and behind both.
    assert seen == {("", 0), ("run-1", 0), ("run-1", 1)}


def test_a_run_publishes_every_move_of_the_dead_runs_before_it(invoke: Invoke, rescore: Rescore) -> None:
    for at, name in ((1, "a"), (2, "b")):
        given = plan_rescoring(invoke, name, f"2026-11-21T0{at}:00:00Z", segments=1)
        until_written(invoke, given)
        write = partial(take, invoke, rescoring_steps(given), "write_scores")
        kept = stored()
        # As soon as its scores are written.
        for changes in count(1):
            assert is_killed(write, changes)
            if name in written_by():
                break
            put_back(kept)
        buy_all(invoke)
    assert unfinished() == {"a", "b"}
    rescore("c", "2026-11-21T03:00:00Z", segments=3, times=1)
    assert unfinished() == set()
    assert_every_move_is_published_once()


def test_a_late_move_of_a_dying_run_is_published_by_a_later_run(invoke: Invoke, rescore: Rescore) -> None:
    first = plan_rescoring(invoke, "a", "2026-11-21T01:00:00Z", segments=1)
    until_written(invoke, first)
    second: dict[str, Any] = {}

    def meanwhile(event_name: str, _request: Any) -> None:
        if event_name.endswith("BatchExecuteStatement"):
            CALLS.interceptors.remove(meanwhile)
            second.update(plan_rescoring(invoke, "b", "2026-11-21T02:00:00Z", segments=1))
            until_written(invoke, second)
            # The scores are written, their facts are not.
            CALLS.kill_after(1)

    CALLS.interceptors.append(meanwhile)
    try:
        with pytest.raises(Killed):
            take(invoke, rescoring_steps(first), "write_scores")
    finally:
        CALLS.let_live()
    take(invoke, rescoring_steps(second), "write_scores", "report_rescoring")
    assert (written_by(), moves_of(0), unfinished()) == ({"a"}, [], {"a"})
    rescore("c", "2026-11-21T03:00:00Z", segments=1, times=1)
    assert unfinished() == set()
    assert_every_move_is_published_once()


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"])
def test_statements_that_are_throttled_are_tried_again_until_all_is_written(
    invoke: Invoke, rescore: Rescore, throttle: Callable[..., Counter[str]], code: str
) -> None:
    tries = throttle(code, 3)
    rescore(segments=1, times=1)
    assert written_by() == {"run-1"}
    assert {len(moves_of(number)) for number in range(CUSTOMERS)} == {1}
    assert_every_move_is_published_once()
    assert tries == {
        f"{what}K{number}": 1 if number % 2 else 4 for what in ("", "fact-") for number in range(CUSTOMERS)
    }
    run = status(invoke)
    assert (run["changed"], run["given_way"]) == (CUSTOMERS, 0)
    assert run["write_units"] == {"scorecards": CUSTOMERS, "facts": CUSTOMERS}


def test_batches_that_are_refused_as_a_whole_are_tried_again(
    rescore: Rescore, refuse_batches: Callable[[str, int], Refusals]
) -> None:
    # More often than boto tries by itself.
    refused = refuse_batches("BatchExecuteStatement", 12), refuse_batches("BatchWriteItem", 12)
    rescore(segments=1, times=1)
    assert [batch.made for batch in refused] == [13, 13]
    assert written_by() == {"run-1"}
    assert_every_move_is_published_once()


@pytest.mark.parametrize("operation", ["BatchExecuteStatement", "BatchWriteItem"])
def test_a_run_ends_where_a_table_takes_nothing(
    invoke: Invoke,
    rescore: Rescore,
    refuse_batches: Callable[[str, int], Refusals],
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
) -> None:
    monkeypatch.setattr(writes, "_MAX_REFUSALS", 5)
    given = plan_rescoring(invoke, segments=1)
    until_written(invoke, given)
    refused = refuse_batches(operation, 1_000)
    with pytest.raises(Busy):
        take(invoke, rescoring_steps(given), "write_scores")
    refused.left = 0
    rescore("run-2", "2026-11-21T02:00:00Z", segments=1, times=1)
    assert_every_move_is_published_once()


def test_a_table_that_takes_one_write_at_a_time_is_not_given_up(
    rescore: Rescore, throttle: Callable[..., Counter[str]]
) -> None:
    throttle("ThrottlingError", 30)
    rescore(segments=1, times=1)
    assert_every_move_is_published_once()


def test_a_rescoring_costs_a_write_unit_for_each_change_and_each_move(invoke: Invoke, rescore: Rescore) -> None:
    rescore(segments=2, times=1)
    first = status(invoke)
    assert (first["changed"], first["write_units"]) == (CUSTOMERS, {"scorecards": CUSTOMERS, "facts": CUSTOMERS})
    buy_all(invoke)
    before = {number: cards.get(f"K{number}") for number in range(CUSTOMERS)}
    rescore("run-2", "2026-11-21T02:00:00Z", segments=2, times=1)
    second = status(invoke, "run-2")
    after = {number: cards.get(f"K{number}") for number in range(CUSTOMERS)}
    changed = sum(before[number] != after[number] for number in range(CUSTOMERS))
    moved = sum(len(moves_of(number)) - 1 for number in range(CUSTOMERS))
    assert 0 < moved <= changed
    assert second["changed"] == changed
    assert second["write_units"] == {"scorecards": changed, "facts": moved}
    assert sum(move["customers"] for move in second["moves"]) == moved


def test_a_rescoring_can_be_watched_from_its_start_to_its_end(
    invoke: Invoke, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESCORING_STATE_MACHINE_ARN", machine)
    run = invoke("start_rescoring/as_of", as_of="2026-11-21")["json"]["rescoring_id"]
    queued = status(invoke, run)
    assert (queued["status"], queued["as_of"], queued["segments"], queued["segments_written"]) == (
        "QUEUED", None, None, 0
    )  # fmt: skip
    given = plan_rescoring(invoke, run)
    steps = rescoring_steps(given)
    take(invoke, steps, "scan_scorecards")
    scanned = status(invoke, run)
    assert {name: scanned[name] for name in ("status", "segments", "segments_scanned", "scanned", "changed")} == {
        "status": "RUNNING", "segments": 4, "segments_scanned": 4, "scanned": CUSTOMERS, "changed": 0
    }  # fmt: skip
    take(invoke, steps, "rank_scorecards", "fit_forecaster")
    events = [event for step, event in steps if step == "write_scores"]
    changed = sum(invoke("write_scores", event)["changed"] for event in events[:2])
    half = status(invoke, run)
    assert (half["status"], half["segments_written"], half["changed"]) == ("RUNNING", 2, changed)
    assert half["finished_at"] is None
    for event in events[2:]:
        invoke("write_scores", event)
    take(invoke, steps, "report_rescoring")
    finished = status(invoke, run)
    assert (finished["status"], finished["segments_written"], finished["changed"]) == ("SUCCEEDED", 4, CUSTOMERS)
    assert (finished["customers"], finished["given_way"], finished["forecast"]["fitted"]) == (CUSTOMERS, 0, True)
    assert finished["finished_at"] >= finished["started_at"]
    assert finished["caveats"] == ["8 customers have bought, too few for fifths: below 50 scores say little"]


def test_a_run_whose_execution_ended_before_its_work_has_failed(invoke: Invoke, machine: str) -> None:
    given = plan_rescoring(invoke, segments=1)
    client("stepfunctions").start_execution(stateMachineArn=machine, name="run-1", input="{}")
    until_written(invoke, given)
    assert status(invoke)["status"] == "RUNNING"
    client("stepfunctions").stop_execution(executionArn=execution_arn("run-1"))
    assert status(invoke)["status"] == "FAILED"


def test_a_run_that_was_never_started_has_failed_after_a_minute(invoke: Invoke, machine: str) -> None:
    now = clock.now()
    for name, ago in (("run-1", 30), ("run-2", 90)):
        RESCORING.request(name, execution_arn(name), now - timedelta(seconds=ago))
    assert [status(invoke, name)["status"] for name in ("run-1", "run-2")] == ["QUEUED", "FAILED"]
    assert status(invoke)["started_at"] is None


def test_a_rescoring_that_nobody_asked_for_is_not_found(invoke: Invoke) -> None:
    answer = invoke("view_rescoring/get")
    assert (answer["statusCode"], answer["json"]["detail"]) == (404, "there is no such rescoring")


@pytest.mark.parametrize("tells", [True, False])
def test_a_batch_with_a_lost_answer_counts_as_written(monkeypatch: pytest.MonkeyPatch, tells: bool) -> None:
    monkeypatch.setattr(moto_patches, "refusals_tell", tells)
    mine = [Change(f"K{number}", f"Lost|1|1|1|HIGH|LOW|2026-11-21|mine|{number}", "", None) for number in range(4)]
    another = replace(mine[3], score="Champions|5|5|5|LOW|TOP|2026-11-21|theirs|")
    unknown = replace(mine[0], customer_id="erased since")
    writes.write([*mine[:3], another], frozenset(), lambda: None)
    again = writes.write([*mine, unknown], frozenset(), lambda: None)
    assert (again.written, again.refused) == (3, 2)
    scores = {f"K{number}": (item or {})["score"] for number in range(4) if (item := card_item(f"K{number}"))}
    assert scores == {**{kept.customer_id: kept.score for kept in mine}, "K3": another.score}
    assert card_item("erased since") is None


def card_item(customer_id: str) -> dict[str, Any] | None:
    return SCORECARDS.get({"customer_id": customer_id})
