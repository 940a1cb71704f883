"""HTTP API authorizer: `Authorization: Bearer <key>` → the key's id and scopes; an unknown or expired key is none."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from shared.core import clock
from shared.core.dynamodb import Cancelled
from shared.core.errors import RegularsError
from shared.edge import api_keys
from shared.edge.api_keys import Key

_LOGGER: Final = logging.getLogger(__name__)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Identifies the key; its scopes are checked where the route is known (`shared/edge/http.py`)."""
    scheme, _, secret = event.get("headers", {}).get("authorization", "").partition(" ")
    key = api_keys.get(secret.strip()) if scheme.lower() == "bearer" and secret.strip() else None
    if key is None or key.valid_until <= clock.now():
        return {"isAuthorized": False}
    _note_use(key)
    context = {"key_id": key.key_id, "key_name": key.name, "scopes": " ".join(key.scopes)}
    return {"isAuthorized": True, "context": context}


def _note_use(key: Key) -> None:
    """At most once a day; a request never fails because this does."""
    today = clock.now().date()
    if key.last_used_on == today:
        return
    try:
        api_keys.note_use(key, today)
    except (Cancelled, RegularsError, ClientError, BotoCoreError) as error:
        _LOGGER.warning("the use of %s is not on record: %s", key.key_id, type(error).__name__)
