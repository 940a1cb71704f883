"""`regulars republish`: facts of a span of time from the fact log, on the bus or to one consumer once more."""

import hashlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.console import complain, console
from cli.deployment import STATE, Deployment, connect, take_over
from cli.explained import explained
from cli.queues import messages
from cli.queues.pairs import consumers
from infra.event_docs import fact_types
from shared.core import bus, fact_log, fact_store
from shared.core.errors import Busy
from shared.core.facts import Fact, to_timestamp
from shared.core.settings import LOCAL_STAGE

DEFAULT_PER_SECOND: Final = 100
MAX_TRIES: Final = 6
# A message's share of the 256 KB that SQS takes in one call, where ten go together.
_MAX_TOGETHER: Final = 24 * 1024
_BATCH: Final = 10

Send = Callable[[Sequence[Fact]], int]


@dataclass(kw_only=True)
class Progress:
    """How far it has come: everything up to the object `after` of `day` was sent.

    `sent`: facts by type; `gone`: those whose customer was erased; `rejected`: those that the bus will never take.
    """

    day: str
    after: str = ""
    sent: dict[str, int] = field(default_factory=dict)
    gone: int = 0
    rejected: int = 0


@dataclass(frozen=True, kw_only=True)
class Span:
    """The facts that were recorded from `start` on and before `end`, of these types; all types where there are none."""

    start: datetime
    end: datetime
    types: Collection[str] = ()

    def has(self, fact: Fact) -> bool:
        """Whether a fact is meant."""
        return self.start <= fact.recorded_at < self.end and (not self.types or fact.type in self.types)

    def days(self) -> Iterator[date]:
        """The days whose objects may have such facts.

        A fact is written a moment after the time that it is recorded with, and that of a job's run may be a day older.
        """
        day = self.start.date() - timedelta(days=1)
        while day <= self.end.date() + timedelta(days=1):
            yield day
            day += timedelta(days=1)


def republish(
    start: Annotated[str, typer.Option("--from", help="The first moment, such as 2026-11-01T00:00; by UTC.")],
    end: Annotated[str, typer.Option("--to", help="The moment before which to end.")],
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Only facts of this type; may be given several times.")
    ] = None,
    consumer: Annotated[
        str, typer.Option(help="Only to this function's queue, such as `post-points`, and not on the bus.")
    ] = "",
    per_second: Annotated[int, typer.Option(min=1, max=2_000, help="So many facts a second.")] = DEFAULT_PER_SECOND,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE,
) -> None:
    """Put the facts of a span of time on the bus once more, from the fact log.

    Consumers are idempotent: what they have heard before changes nothing. Ended on its way, the same command goes on
    where it stopped.
    """
    span, queue = _span(start, end, type_ or (), consumer), consumers()[consumer].queue(stage) if consumer else ""
    with explained():
        deployment = connect(stage)
        take_over(deployment, "publish_changes", "BUS_NAME", "DATA_BUCKET")
        if dry_run:
            progress = run(span, lambda _: 0, Progress(day=""), lambda _: None)
        else:
            send = to_queue(messages.url_of(queue), deployment) if queue else to_bus
            saved_at = _saved_at(deployment, span, queue)
            progress = _resumed(saved_at) or Progress(day="")
            progress = run(span, paced(send, per_second), progress, lambda state: _save(saved_at, state))
            saved_at.unlink(missing_ok=True)
    for name, count in sorted(progress.sent.items()):
        console.print(f"{count:>9,}  {name}", markup=False)
    what = "would be sent" if dry_run else "sent"
    console.print(f"{sum(progress.sent.values()):,} facts {what}, {progress.gone:,} of erased customers left out.")
    if progress.rejected:
        complain(f"The bus will never take {progress.rejected:,} of them.")
        raise typer.Exit(1)


def run(span: Span, send: Send, progress: Progress, save: Callable[[Progress], None]) -> Progress:
    """Send the facts of a span in the order of the log, from behind the progress on, and save how far it came.

    A fact lies in the log twice where its batch was cut in two; it is sent once.
    """
    seen: set[tuple[str, str]] = set()
    for day in span.days():
        if day.isoformat() < progress.day:
            continue
        before, seen = seen, set[tuple[str, str]]()
        for key in fact_log.keys(day, progress.after if day.isoformat() == progress.day else ""):
            fresh = {(entry.key["pk"], entry.key["sk"]): entry for entry in fact_log.read(key) if span.has(entry.fact)}
            facts, gone = fact_log.complete([entry for at, entry in fresh.items() if at not in seen | before])
            seen |= fresh.keys()
            progress.rejected += send(facts)
            progress.sent = dict(Counter(progress.sent) + Counter(fact.type for fact in facts))
            progress.gone += gone
            progress.day, progress.after = day.isoformat(), key
            save(progress)
    return progress


