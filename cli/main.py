"""The `regulars` command."""

import typer

from cli import down, keys, rebuild, republish, up
from cli.audit import audit
from cli.demo.command import demo
from cli.doctor.command import doctor
from cli.importing.command import import_purchases
from cli.queues import command as queues
from cli.restoring.command import restore
from cli.scoring.command import score

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
app.command("demo")(demo)
app.command("import")(import_purchases)
app.command("score")(score)
app.command("audit")(audit)
app.command("doctor")(doctor)
app.command("republish")(republish.republish)
app.command("rebuild")(rebuild.rebuild)
app.command("restore")(restore)
app.add_typer(keys.app, name="keys")
app.add_typer(queues.app, name="queues")
