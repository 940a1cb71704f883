"""Links that prove themselves, and ids that tell nothing: both keyed by the deployment's signing key."""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from itsdangerous import BadSignature, URLSafeSerializer

from shared.core import aws
from shared.customers.customer import MINTED_ID_PREFIX

# Crockford's base 32.
_VOUCHER_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Purpose(StrEnum):
    """What a link is for; a token of one purpose is worthless for another."""

    CONFIRM = "confirm"
    PREFERENCES = "preferences"
    UNSUBSCRIBE = "unsubscribe"
    POINTS = "points"
    SURVEY = "survey"
    FEEDBACK = "feedback"
    COMPLAINT = "complaint"


class BadLinkError(Exception):
    """The token is forged, cut off, or of another purpose."""


class ExpiredLinkError(Exception):
    """The token was good once."""


def sign(purpose: Purpose, claims: Mapping[str, str], expires_at: datetime | None = None) -> str:
    """A token that carries the claims, safe in a URL; without `expires_at` it holds for good."""
    content: dict[str, Any] = dict(claims)
    if expires_at is not None:
        content["exp"] = int(expires_at.timestamp())
    return str(_serializer(purpose).dumps(content))


def read(purpose: Purpose, token: str, now: datetime) -> dict[str, str]:
    """The claims of a token. Raises BadLinkError or ExpiredLinkError."""
    try:
        content = _serializer(purpose).loads(token)
    except BadSignature as error:
        raise BadLinkError from error
    expires_at = content.pop("exp", None)
    if expires_at is not None and now.timestamp() >= expires_at:
        raise ExpiredLinkError
    return dict(content)


def mint_customer_id(email: str, taken: int) -> str:
    """An id for an address, the same every time, from which the address cannot be told.

    `taken` counts the ids before it that are in use by others (an address may change hands).
    """
    digest = hmac.digest(_signing_key(), f"customer:{taken}:{email}".encode(), hashlib.sha256)
    return MINTED_ID_PREFIX + base64.b32encode(digest[:15]).decode().lower()


def mint_referral_code(customer_id: str, taken: int) -> str:
    """A customer's referral code, the same every time: eight letters and digits that are hard to confuse.

    `taken` counts the codes before it that others have.
    """
    digest = hmac.digest(_signing_key(), f"referral:{taken}:{customer_id}".encode(), hashlib.sha256)
    return base64.b32encode(digest[:5]).decode()


def new_voucher_code() -> str:
    """A voucher's code: 60 random bits in three groups, without letters and digits that look alike."""
    letters = [secrets.choice(_VOUCHER_ALPHABET) for _ in range(12)]
    return "-".join("".join(letters[start : start + 4]) for start in (0, 4, 8))


def new_api_key() -> str:
    """A key for a back office: 256 random bits behind a prefix by which a scanner for leaked secrets knows it."""
    return f"rk_{secrets.token_urlsafe(32)}"


def hash_api_key(key: str) -> str:
    """What is stored of an API key. Keys are 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(key.encode()).hexdigest()


def _serializer(purpose: Purpose) -> URLSafeSerializer:
    return URLSafeSerializer(
        _signing_key(),
        salt=f"regulars.{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


@cache
def _signing_key() -> bytes:
    manager = aws.client("secretsmanager")
    answer = manager.get_secret_value(SecretId=os.environ["SIGNING_KEY_SECRET"])
    return str(answer["SecretString"]).encode()
