"""The deployment's key: it signs links, and ids made with it do not reveal what they were made from."""

import base64
import hashlib
import hmac
from functools import cache

from shared.core import aws, environment


@cache
def signing_key() -> bytes:
    """The secret of this deployment, fetched once by each process."""
    answer = aws.client("secretsmanager").get_secret_value(SecretId=environment.variable("SIGNING_KEY_SECRET"))
    return str(answer["SecretString"]).encode()


def digest(text: str, length: int) -> str:
    """`length` bytes of the HMAC of a text under the key, in base 32: the same every time, and irreversible."""
    return base64.b32encode(hmac.digest(signing_key(), text.encode(), hashlib.sha256)[:length]).decode()
