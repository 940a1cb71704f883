"""The deployment's secret in Secrets Manager: the key of ids for ever, and the keys that sign links, newest first."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.core import aws, clock, environment
from shared.core.facts import from_timestamp, to_timestamp

# Of the signing key that is derived from the key of ids and signs until the first rotation.
DERIVED_ID: Final = "0"
# A rotation this soon after the last keeps its key: a command that is run again after it was killed adds none, and
# AWS asks for no more than one new version of a secret in ten minutes.
ROTATION_PAUSE: Final = timedelta(minutes=10)
# By the secret's name: what was read, and when.
_KNOWN: Final[dict[str, tuple["Secret", datetime]]] = {}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs links; `id` is a number that counts up, and stands in each token."""

    id: str
    key: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Secret:
    """The keys of a deployment. `signing_keys[0]` signs, all verify; there is always one."""

    id_key: str
    signing_keys: tuple[SigningKey, ...]


def parse(text: str, created_at: datetime) -> Secret:
    """The secret as it is stored, in a version that was created at `created_at`.

    As CloudFormation generates it, it is plain text: the key of ids, from which the first signing key is derived.
    After a rotation it is JSON: `{"id_key": …, "signing_keys": [{"id", "key", "created_at"}, …]}`.
    """
    if not text.startswith("{"):
        return Secret(text, (_derived(text, created_at),))
    members = json.loads(text)
    keys = tuple(SigningKey(k["id"], k["key"], from_timestamp(k["created_at"])) for k in members["signing_keys"])
    return Secret(members["id_key"], keys)


def to_text(secret: Secret) -> str:
    """The JSON that `parse` reads."""
    keys = [{"id": k.id, "key": k.key, "created_at": to_timestamp(k.created_at)} for k in secret.signing_keys]
    return json.dumps({"id_key": secret.id_key, "signing_keys": keys})


def rotated(secret: Secret, key: str, now: datetime, revoke_before: datetime | None) -> Secret:
    """The secret with a new signing key in front, unless its newest was made within ROTATION_PAUSE.

    Older keys go on verifying, but for those created before `revoke_before`: their links end. The newest stays always.
    """
    newest, *older = secret.signing_keys
    if now - newest.created_at >= ROTATION_PAUSE or newest.id == DERIVED_ID:
        newest, older = SigningKey(str(int(newest.id) + 1), key, now), [newest, *older]
    kept = [k for k in older if revoke_before is None or k.created_at >= revoke_before]
    return Secret(secret.id_key, (newest, *kept))


def read(max_age: timedelta | None = None) -> Secret:
    """The secret, read once by each process, and again where that was longer than `max_age` ago."""
    name, now = environment.variable("SIGNING_KEY_SECRET"), clock.now()
    known = _KNOWN.get(name)
    if known is None or (max_age is not None and now - known[1] >= max_age):
        answer = aws.client("secretsmanager").get_secret_value(SecretId=name)
        known = _KNOWN[name] = (parse(answer["SecretString"], answer["CreatedDate"]), now)
    return known[0]


def forget() -> None:
    """Read the secret at the next call, for programs that change it."""
    _KNOWN.clear()


def _derived(id_key: str, created_at: datetime) -> SigningKey:
    key = hmac.digest(id_key.encode(), b"the first key that signs links", hashlib.sha256).hex()
    return SigningKey(DERIVED_ID, key, created_at)
