"""`regulars keys`: the keys with which back offices and tools call the API, and those that sign links."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

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
    scope: Annotated[
        list[str] | None, typer.Option(help=f"What it allows, given once for each: {', '.join(SCOPES)}.")
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="From the beginning of this day (UTC) on it is refused.",
            show_default="in a year",
        ),
    ] = None,
    stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    if not scope:
        complain(f"A key without a scope opens nothing; give --scope for each of what it needs: {', '.join(SCOPES)}.")
        raise typer.Exit(2)
    wrong = [entry for entry in scope if entry not in SCOPES]
    if wrong:
        complain(f"There is no scope {', '.join(wrong)}; there are {', '.join(SCOPES)}.")
        raise typer.Exit(2)
    if not name.strip() or not name.isprintable() or len(name) > 60:
        complain("The name has to be 1 to 60 printable characters.")
        raise typer.Exit(2)
    valid_until = expires.replace(tzinfo=UTC) if expires else None
    if valid_until and valid_until <= clock.now():
        complain("--expires lies in the past.")
        raise typer.Exit(2)
    secret = new_secret()
    with explained():
        into = connect(stage)
        key = api_keys.add(secret, name.strip(), tuple(dict.fromkeys(scope)), clock.now(), valid_until)
    if stage != LOCAL_STAGE:
        console.print(f"A key of stage {stage} in {into.region}.", style="dim", markup=False)
    console.print("Keep this key; it is shown only now. Send it as `Authorization: Bearer <key>`.", style="dim")
    console.print(f"Its id is {key.key_id}; it expires on {key.valid_until:%Y-%m-%d}.", style="dim", markup=False)
    console.print(secret, markup=False)


@app.command("list")
def list_keys(stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE) -> None:
    """List all keys with their ids, holders, scopes, expiry and last use."""
    with explained():
        connect(stage)
        keys = api_keys.every()
    table = Table("id", "name", "created", "expires", "last used", "scopes", box=None, pad_edge=False)
    now = clock.now()
    for key in keys:
        expires = f"{key.valid_until:%Y-%m-%d}" + (" (expired)" if key.valid_until <= now else "")
        last_used = str(key.last_used_on or "never")
        table.add_row(
            *map(Text, (key.key_id, key.name, f"{key.created_at:%Y-%m-%d}", expires, last_used, " ".join(key.scopes)))
        )
    console.print(table if keys else "There are no keys.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `regulars keys list` shows it.")],
    stage: Annotated[str, typer.Option(help="The deployment.")] = LOCAL_STAGE,
) -> None:
    """Revoke a key. On AWS it may still open the API for five minutes: that long the gateway remembers it."""
    with explained():
        connect(stage)
        existed = api_keys.revoke(key_id)
    if not existed:
        complain(f"There is no key {key_id}; `regulars keys list` shows those that there are.")
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
