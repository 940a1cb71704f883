"""API keys, and the description of the API."""

from shared.edge import api_keys
from tests.contract.recording import Stage, accept


def play(stage: Stage) -> None:
    """A key that opens two scopes, one that was removed, and one that nobody made."""
    secret = "rk_example"
    api_keys.add(secret, "shop", ("customers:read", "purchases:write"), stage.clock.now())
    api_keys.add("rk_removed", "till", (), stage.clock.now())
    assert api_keys.remove("rk_removed")
    stage.call("authorize_request/bearer", "a known key", fill={"KEY": secret})
    stage.call("authorize_request/bearer", "a removed key", fill={"KEY": "rk_removed"})
    stage.call("authorize_request/bearer", "no key", fill={"Bearer KEY": ""})
    accept(stage.call("describe_api/get", "the whole API"), 200)
