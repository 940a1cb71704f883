"""`regulars down`: the local AWS ends, and leaves nothing running."""

import typer

from cli.console import complain, say


def down() -> None:
    """End the CRM on this machine, with all that it holds; harmless where none runs."""
    from infra import local

    try:
        local.down(say)
        # What a demo that was killed may have left.
        local.down(say, state=local.STATE / "demo")
    except local.LocalFailure as failure:
        complain(f"{failure}.")
        raise typer.Exit(1) from None
