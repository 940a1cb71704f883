"""API keys: pk `KEY#<SHA-256 of the key>`, sk `KEY`; the key itself is shown once and kept nowhere."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.core import old_table as table
from shared.core.facts import to_timestamp


@dataclass(frozen=True, slots=True)
class Key:
    """Who holds a key, and what it allows."""

    name: str
    scopes: tuple[str, ...]


def find(secret: str) -> Key | None:
    """The key with this secret (1 read unit)."""
    item = table.get(table.customers_table(), _item_key(secret))
    return Key(item["name"], tuple(item["scopes"])) if item else None


def add(secret: str, name: str, scopes: Sequence[str], now: datetime) -> None:
    """Keep a new key."""
    item = {**_item_key(secret), "name": name, "scopes": list(scopes), "created_at": to_timestamp(now)}
    table.apply(table.put_new(table.customers_table(), item))


def remove(secret: str) -> bool:
    """Forget a key, which then opens nothing any more; whether there was one."""
    table_name, key = table.customers_table(), table.pack(_item_key(secret))
    answer = table.dynamodb().delete_item(TableName=table_name, Key=key, ReturnValues="ALL_OLD")
    return "Attributes" in answer


def new_secret() -> str:
    """A key for a back office: 256 random bits behind a prefix by which a scanner for leaked secrets knows it."""
    return f"rk_{secrets.token_urlsafe(32)}"


def _item_key(secret: str) -> dict[str, str]:
    return {"pk": f"KEY#{_digest(secret)}", "sk": "KEY"}


def _digest(secret: str) -> str:
    # Keys are 256 random bits, so a plain hash cannot be guessed back.
    return hashlib.sha256(secret.encode()).hexdigest()
