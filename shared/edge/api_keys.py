"""API keys: pk `KEY#<SHA-256 of the key>`, sk `KEY`; the key itself is shown once and kept nowhere."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Cancelled, apply
from shared.core.kind import Kind


@dataclass(frozen=True, slots=True)
class Key:
    """The name of a key's holder, and the scopes that it carries; `digest` is the key's SHA-256."""

    digest: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime


KEYS: Final = Kind(Key, CUSTOMERS, "KEY#{digest}", "KEY", in_key=("digest",))


def get(secret: str) -> Key | None:
    """The key with this secret (1 read unit)."""
    return KEYS.get(digest=_digest(secret))


def add(secret: str, name: str, scopes: Sequence[str], now: datetime) -> None:
    """Store a new key (1 write unit)."""
    apply(KEYS.put_new(Key(_digest(secret), name, tuple(scopes), now)))


def remove(secret: str) -> bool:
    """Delete a key, which is then refused; whether it existed (1 write unit)."""
    try:
        apply(CUSTOMERS.delete(KEYS.key(digest=_digest(secret)), "attribute_exists(sk)"))
    except Cancelled:
        return False
    return True


def new_secret() -> str:
    """A key for a back office: 256 random bits after a prefix by which scanners for leaked secrets recognise it."""
    return f"rk_{secrets.token_urlsafe(32)}"


def _digest(secret: str) -> str:
    # Keys are 256 random bits, so a plain hash cannot be guessed back.
    return hashlib.sha256(secret.encode()).hexdigest()
