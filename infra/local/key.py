"""Makes an API key with every scope in the customers table of the environment, and prints it."""

import secrets
import sys
from datetime import UTC, datetime

from shared.routes import SCOPES
from shared.store import keys


def main() -> None:
    secret = secrets.token_urlsafe(32)
    keys.add(secret, "local", SCOPES, datetime.now(UTC))
    sys.stdout.write(secret)


if __name__ == "__main__":
    main()
