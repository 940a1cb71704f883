"""`regulars up`: the local AWS with everything deployed to it."""

from typing import Annotated

import typer

from cli.console import complain, console, say


def up(
    port: Annotated[
        int | None, typer.Option(help="Where to serve; the port of a running one, else 4566.", show_default=False)
    ] = None,
) -> None:
    """Start the CRM on this machine and leave it running; a second time is harmless."""
    # Here and not above: it brings CDK with it, which the other commands need not wait for.
    from infra import local

    try:
        stack = local.up(say, port=port)
    except local.LocalFailure as failure:
        complain(f"{failure}.")
        raise typer.Exit(1) from None
    console.print(
        f"The CRM runs.\n  API     {stack.api_url}\n  outbox  {stack.outbox_url}\n"
        f"  more    {local.STATE / 'local.json'}, an API key included\n"
        "`make down` ends it.",
        markup=False,
    )
