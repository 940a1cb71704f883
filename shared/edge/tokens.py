"""Signed tokens in links: only this deployment can make them, and each serves one purpose."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from shared.core.signing_key import signing_key


class Purpose(StrEnum):
    """The purpose of a link; a token of one purpose is not valid for another."""

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
    """The token was valid once."""


def sign(purpose: Purpose, claims: Mapping[str, str], expires_at: datetime | None = None) -> str:
    """A token that carries the claims, safe in a URL; without `expires_at` it is valid for good."""
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


def _serializer(purpose: Purpose) -> URLSafeSerializer:
    return URLSafeSerializer(
        signing_key(),
        salt=f"regulars.{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
