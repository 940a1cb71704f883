"""`regulars republish`: the facts of a span of time on the bus, or to one consumer, once more."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from shared.core import fact_log, fact_store
from shared.core.facts import Fact, from_timestamp
from tests.functional.moto_patches import json_answer
from tests.functional.platform.conftest import Command, Intercept, received, waiting
from tests.functional.scenes import happened

DAY = ("--from", "2026-11-21T00:00", "--to", "2026-11-22T00:00")


def fact(name: str, at: str = "2026-11-21T12:00:00.000Z", type_: str = "PointsExpired", **data: object) -> Fact:
    """A fact that is in no table."""
    members: Mapping[str, Any] = {"points": 5, **data}
    moment = from_timestamp(at)
    return Fact(type=type_, id=name, customer_id="K-77", occurred_at=moment, recorded_at=moment, data=members)


def log(sequence: int, *facts: Fact, keep: tuple[str, ...] = ("points",)) -> None:
    """Write a batch into the log whose first fact has this number in the stream."""
    lines = [fact_log.line(entry, str(sequence + place), keep) for place, entry in enumerate(facts)]
    fact_log.write(facts[0].recorded_at, str(sequence), lines)


def heard(listener: str) -> list[str]:
    """The ids of the facts that came over the bus."""
    return [body["detail"]["id"] for body in received(listener)]


def test_the_facts_of_a_span_go_on_the_bus_each_once(command: Command, listener: str) -> None:
    log(100, fact("a"), fact("b"), fact("c"))
    # The batch was cut in two, and its later half came again.
    log(101, fact("b"), fact("c"))
    log(200, fact("too early", "2026-11-20T23:59:59.999Z"), fact("d", "2026-11-21T00:00:00.000Z"))
    log(300, fact("e", "2026-11-21T23:59:59.999Z"), fact("too late", "2026-11-22T00:00:00.000Z"))
    answer = command("republish", *DAY)
    assert (answer.exit_code, sorted(heard(listener))) == (0, ["a", "b", "c", "d", "e"])
    assert "5  PointsExpired" in answer.stdout
    assert "5 facts sent, 0 of erased customers left out." in answer.stdout


def test_what_the_log_leaves_out_is_read_from_the_table(command: Command, listener: str) -> None:
    whole = happened("post_points/purchase_recorded")
    log(100, whole, fact("erased"), fact("open"), keep=())
    assert command("republish", *DAY, "--type", "PurchaseRecorded").exit_code == 0
    assert [body["detail"] for body in received(listener)] == [fact_store.to_members(whole)]
    assert "1 facts sent, 2 of erased customers left out." in command("republish", *DAY).stdout


def test_a_consumer_gets_what_it_hears_in_its_own_queue_as_from_the_bus(command: Command, listener: str) -> None:
    log(100, fact("a"), fact("b", type_="PurchaseRecorded"))
    assert command("republish", *DAY, "--consumer", "post-points").exit_code == 0
    (event,) = waiting("points")
    assert (event["detail-type"], event["source"], event["detail"]["id"]) == ("PurchaseRecorded", "regulars", "b")
    assert heard(listener) == []


def test_large_facts_go_to_a_queue_alone(command: Command) -> None:
    log(
        100,
        *(fact(str(number), type_="PurchaseRecorded", note="x" * 60_000) for number in range(6)),
        keep=("note", "points"),
    )
    assert command("republish", *DAY, "--consumer", "post-points").exit_code == 0
    assert len(waiting("points")) == 6


def test_a_dry_run_counts_and_sends_nothing(command: Command, listener: str) -> None:
    log(100, fact("a"), fact("b"))
    assert "2 facts would be sent" in command("republish", *DAY, "--dry-run").stdout
    assert heard(listener) == []


def test_ended_on_its_way_it_goes_on_where_it_stopped(
    command: Command, listener: str, intercept: Intercept, tmp_path: Path
) -> None:
    def refuse(event_name: str, request: Any) -> AWSResponse | None:
        if not event_name.endswith("PutEvents") or "second" not in request.body.decode():
            return None
        return json_answer(request.url, 400, {"__type": "AccessDeniedException", "message": "no"})

    log(100, fact("first"))
    log(200, fact("second"), fact("third"))
    intercept(refuse)
    stopped = command("republish", *DAY)
    assert (stopped.exit_code, heard(listener)) == (1, ["first"])
    assert [json.loads(path.read_text())["sent"] for path in tmp_path.rglob("*.json")] == [{"PointsExpired": 1}]
    log(200, fact("fourth"))
    again = command("republish", *DAY)
    assert (again.exit_code, heard(listener)) == (0, ["fourth"])
    assert "2 facts sent" in again.stdout
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--from", "yesterday", "--to", "2026-11-22"), "Want moments such as"),
        (("--from", "2026-11-22", "--to", "2026-11-21"), "--to has to be later than --from."),
        ((*DAY, "--type", "Nothing"), "There is no type of fact Nothing;"),
        ((*DAY, "--consumer", "nobody"), "There is no consumer nobody;"),
        ((*DAY, "--type", "CaseOpened", "--consumer", "post-points"), "post-points does not hear CaseOpened, but "),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence_and_exit_2(
    command: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    answer = command("republish", *arguments)
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"regulars: {sentence}")
