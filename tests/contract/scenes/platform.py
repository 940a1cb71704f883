"""API keys, and the description of the API."""

from datetime import timedelta

from shared.edge import api_keys
from tests.contract.recording import Stage, accept


def play(stage: Stage) -> None:
    """A key that opens two scopes, one that was never used, one that has expired, one revoked, and one nobody made."""
    secret, now = "rk_example", stage.clock.now()
    api_keys.add(secret, "shop", ("customers:read", "purchases:write"), now)
    api_keys.add("rk_unused", "till", ("purchases:write",), now, now + timedelta(days=30))
    api_keys.add("rk_expired", "agency", ("reports:read",), now - timedelta(days=2), now)
    assert api_keys.revoke(api_keys.add("rk_removed", "till", ("purchases:write",), now).key_id)
    stage.call("authorize_request/bearer", "a known key", fill={"KEY": secret})
    stage.call("authorize_request/bearer", "an expired key", fill={"KEY": "rk_expired"})
    stage.call("authorize_request/bearer", "a revoked key", fill={"KEY": "rk_removed"})
    stage.call("authorize_request/bearer", "no key", fill={"Bearer KEY": ""})
    accept(stage.call("describe_api/get", "the whole API"), 200)
