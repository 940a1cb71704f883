"""Furnishes a new local CRM: launches the default loyalty programme, and prints a new API key with every scope."""

import sys
from datetime import timedelta

from infra import wirings
from shared.core import clock
from shared.edge import api_keys
from shared.edge.api_keys import new_secret
from shared.loyalty.actions import configuring
from shared.loyalty.program import Program
from shared.loyalty.store import program_versions

# Orders of the last weeks, as anybody tries them out, earn; a sample of another century does not.
EARNING_SINCE = timedelta(days=90)


def main() -> None:
    now = clock.now()
    if program_versions.latest() is None:
        configuring.change_program(Program(starts_at=now - EARNING_SINCE), 0, now)
    secret = new_secret()
    api_keys.add(secret, "local", wirings.scopes(), now)
    sys.stdout.write(secret)


if __name__ == "__main__":
    main()
