"""`regulars down`: the local AWS ends, and leaves nothing running."""

from typing import Annotated

import typer

from cli.console import complain, say


def down(
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget its data, too; otherwise `up` goes on with them.")
    ] = False,
) -> None:
    """End the CRM on this machine; harmless where none runs."""
    from infra import local

    try:
        local.down(say, forget=forget)
        # What a demo that was killed may have left.
        local.down(say, state=local.STATE / "demo", forget=True)
    except local.LocalFailure as failure:
        complain(f"{failure}.")
        raise typer.Exit(1) from None
