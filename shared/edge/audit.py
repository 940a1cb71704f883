"""The audit: every call with a key leaves a line in its function's log, which `regulars audit` reads."""

import json
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from shared.core.facts import to_timestamp

# How long the logs of functions that staff and shop systems call are kept.
KEEP_DAYS: Final = 400
# The beginning of every line, by which a query tells them from the other lines of a log.
KIND: Final = "AUDIT"
# An id of a shop may be anything that fits into a path: what looks like an address is left out.
_ID: Final = re.compile(r"[^@\x00-\x1f\x7f]{1,64}")
HIDDEN: Final = "(hidden)"


def record(who: str, what: str, whom: Mapping[str, str], status: int, at: datetime) -> None:
    """Write one line: `who` is the id of the key, `what` the route, `whom` the ids that the call was about.

    `status` is the HTTP status of the answer, 500 where there was none. Bodies and queries are never in it.
    """
    ids = {name: value if _ID.fullmatch(value) else HIDDEN for name, value in whom.items()}
    entry = {"kind": KIND, "at": to_timestamp(at), "who": who, "what": what, "whom": ids, "status": status}
    # In one piece, so that lines of other threads do not come between.
    sys.stdout.write(json.dumps(entry, separators=(",", ":")) + "\n")