def to_bus(facts: Sequence[Fact]) -> int:
    """Put facts on the bus; how many of them it will never take. Raises Busy where it keeps refusing some for now."""
    left, rejected = list(facts), 0
    for attempt in range(MAX_TRIES):
        outcome = bus.publish([bus.entry(fact) for fact in left])
        rejected += len(outcome.rejected)
        if outcome.stopped_at is None:
            return rejected
        left = left[outcome.stopped_at :]
        time.sleep(2**attempt)
    raise Busy("the bus does not take it; the same command goes on from here")


def to_queue(url: str, deployment: Deployment) -> Send:
    """Sends facts to a consumer's queue, in the form in which a rule of the bus does."""

    def send(facts: Sequence[Fact]) -> int:
        for together in _together([_event(fact, deployment.region) for fact in facts]):
            left = {str(number): body for number, body in enumerate(together)}
            for attempt in range(MAX_TRIES):
                answer = messages.client().send_message_batch(
                    QueueUrl=url, Entries=[{"Id": number, "MessageBody": body} for number, body in left.items()]
                )
                left = {failure["Id"]: left[failure["Id"]] for failure in answer.get("Failed", ())}
                if not left:
                    break
                time.sleep(2**attempt)
            else:
                raise Busy("the queue does not take it; the same command goes on from here")
        return 0

    return send


def paced(send: Send, per_second: int) -> Send:
    """Sends at most so many facts a second, ten at a time."""

    def slowly(facts: Sequence[Fact]) -> int:
        rejected = 0
        for start in range(0, len(facts), _BATCH):
            begun = time.monotonic()
            together = facts[start : start + _BATCH]
            rejected += send(together)
            time.sleep(max(0.0, len(together) / per_second - (time.monotonic() - begun)))
        return rejected

    return slowly


def _together(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Ten at a time, what is large alone."""
    together: list[str] = []
    for body in bodies:
        if len(body.encode()) > _MAX_TOGETHER:
            yield [body]
            continue
        together.append(body)
        if len(together) == _BATCH:
            yield together
            together = []
    if together:
        yield together


def _event(fact: Fact, region: str) -> str:
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": fact.type,
            "source": bus.SOURCE,
            "time": to_timestamp(fact.recorded_at),
            "region": region,
            "resources": [],
            "detail": fact_store.to_members(fact),
        },
        ensure_ascii=False,
    )


def _span(start: str, end: str, types: Sequence[str], consumer: str) -> Span:
    """What is asked for. Ends the command where it cannot be."""
    known = fact_types()
    wrong = [name for name in types if name not in known]
    if wrong:
        complain(f"There is no type of fact {', '.join(wrong)}; docs/events.md has them all.")
        raise typer.Exit(2)
    if consumer and consumer not in consumers():
        complain(f"There is no consumer {consumer}; there are {', '.join(sorted(consumers()))}.")
        raise typer.Exit(2)
    if consumer:
        heard = consumers()[consumer].facts
        if deaf := [name for name in types if name not in heard]:
            complain(f"{consumer} does not hear {', '.join(deaf)}, but {', '.join(heard)}.")
            raise typer.Exit(2)
        types = types or heard
    try:
        first, last = (moment(text) for text in (start, end))
    except ValueError:
        complain("Want moments such as 2026-11-01T00:00 or 2026-11-01T00:00+01:00.")
        raise typer.Exit(2) from None
    if first >= last:
        complain("--to has to be later than --from.")
        raise typer.Exit(2)
    return Span(start=first, end=last, types=tuple(types))


def moment(text: str) -> datetime:
    """A moment as it is typed, by UTC where no zone is named. Raises ValueError where it is none."""
    typed = datetime.fromisoformat(text)
    return typed.astimezone(UTC) if typed.tzinfo else typed.replace(tzinfo=UTC)


def _saved_at(deployment: Deployment, span: Span, queue: str) -> Path:
    """Where the progress of this very command is kept."""
    asked: dict[str, Any] = {**asdict(span), "queue": queue, "stage": deployment.stage, "region": deployment.region}
    name = hashlib.sha256(json.dumps(asked, default=str).encode()).hexdigest()[:16]
    return STATE / "republish" / f"{name}.json"


def _resumed(saved_at: Path) -> Progress | None:
    try:
        content = json.loads(saved_at.read_text())
    except FileNotFoundError:
        return None
    console.print(f"Goes on behind {content['after']}.", style="dim", markup=False)
    return Progress(**content)


def _save(saved_at: Path, progress: Progress) -> None:
    saved_at.parent.mkdir(parents=True, exist_ok=True)
    fresh = saved_at.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(progress)))
    fresh.replace(saved_at)
