"""`regulars doctor`: whether a deployment is well, and what to do where it is not."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Annotated, Final

import dns.exception
import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.console import console
from cli.deployment import connect, explain
from cli.doctor import findings, readings
from cli.doctor.findings import Finding, State
from cli.explained import explained
from cli.queues.pairs import pairs
from infra import wirings
from shared.core import clock, environment
from shared.core.settings import LOCAL_STAGE, Settings
from shared.edge.wiring import Schedule

_MARKS: Final = {State.OK: "[green]✓[/]", State.WARN: "[yellow]![/]", State.FAIL: "[red]✗[/]", State.UNKNOWN: "?"}

Check = Callable[[], list[Finding]]


def doctor(
    stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE,
    cost: Annotated[bool, typer.Option(help="Also ask for the month's costs, for which AWS takes 0.01 USD.")] = True,
) -> None:
    """Check a deployment without changing it, and say what to do; ends with 1 where something is wrong."""
    with explained():
        settings = connect(stage).settings
    problems = list(chain.from_iterable(_checked(about, check) for about, check in _checks(settings, cost=cost)))
    for finding in problems:
        console.print(f"{_MARKS[finding.state]} [bold]{finding.about}[/]: ", end="")
        console.print(finding.text, markup=False)
        if finding.to_do:
            console.print(f"  → {finding.to_do}", style="dim", markup=False)
    if any(finding.state is State.FAIL for finding in problems):
        raise typer.Exit(1)


def _checked(about: str, check: Check) -> list[Finding]:
    """The findings of a check; that it could not be made, where AWS refuses it."""
    try:
        return check()
    except (BotoCoreError, ClientError) as error:
        return [Finding(about, State.UNKNOWN, explain(error), "the policy ReadOnlyAccess allows all that is asked")]
    except dns.exception.DNSException as error:
        return [Finding(about, State.UNKNOWN, f"the DNS does not answer: {error}")]


def _checks(settings: Settings, *, cost: bool) -> Iterator[tuple[str, Check]]:
    now = clock.now()
    yield "schedules", lambda: findings.of_schedules(_schedules(settings), readings.schedules(settings))
    yield "queues", lambda: findings.of_failed(readings.failed(settings, _dead_letters()))
    yield (
        "jobs",
        lambda: [
            finding
            for job, executions in readings.executions(settings, _jobs())
            for finding in findings.of_job(job, executions, now)
        ],
    )
    if settings.is_local:
        return
    yield "settings", lambda: findings.of_settings(settings)
    yield "SES", lambda: findings.of_mail_account(readings.mail_account())
    domain = settings.sender.partition("@")[2]
    yield (
        "sender",
        lambda: findings.of_identity(settings.sender, readings.identity(domain), readings.identity(settings.sender)),
    )
    yield "DMARC", lambda: findings.of_dmarc(domain, readings.dmarc(domain))
    yield "concurrency", lambda: findings.of_concurrency(readings.concurrency(), settings)
    yield "alarms", lambda: _of_alarms(settings)
    tables = [environment.variable("CUSTOMERS_TABLE"), environment.variable("SCORECARDS_TABLE")]
    yield "backups", lambda: findings.of_backups(readings.backups(tables))
    if cost:
        yield "cost", lambda: findings.of_cost(*readings.cost(settings.stage, now), now)


def _of_alarms(settings: Settings) -> list[Finding]:
    alarms = readings.alarms(settings)
    return findings.of_alarms(alarms, readings.subscriptions(alarms))


def _schedules(settings: Settings) -> list[str]:
    starts = [
        function.name.replace("_", "-")
        for function in wirings.functions().values()
        if any(isinstance(trigger, Schedule) for trigger in function.triggers)
    ]
    nightly = [job.name for capability in wirings.capabilities() for job in capability.jobs if job.schedule]
    return [f"regulars-{settings.stage}-{name}" for name in (*starts, *nightly)]


def _jobs() -> list[str]:
    return [job.name for capability in wirings.capabilities() for job in capability.jobs]


def _dead_letters() -> list[str]:
    return [f"{name}-failed" for name in pairs()]
