"""`regulars up`: the local AWS with everything deployed to it."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.console import complain, console, say

STAGE_FILE: Final = Path(__file__).resolve().parent.parent / "stages" / "local.env"


def up(
    port: Annotated[
        int | None, typer.Option(help="Where to serve; the port of a running one, else 4566.", show_default=False)
    ] = None,
) -> None:
    """Start the CRM on this machine, with the settings of stages/local.env, and leave it running; again is harmless."""
    # Here and not above: it brings CDK with it, which the other commands need not wait for.
    from infra import local

    try:
        stack = local.up(say, port=port, settings=settings_of(STAGE_FILE))
    except local.LocalFailure as failure:
        complain(f"{failure}.")
        raise typer.Exit(1) from None
    console.print(
        f"The CRM runs.\n  API     {stack.api_url}\n  outbox  {stack.outbox_url}\n"
        f"  more    {local.STATE / 'local.json'}, an API key included\n"
        "`make down` ends it and keeps its data; `regulars down --forget` forgets them.",
        markup=False,
    )


def settings_of(file: Path) -> dict[str, str]:
    """The settings in a stage's file, `NAME=value` in each line, less those that the environment has."""
    if not file.is_file():
        return {}
    lines = [line.strip() for line in file.read_text().splitlines()]
    pairs = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip() not in os.environ}
