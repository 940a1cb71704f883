"""`regulars queues list|peek|redrive|drop`: what waits, and what failed for good."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Final

import boto3
import typer
from rich.table import Table

from cli.console import complain, console
from cli.deployment import connect, take_over
from cli.explained import explained
from cli.queues import messages
from cli.queues.messages import LOOK_SECONDS, WORK_SECONDS, Message
from cli.queues.pairs import QueuePair, pairs
from cli.queues.redriving import Stays, way
from shared.core import clock
from shared.core.settings import LOCAL_STAGE

MAX_BODY: Final = 2_000
# CloudWatch has the age of the oldest message every five minutes, some minutes late.
_AGE_PERIOD: Final = timedelta(minutes=5)
_AGE_WINDOW: Final = timedelta(minutes=20)

app = typer.Typer(help="The queues: what waits, and what failed for good.", no_args_is_help=True)

Stage = Annotated[str, typer.Option(help="The deployment.")]
Name = Annotated[str, typer.Argument(help=f"One of {', '.join(pairs())}.")]


@app.command("list")
def list_queues(stage: Stage = LOCAL_STAGE) -> None:
    """Show how many messages wait, are being processed and failed, and how old the oldest is."""
    with explained():
        connect(stage)
        known = pairs().values()
        queues = [pair.queue(stage) for pair in known if pair.has_queue] + [pair.failed(stage) for pair in known]
        counts = {queue: _counts(queue) for queue in queues}
        ages = _ages(queues)
    table = Table(box=None, header_style="bold")
    table.add_column("Queue")
    for column in ("Waiting", "In flight", "Oldest", "Failed", "Oldest failed"):
        table.add_column(column, justify="right")
    for pair in known:
        waiting, in_flight = counts[pair.queue(stage)] if pair.has_queue else (0, 0)
        failed = sum(counts[pair.failed(stage)])
        table.add_row(
            pair.name,
            str(waiting) if pair.has_queue else "",
            str(in_flight) if pair.has_queue else "",
            ages.get(pair.queue(stage), "") if waiting + in_flight else "",
            str(failed),
            ages.get(pair.failed(stage), "") if failed else "",
        )
    console.print(table)


@app.command()
def peek(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many messages.")] = 10,
    stage: Stage = LOCAL_STAGE,
) -> None:
    """Show messages that failed. They stay where they are; for a moment nobody else sees them."""
    pair = _pair(name)
    with explained():
        connect(stage)
        url = messages.url_of(pair.failed(stage))
        looked_at: list[Message] = []
        try:
            for message in messages.take(url, limit=limit, seconds=LOOK_SECONDS):
                looked_at.append(message)
                _show(message)
        finally:
            messages.put_back(url, looked_at)
    if not looked_at:
        console.print("Nothing failed.")


@app.command()
def redrive(
    name: Name,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many messages.", show_default="all")] = None,
    stage: Stage = LOCAL_STAGE,
) -> None:
    """Try again what failed. Ends with 1 where some could not be tried again; they stay."""
    pair = _pair(name)
    tried, kept = 0, list[Message]()
    with explained():
        deployment = connect(stage)
        if pair.function and not pair.has_queue:
            take_over(deployment, pair.function, "BUS_NAME", "DATA_BUCKET")
        url = messages.url_of(pair.failed(stage))
        act = way(pair, stage)
        try:
            for message in messages.take(url, limit=limit, seconds=WORK_SECONDS):
                # Counted as kept until it is gone, so that an error lets others see it again.
                kept.append(message)
                try:
                    act(message)
                except Stays as reason:
                    complain(f"{message.id} stays: {reason}.")
                    continue
                messages.remove(url, message)
                kept.pop()
                tried += 1
        finally:
            messages.put_back(url, kept)
    console.print(f"{tried:,} tried again, {len(kept):,} stay.")
    if kept:
        raise typer.Exit(1)


@app.command()
def drop(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: there is no way back.")] = False,
    stage: Stage = LOCAL_STAGE,
) -> None:
    """Give up everything that failed in a queue, for good."""
    pair = _pair(name)
    with explained():
        connect(stage)
        failed = sum(_counts(pair.failed(stage)))
        if not yes:
            complain(f"This would delete {failed:,} messages of {pair.failed(stage)} for good; --yes does it.")
            raise typer.Exit(2)
        messages.client().purge_queue(QueueUrl=messages.url_of(pair.failed(stage)))
    console.print(f"{failed:,} given up; AWS takes up to a minute to delete them.")


def _pair(name: str) -> QueuePair:
    """The pair of this name; the name of its failed queue will do. Ends the command where there is none."""
    pair = pairs().get(name.removesuffix("-failed"))
    if pair is None:
        complain(f"There is no queue {name}; there are {', '.join(pairs())}.")
        raise typer.Exit(2)
    return pair


def _counts(queue: str) -> tuple[int, int]:
    """How many messages wait, those that are delayed included, and how many are being processed."""
    answer = messages.client().get_queue_attributes(
        QueueUrl=messages.url_of(queue),
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
        ],
    )["Attributes"]
    waiting = int(answer["ApproximateNumberOfMessages"]) + int(answer.get("ApproximateNumberOfMessagesDelayed", 0))
    return waiting, int(answer["ApproximateNumberOfMessagesNotVisible"])


def _ages(queues: Sequence[str]) -> dict[str, str]:
    """The age of the oldest message of each queue, as text, where CloudWatch knows it."""
    now = clock.now()
    answer = boto3.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {
                "Id": f"q{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/SQS",
                        "MetricName": "ApproximateAgeOfOldestMessage",
                        "Dimensions": [{"Name": "QueueName", "Value": queue}],
                    },
                    "Period": int(_AGE_PERIOD.total_seconds()),
                    "Stat": "Maximum",
                },
            }
            for number, queue in enumerate(queues)
        ],
        StartTime=now - _AGE_WINDOW,
        EndTime=now,
        ScanBy="TimestampDescending",
    )
    return {
        queues[int(result["Id"][1:])]: _as_age(result["Values"][0])
        for result in answer["MetricDataResults"]
        if result["Values"]
    }


def _as_age(seconds: float) -> str:
    minutes = int(seconds) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def _show(message: Message) -> None:
    sent = f"{message.sent_at:%Y-%m-%d %H:%M:%S} UTC"
    console.print(f"{message.id}  sent {sent}, received {message.receives} times", style="bold", markup=False)
    for attribute, value in message.attributes.items():
        console.print(f"  {attribute}: {value}", style="dim", markup=False)
    try:
        body = json.dumps(json.loads(message.body), ensure_ascii=False)
    except ValueError:
        body = message.body
    console.print(f"  {body[:MAX_BODY]}{'…' if len(body) > MAX_BODY else ''}", markup=False)
