"""Makes an API key with every scope in the customers table of the environment, and prints it."""

import sys

from shared import clock
from shared.routes import SCOPES
from shared.store import keys
from shared.tokens import new_api_key


def main() -> None:
    secret = new_api_key()
    keys.add(secret, "local", SCOPES, clock.now())
    sys.stdout.write(secret)


if __name__ == "__main__":
    main()
