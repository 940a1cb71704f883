"""The environment variables of a function, read once: its settings, and the names of the resources that it may use."""

import os
from collections.abc import Mapping
from functools import cache

from shared.core.settings import Settings


@cache
def settings() -> Settings:
    """The shop's settings, checked. Raises ValueError naming every setting that is wrong."""
    return Settings.from_environment(variables())


@cache
def variables() -> Mapping[str, str]:
    """All of them."""
    return dict(os.environ)


def variable(name: str) -> str:
    """An environment variable that the function's deployment sets. Raises LookupError where it does not."""
    try:
        return variables()[name]
    except KeyError:
        raise LookupError(f"the environment variable {name} is not set: is it in the function's wiring?") from None


def public_url() -> str:
    """Where links in mails lead, without a slash at the end: the shop's own domain, else the API's address."""
    return (settings().public_url or variable("PUBLIC_URL")).rstrip("/")


def forget() -> None:
    """Read the environment again at the next call, for programs that set it themselves."""
    settings.cache_clear()
    variables.cache_clear()
