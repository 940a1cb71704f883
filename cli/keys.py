"""`regulars keys`: the keys with which back offices and tools call the API, and those that sign links."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from cli.console import complain, console
from cli.deployment import connect
from cli.explained import explained
from infra import wirings
from shared.core import clock
from shared.core.settings import LOCAL_STAGE
from shared.edge import api_keys, signing_keys
from shared.edge.api_keys import new_secret

SCOPES: Final = wirings.scopes()

app = typer.Typer(help="The keys with which back offices and tools call the API.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Who will use it, such as `shop-backend`; it stands in the logs.")],
    scope: Annotated[list[str] | None, typer.Option(help=f"What it allows: {', '.join(SCOPES)}. All if none.")] = None,
    stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    wrong = [entry for entry in scope or () if entry not in SCOPES]
    if wrong:
        complain(f"There is no scope {', '.join(wrong)}; there are {', '.join(SCOPES)}.")
        raise typer.Exit(2)
    if not name.strip() or not name.isprintable() or len(name) > 60:
        complain("The name has to be 1 to 60 printable characters.")
        raise typer.Exit(2)
    secret = new_secret()
    with explained():
        into = connect(stage)
        api_keys.add(secret, name.strip(), tuple(dict.fromkeys(scope or SCOPES)), clock.now())
    if stage != LOCAL_STAGE:
        console.print(f"A key of stage {stage} in {into.region}.", style="dim", markup=False)
    console.print("Keep this key; it is shown only now. Send it as `Authorization: Bearer <key>`.", style="dim")
    console.print(secret, markup=False)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="The key itself, as it was printed; no list of keys is kept.")],
    stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE,
) -> None:
    """Revoke a key. On AWS it may still open the API for five minutes: that long the gateway remembers it."""
    with explained():
        connect(stage)
        existed = api_keys.remove(key)
    if not existed:
        complain("There is no such key.")
        raise typer.Exit(1)
    console.print("The key is revoked.")


@app.command("rotate-signing")
def rotate_signing(
    stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE,
    revoke_older_than: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="End all links that were signed with keys from before this day (UTC), unsubscribe links included.",
        ),
    ] = None,
) -> None:
    """Sign links with a new key from now on. Links in old mails stay valid, unless their keys are revoked.

    It signs from two minutes on, in functions that are running already from an hour on at the latest. Run again within
    ten minutes, it adds no second key.
    """
    before = revoke_older_than.replace(tzinfo=UTC) if revoke_older_than else None
    with explained():
        connect(stage)
        newest, *older = signing_keys.rotate(clock.now(), before).signing_keys
    console.print(f"Key {newest.id} signs links from now on; {len(older)} older still open them.")
