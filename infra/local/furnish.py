"""What a new local CRM starts with: the default loyalty programme, and an API key with every scope, printed."""

import sys
from datetime import timedelta

from shared import clock
from shared.domain import loyalty
from shared.domain.loyalty import Program
from shared.routes import SCOPES
from shared.store import keys, programs
from shared.tokens import new_api_key

# Orders of the last weeks, as anybody tries them out, earn; a sample of another century does not.
EARNING_SINCE = timedelta(days=90)


def main() -> None:
    now = clock.now()
    programs.publish(lambda latest: latest or loyalty.next_version(None, Program(starts_at=now - EARNING_SINCE), now))
    secret = new_api_key()
    keys.add(secret, "local", SCOPES, now)
    sys.stdout.write(secret)


if __name__ == "__main__":
    main()
