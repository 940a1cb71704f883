"""A command that cannot go on for want of AWS ends with a sentence, and with 1."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.console import complain
from cli.deployment import Unreachable, explain
from shared.core.errors import RegularsError


@contextmanager
def explained() -> Iterator[None]:
    """What is done in it ends the command with a sentence where the deployment or AWS does not answer."""
    try:
        yield
    except Unreachable as error:
        complain(str(error))
        raise typer.Exit(1) from None
    except (BotoCoreError, ClientError, RegularsError) as error:
        complain(explain(error))
        raise typer.Exit(1) from None
