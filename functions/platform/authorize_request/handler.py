"""HTTP API authorizer: `Authorization: Bearer <key>` → the scopes of the key; an unknown key is refused."""

from collections.abc import Mapping
from typing import Any

from shared.edge import api_keys


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Identifies the key; its scopes are checked where the route is known (`shared/edge/http.py`)."""
    scheme, _, secret = event.get("headers", {}).get("authorization", "").partition(" ")
    key = api_keys.get(secret.strip()) if scheme.lower() == "bearer" and secret.strip() else None
    if key is None:
        return {"isAuthorized": False}
    return {"isAuthorized": True, "context": {"key_name": key.name, "scopes": " ".join(key.scopes)}}
