"""What may become of a message in a queue besides success: raised by the work on it, dealt with in `queues.py`."""

from datetime import datetime
from typing import Final

# The line of the log that an alarm counts.
WAITS_FOR_HOURS: Final = "message waits for hours"


class NotYet(Exception):
    """It is too early for this message: it waits until then, and this is not an error."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


class Unavailable(Exception):
    """Something that this message needs is out, for hours maybe: it waits, longer each time, before it is given up.

    The message says what, without addresses or names.
    """


class Unprocessable(Exception):
    """This message can never succeed, however often it comes; the message says why, without addresses or names."""
