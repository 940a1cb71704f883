"""Personal data in the tables: the marks that entities put on their members."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Erase(StrEnum):
    """The effect of erasing a customer on a personal member."""

    DELETE = "DELETE"
    BLANK = "BLANK"
    HASH = "HASH"
    KEEP = "KEEP"


@dataclass(frozen=True, slots=True)
class Personal:
    """Why a member that says something about a person is kept, for how long, and what erasing does with it.

    `purpose` and `keep` are words for the record of processing. DELETE removes the item, BLANK empties the member,
    HASH puts a keyed hash in its place, KEEP leaves it, for the reason that `purpose` gives.
    """

    purpose: str
    keep: str
    erase: Erase


UNTIL_ERASED: Final = "until the customer is erased"

NAME: Final = Personal("to greet the customer", UNTIL_ERASED, Erase.DELETE)
ADDRESS: Final = Personal("to write to the customer as they agreed, and to know them again", UNTIL_ERASED, Erase.DELETE)
PHONE: Final = Personal("to send the customer texts as they agreed", UNTIL_ERASED, Erase.DELETE)
BIRTHDAY: Final = Personal("to congratulate the customer", UNTIL_ERASED, Erase.DELETE)
HOME: Final = Personal("to write in the customer's language and by day", UNTIL_ERASED, Erase.DELETE)
# Where and how a consent was given.
EVIDENCE: Final = Personal("to prove a consent", "24 months after the consent ends", Erase.DELETE)
REFERRAL: Final = Personal("to reward who brings a friend", UNTIL_ERASED, Erase.DELETE)
FREE_TEXT: Final = Personal("to understand and answer what the customer says", UNTIL_ERASED, Erase.BLANK)
# The member of the shop's staff who did something.
STAFF: Final = Personal("to know who takes care", "as long as what they took care of", Erase.KEEP)
