"""The keys that sign links: which signs now, which made a token, and their rotation."""

import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from shared.core import aws, environment, secret
from shared.core.errors import Busy
from shared.core.secret import Secret, SigningKey

# A process that runs for long signs with a new key, and refuses a revoked key, after an hour at the latest.
_MAX_AGE: Final = timedelta(hours=1)
# A token with an unknown key may be of a new key; so often strangers can make a process ask.
_MAX_AGE_FOR_UNKNOWN: Final = timedelta(minutes=1)
# A new key signs only once every process that does not know it would ask again.
_READY_AFTER: Final = timedelta(minutes=2)
_ROTATIONS: Final = UUID("6f1d0a52-7c0e-4f6b-9a57-0d3c5f0f8a11")
_KEY_BYTES: Final = 32
_MAX_TRIES: Final = 3


def signer(now: datetime) -> SigningKey:
    """The key that signs: the newest that is two minutes old, else the oldest, which most processes know."""
    keys = secret.read(_MAX_AGE).signing_keys
    return next((key for key in keys if now - key.created_at >= _READY_AFTER), keys[-1])


def find(key_id: str) -> SigningKey | None:
    """The key with this id, None where there is none (any more)."""
    if not key_id.isdecimal():
        return None
    return _find(secret.read(_MAX_AGE), key_id) or _find(secret.read(_MAX_AGE_FOR_UNKNOWN), key_id)


def rotate(now: datetime, revoke_before: datetime | None = None) -> Secret:
    """Add a signing key in front; revoke older ones created before `revoke_before`. Returns the secret after it.

    Repeated within ten minutes it adds none. Of two rotations at once the second reads again what the first wrote: the
    new version's id follows from the version that was read, and AWS takes no other content under an id. Raises Busy
    where that keeps happening.
    """
    client, name = aws.client("secretsmanager"), environment.variable("SIGNING_KEY_SECRET")
    for _ in range(_MAX_TRIES):
        answer = client.get_secret_value(SecretId=name)
        before = secret.parse(answer["SecretString"], answer["CreatedDate"])
        after = secret.rotated(before, secrets.token_urlsafe(_KEY_BYTES), now, revoke_before)
        if after == before:
            return before
        version = str(uuid5(_ROTATIONS, answer["VersionId"]))
        try:
            client.put_secret_value(SecretId=name, SecretString=secret.to_text(after), ClientRequestToken=version)
        except client.exceptions.ResourceExistsException:
            continue
        secret.forget()
        return after
    raise Busy("the secret is being changed by others; try again")


def _find(known: Secret, key_id: str) -> SigningKey | None:
    return next((key for key in known.signing_keys if key.id == key_id), None)
