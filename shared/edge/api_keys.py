"""API keys: pk `KEY#<SHA-256 of the key>`, sk `KEY`, listed at pk `KEYS`, sk `KEY#<id>`; the key is kept nowhere."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from shared.core.dynamodb import CUSTOMERS, Cancelled, apply, transact
from shared.core.kind import Kind

# How long a key is good for where nothing else is said.
VALID_DAYS: Final = 365
_ID_LENGTH: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key: its public id, the name of its holder, the scopes that it carries; `digest` is the key's SHA-256.

    From `valid_until` on it is refused. `last_used_on` is the last day by UTC on which it was sent; None for none.
    """

    digest: str
    key_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    valid_until: datetime
    last_used_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """The entry of a key in the list of all."""

    key_id: str
    digest: str


KEYS: Final = Kind(Key, CUSTOMERS, "KEY#{digest}", "KEY", in_key=("digest",))
LISTED: Final = Kind(ListedKey, CUSTOMERS, "KEYS", "KEY#{key_id}", in_key=("key_id",))


def get(secret: str) -> Key | None:
    """The key with this secret, also where it is no longer valid (1 read unit)."""
    return KEYS.get(digest=_digest(secret))


def every() -> list[Key]:
    """All keys that were not revoked, the oldest first (1 read unit for each and more)."""
    items = CUSTOMERS.batch_get([KEYS.key(digest=listed.digest) for listed in LISTED.query()], consistent=True)
    return sorted((KEYS.entity(item) for item in items), key=lambda key: (key.created_at, key.key_id))


def add(secret: str, name: str, scopes: Sequence[str], now: datetime, valid_until: datetime | None = None) -> Key:
    """Store a new key, valid for VALID_DAYS where nothing else is said (4 write units)."""
    key = Key(
        digest=_digest(secret),
        key_id=id_of(secret),
        name=name,
        scopes=tuple(scopes),
        created_at=now,
        valid_until=valid_until or now + timedelta(days=VALID_DAYS),
    )
    transact(KEYS.put_new(key), LISTED.put_new(ListedKey(key_id=key.key_id, digest=key.digest)))
    return key


def revoke(key_id: str) -> bool:
    """Delete a key, which is then refused; whether it existed (1 read unit, 4 write units)."""
    listed = LISTED.get(key_id=key_id)
    if listed is None:
        return False
    try:
        transact(
            CUSTOMERS.delete(LISTED.key(key_id=key_id), "attribute_exists(sk)"),
            CUSTOMERS.delete(KEYS.key(digest=listed.digest)),
        )
    except Cancelled as cancelled:
        if not cancelled.refused(0):
            raise
        return False
    return True


def note_use(key: Key, today: date) -> None:
    """Put on record that a key was sent today (1 write unit). Raises Cancelled where it has been revoked."""
    change, values = "SET last_used_on = :day", {":day": today.isoformat()}
    apply(CUSTOMERS.update(KEYS.key(digest=key.digest), change, "attribute_exists(sk)", values))


def new_secret() -> str:
    """A key for a back office: 256 random bits after a prefix by which scanners for leaked secrets recognise it."""
    return f"rk_{secrets.token_urlsafe(32)}"


def id_of(secret: str) -> str:
    """The public id of a key: it stands in logs and in the audit, and opens nothing."""
    return f"key_{_digest(f'id:{secret}')[:_ID_LENGTH]}"


def _digest(secret: str) -> str:
    # Keys are 256 random bits, so a plain hash cannot be guessed back.
    return hashlib.sha256(secret.encode()).hexdigest()
