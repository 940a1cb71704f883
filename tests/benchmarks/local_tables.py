"""A local AWS of the benchmarks' own: MiniStack with pairs of tables and the signing key; nothing is deployed."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3

from infra.local import server
from infra.local.deployment import aws_environment
from shared.core import environment


@contextmanager
def local_tables() -> Iterator[None]:
    """Start it and point this process at it; ended at the end, with all that it holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server.install()
    with TemporaryDirectory() as folder:
        state = Path(folder)
        server.start(state, port)
        try:
            os.environ.update(
                aws_environment(f"http://127.0.0.1:{port}"),
                SIGNING_KEY_SECRET="signing-key",
                PUBLIC_URL="https://crm.shop.example",
            )
            boto3.client("secretsmanager").create_secret(Name="signing-key", SecretString="k" * 64)
            yield
        finally:
            server.stop(state)


def create_pair(prefix: str) -> None:
    """Empty tables `<prefix>-customers` and `<prefix>-scorecards`, keyed as in `infra/stacks/data.py`."""
    client: Any = boto3.client("dynamodb")
    for name, keys in (("customers", {"pk": "HASH", "sk": "RANGE"}), ("scorecards", {"customer_id": "HASH"})):
        client.create_table(
            TableName=f"{prefix}-{name}",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
            BillingMode="PAY_PER_REQUEST",
        )


def use_pair(prefix: str) -> None:
    """Let the stores of this process write to that pair."""
    os.environ.update(CUSTOMERS_TABLE=f"{prefix}-customers", SCORECARDS_TABLE=f"{prefix}-scorecards")
    environment.forget()
