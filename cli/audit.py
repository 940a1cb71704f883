"""`regulars audit`: who called what about whom with which key, from the logs of the functions behind the API."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import boto3
import typer
from rich.table import Table
from rich.text import Text

from cli.console import complain, console
from cli.deployment import Unreachable, connect
from cli.explained import explained
from infra import wirings
from shared.core import clock
from shared.core.settings import LOCAL_STAGE, Settings
from shared.edge.audit import KEEP_DAYS, KIND

# CloudWatch Logs Insights: log groups of one query, and lines of one answer.
MAX_GROUPS: Final = 50
MAX_LINES: Final = 10_000
_POLL_SECONDS: Final = 1
_DATE: Final = ["%Y-%m-%d"]


def audit(
    customer: Annotated[str | None, typer.Option(metavar="ID", help="Only calls about this customer.")] = None,
    key: Annotated[str | None, typer.Option(metavar="ID", help="Only calls with this key.")] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=_DATE, help="The first day, by UTC.", show_default="30 days ago"),
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=_DATE, help="The last day, by UTC.", show_default="today")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE,
) -> None:
    """Show who called what about whom with which key, newest first; 400 days are kept.

    CloudWatch charges for what it searches, about $0.006 per GB of logs.
    """
    now = clock.now()
    first = start.replace(tzinfo=UTC) if start else now - timedelta(days=30)
    last = end.replace(tzinfo=UTC) + timedelta(days=1) if end else now + timedelta(minutes=1)
    if first >= last or first < now - timedelta(days=KEEP_DAYS + 1):
        complain(f"--from and --to: want days of the last {KEEP_DAYS}, the first one not after the last.")
        raise typer.Exit(2)
    with explained():
        settings = connect(stage).settings
        entries, is_complete = read(settings, first, last, customer, key)
    if as_json:
        for entry in entries:
            console.print(json.dumps(entry, ensure_ascii=False), markup=False)
    else:
        console.print(_table(entries) if entries else "Nobody did.")
    if not is_complete:
        complain(f"There are more than {MAX_LINES:,} calls; ask for fewer days.")
        raise typer.Exit(1)


def read(
    settings: Settings, first: datetime, last: datetime, customer: str | None = None, key: str | None = None
) -> tuple[list[dict[str, Any]], bool]:
    """The entries from `first` until `last`, newest first, and whether these are all.

    Asks CloudWatch and waits for its answer. Raises ClientError where it refuses, Unreachable where the query fails.
    """
    client = boto3.client("logs")
    groups = [f"/aws/lambda/regulars-{settings.stage}-{name}" for name in audited_functions()]
    entries: list[dict[str, Any]] = []
    is_complete = True
    for at in range(0, len(groups), MAX_GROUPS):
        started = client.start_query(
            logGroupNames=groups[at : at + MAX_GROUPS],
            startTime=int(first.timestamp()),
            endTime=int(last.timestamp()),
            queryString=query(customer, key),
            limit=MAX_LINES,
        )
        while (answer := client.get_query_results(queryId=started["queryId"]))["status"] in ("Scheduled", "Running"):
            time.sleep(_POLL_SECONDS)
        if answer["status"] != "Complete":
            raise Unreachable(f"CloudWatch did not answer the query: {answer['status']}.")
        is_complete &= len(answer["results"]) < MAX_LINES
        entries += _entries(
            [field["value"] for row in answer["results"] for field in row if field["field"] == "@message"]
        )
    asked_about = (
        entry
        for entry in entries
        if (customer is None or entry["whom"].get("customer_id") == customer) and (key is None or entry["who"] == key)
    )
    return sorted(asked_about, key=lambda entry: str(entry["at"]), reverse=True), is_complete


def audited_functions() -> list[str]:
    """The names of the functions whose logs hold entries: those with a route that wants a key."""
    return [name for name, function in wirings.functions().items() if any(route.scope for route in function.routes)]


def query(customer: str | None, key: str | None) -> str:
    """The query for the entries in the terms of CloudWatch Logs Insights."""
    members = [f'"kind":"{KIND}"']
    members += [f'"customer_id":{json.dumps(customer)}'] if customer is not None else []
    members += [f'"who":{json.dumps(key)}'] if key is not None else []
    filters = (f"filter @message like /{_escaped(member)}/" for member in members)
    return " | ".join(("fields @timestamp, @message", *filters, "sort @timestamp desc", f"limit {MAX_LINES}"))


def _escaped(text: str) -> str:
    # Signs could end the expression, or a part of the query. Any will do: entries are checked again.
    return re.sub("[^A-Za-z0-9_]", ".", text)


def _entries(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("kind") == KIND:
            yield entry


def _table(entries: Sequence[dict[str, Any]]) -> Table:
    table = Table("when", "key", "call", "about", "status", box=None, pad_edge=False)
    for entry in entries:
        about = " ".join(f"{name}={value}" for name, value in entry["whom"].items())
        table.add_row(*map(Text, (entry["at"], entry["who"], entry["what"], about, str(entry["status"]))))
    return table
