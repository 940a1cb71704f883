"""What finds words of a page or a mail that no translator ever sees."""

import re
from collections.abc import Set
from gettext import NullTranslations
from typing import Any


class Masked(NullTranslations):
    """A catalog that leaves no letter in any text: one that is left in a page comes from no catalog."""

    def gettext(self, message: str) -> str:
        return "".join(re.findall(r"%\(\w+\)s|\W", message)) or "•"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)


def masked(value: Any, codes: Set[str]) -> Any:
    """`value` with a dot in place of every string in it; members called by one of `codes` stay."""
    if isinstance(value, str):
        return "•"
    if isinstance(value, dict):
        return {key: item if key in codes else masked(item, codes) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item, codes) for item in value]
    return value
