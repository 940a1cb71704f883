"""The `regulars` command."""

import typer

from cli import down, keys, up
from cli.demo import command as demo
from cli.importing import command as import_purchases
from cli.scoring import command as score

app = typer.Typer(
    name="regulars",
    help="Regulars turns customers into regulars: serverless CRM automation.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("down")(down.down)
app.command("demo")(demo.demo)
app.command("import")(import_purchases.import_purchases)
app.command("score")(score.score)
app.add_typer(keys.app, name="keys")
