"""Digests under the deployment's key of ids: the same for ever, and they do not reveal what they were made from."""

import base64
import hashlib
import hmac

from shared.core import secret


def digest(text: str, length: int) -> str:
    """`length` bytes of the HMAC of a text under the key of ids, in base 32: the same every time, and irreversible."""
    id_key = secret.read().id_key.encode()
    return base64.b32encode(hmac.digest(id_key, text.encode(), hashlib.sha256)[:length]).decode()
