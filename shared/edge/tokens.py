"""Signed tokens in links: only this deployment can make them, and each serves one purpose."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from itsdangerous import BadSignature, URLSafeSerializer

from shared.core import clock
from shared.core.secret import SigningKey
from shared.edge import signing_keys


class Purpose(StrEnum):
    """The purpose of a link; a token of one purpose is not valid for another."""

    CONFIRM = "confirm"
    PREFERENCES = "preferences"
    UNSUBSCRIBE = "unsubscribe"
    POINTS = "points"
    SURVEY = "survey"
    FEEDBACK = "feedback"
    COMPLAINT = "complaint"


# The purposes of the links on the pages behind a link, its own form aside: nothing stronger than what its mail was
# about. An unsubscribe link only unsubscribes; what is valid for good leads to nothing.
LEADS_TO: Final[Mapping[Purpose, frozenset[Purpose]]] = {
    Purpose.CONFIRM: frozenset({Purpose.PREFERENCES}),
    Purpose.PREFERENCES: frozenset({Purpose.COMPLAINT}),
    Purpose.UNSUBSCRIBE: frozenset(),
    Purpose.POINTS: frozenset({Purpose.PREFERENCES, Purpose.COMPLAINT}),
    Purpose.SURVEY: frozenset({Purpose.COMPLAINT}),
    Purpose.FEEDBACK: frozenset(),
    Purpose.COMPLAINT: frozenset(),
}


class BadLinkError(Exception):
    """The token is forged, cut off, or of another purpose."""


class ExpiredLinkError(Exception):
    """The token was valid once."""


@dataclass(frozen=True, slots=True)
class Token:
    """The content of a token: its claims, and until when it is valid, None for good."""

    claims: Mapping[str, str]
    expires_at: datetime | None


def sign(purpose: Purpose, claims: Mapping[str, str], expires_at: datetime | None = None) -> str:
    """A token that carries the claims, safe in a URL; without `expires_at` it is valid for good.

    The id of the key that signed it stands in front: `1.eyJ…`.
    """
    content: dict[str, Any] = dict(claims)
    if expires_at is not None:
        content["exp"] = int(expires_at.timestamp())
    key = signing_keys.signer(clock.now())
    return f"{key.id}.{_serializer(purpose, key).dumps(content)}"


def read(purpose: Purpose, token: str, now: datetime) -> Token:
    """The content of a token. Raises BadLinkError or ExpiredLinkError."""
    key_id, _, signed = token.partition(".")
    key = signing_keys.find(key_id)
    if key is None:
        raise BadLinkError
    try:
        content = _serializer(purpose, key).loads(signed)
    except BadSignature as error:
        raise BadLinkError from error
    seconds = content.pop("exp", None)
    expires_at = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    if expires_at and now >= expires_at:
        raise ExpiredLinkError
    return Token(content, expires_at)


def _serializer(purpose: Purpose, key: SigningKey) -> URLSafeSerializer:
    return URLSafeSerializer(
        key.key,
        salt=f"regulars.{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
