"""`regulars restore`: the tables as they were at a moment, under new names, ready for `make deploy` to use them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.console import complain, console, say
from cli.deployment import STATE, Deployment, connect, take_over
from cli.explained import explained
from cli.republish import Span, moment
from cli.restoring import since, stage_file, tables
from cli.restoring.tables import CUSTOMERS, SCORECARDS, CannotRestore
from shared.core import clock, environment
from shared.core.settings import LOCAL_STAGE

STAGES: Final = STATE.parent / "stages"
# Facts that are being recorded have a moment later than ours where the clocks differ.
_AHEAD: Final = timedelta(days=1)
HEARD_LATE: Final = timedelta(hours=1)


class Which(StrEnum):
    """Which tables to restore."""

    CUSTOMERS = CUSTOMERS
    SCORECARDS = SCORECARDS
    BOTH = "both"


def restore(
    to: Annotated[str, typer.Option("--to", help="The moment, such as 2026-11-20T03:00Z; by UTC.")],
    stage: Annotated[str, typer.Option(help="The deployment.")],
    table: Annotated[Which, typer.Option(help="Which table.")] = Which.BOTH,
    source: Annotated[str, typer.Option(help="Restore from this table instead of the one in use.")] = "",
    write: Annotated[bool, typer.Option("--write", help="Write the settings into stages/<stage>.env.")] = False,
) -> None:
    """Restore tables to a moment of the last 35 days, and say how to put them in the place of those in use.

    A restored table is a new one beside the old, which stays as it is. Nothing uses it before `make deploy`. Ended on
    its way, the same command goes on; run once more after the deployment, it catches up with opt-outs.
    """
    if stage == LOCAL_STAGE:
        complain("The local CRM has no point-in-time recovery; `--stage prod` names a deployment on AWS.")
        raise typer.Exit(2)
    if source and table is Which.BOTH:
        complain("--source is one table: say with --table which.")
        raise typer.Exit(2)
    try:
        at = moment(to).replace(microsecond=0)
    except ValueError:
        complain("Want a moment such as 2026-11-20T03:00Z or 2026-11-20T04:00+01:00.")
        raise typer.Exit(2) from None
    chosen = [CUSTOMERS, SCORECARDS] if table is Which.BOTH else [table.value]
    with explained(), _refused():
        deployment = connect(stage)
        in_use = {name: os.environ[f"{name.upper()}_TABLE"] for name in chosen}
        settings = _restored(deployment, at, in_use, source)
        if CUSTOMERS in chosen:
            _replay(deployment, at, settings["RESTORED_CUSTOMERS_TABLE"], in_use[CUSTOMERS])
    _show_next(stage, at, settings, is_written=write)


def _restored(deployment: Deployment, at: datetime, in_use: Mapping[str, str], source: str) -> dict[str, str]:
    """Restore these tables; the settings that put them into use."""
    targets = {name: tables.target_name(deployment.settings, name, at) for name in in_use}
    # Both at once, and neither where one cannot be.
    for name, target in targets.items():
        if tables.describe(target) is None:
            tables.check_window(at, *tables.window(source or in_use[name]))
    for name, target in targets.items():
        begun = tables.start(source or in_use[name], target, at)
        say(f"{target}, of {source or in_use[name]}: {'the restore has begun' if begun else 'was begun before'}")
    settings = {}
    for name, target in targets.items():
        about = tables.complete(target, source or in_use[name], is_streamed=name == CUSTOMERS, say=say)
        console.print(f"{target} is restored, with its protection, backups and tags.", markup=False)
        settings[f"RESTORED_{name.upper()}_TABLE"] = target
        if name == CUSTOMERS:
            settings["RESTORED_CUSTOMERS_STREAM"] = about["LatestStreamArn"]
    return settings


def _replay(deployment: Deployment, at: datetime, target: str, in_use: str) -> None:
    """Write into the restored table what must not be lost, and say what is."""
    take_over(deployment, "publish_changes", "DATA_BUCKET")
    os.environ["CUSTOMERS_TABLE"] = target
    environment.forget()
    recorded = since.read(Span(start=at, end=clock.now() + _AHEAD))
    if target != in_use:
        console.print(f"Recorded since {at:%Y-%m-%dT%H:%M:%SZ}, and not in the restored table:", markup=False)
        for name, count in sorted(recorded.counts.items()):
            console.print(f"{count:>9,}  {name}", markup=False)
    replayed = since.replay(recorded.opt_outs)
    console.print(
        f"Opt-outs: {replayed.facts:,} facts of {replayed.customers:,} customers written into it; "
        f"{replayed.unknown:,} customers were not there yet."
    )


def _show_next(stage: str, at: datetime, settings: Mapping[str, str], *, is_written: bool) -> None:
    file = Path("stages") / f"{stage}.env"
    if is_written:
        stage_file.write(STAGES / f"{stage}.env", settings)
    console.print(f"\n{'Written into' if is_written else 'Put into'} {file}:", markup=False)
    for name, value in settings.items():
        console.print(f"{name}={value}", markup=False)
    # What consumers made of these facts may have come after the moment, and so is lost.
    heard_late = f"--from {at - HEARD_LATE:%Y-%m-%dT%H:%M:%SZ} --to {at:%Y-%m-%dT%H:%M:%SZ}"
    steps = [f"make deploy STAGE={stage}", "this very command once more"]
    if "RESTORED_CUSTOMERS_TABLE" in settings:
        steps.append(f"regulars republish --stage {stage} {heard_late}")
    steps.append(f"regulars rebuild --stage {stage}")
    console.print("\nThen, as docs/operations.md says under “Restore”:", markup=False)
    for number, step in enumerate(steps, 1):
        console.print(f"  {number}. {step}", markup=False)


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except CannotRestore as error:
        complain(f"{error}.")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        complain("Ended here; DynamoDB goes on. The same command goes on from there.")
        raise typer.Exit(130) from None
