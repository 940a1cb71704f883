"""Names in place of what is random: ids, voucher codes, API keys, message ids, and links that carry any of them."""

import base64
import json
import re
import zlib
from typing import Any, Final

_TOKEN: Final = re.compile(r"(?<![\w.-])[0-9]+\.(\.?[A-Za-z0-9_-]{10,})\.([A-Za-z0-9_-]{43})(?![\w-])")
# Fingerprints and ids made of what was sent are hexadecimal too, and not random.
_FIXED_MEMBERS: Final = frozenset({"fingerprint"})
_RANDOM: Final = re.compile(
    r"(?P<hex>(?<![0-9a-f-])[0-9a-f]{32}(?![0-9a-f]))"
    r"|(?P<voucher>(?<![0-9A-Z-])[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}(?![0-9A-Z-]))"
    r"|(?P<execution>(?<=[0-9]{8}T[0-9]{6}-)[0-9a-f]{8}(?![0-9a-f]))"
    r"|(?P<message>[0-9a-z]{16}-[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}-[0-9a-z]{6})"
    r"|(?P<key>rk_[A-Za-z0-9_-]{43})"
)


class Placeholders:
    """Placeholders by kind, numbered in the order in which the random values first appear."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def text(self, text: str) -> str:
        """The text with a placeholder for each random value; links whose claims are all fixed stay as they are."""
        return _RANDOM.sub(self._replaced, _TOKEN.sub(self._opened, text))

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value likewise, its keys included."""
        if isinstance(value, str):
            if name in _FIXED_MEMBERS:
                return value
            return self._page(value) if name == "next" else self.text(value)
        if isinstance(value, dict):
            # A typed value ({"S": …}) goes by the name of its member.
            return {
                self.text(key): self.value(member, name if key in ("S", "N") else key)
                for key, member in sorted(value.items())
            }
        if isinstance(value, list):
            return [self.value(element, name) for element in value]
        return value

    def _replaced(self, match: re.Match[str]) -> str:
        kind, text = match.lastgroup, match[0]
        assert kind is not None
        if text not in self._given:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._given[text] = f"<{kind}-{self._counts[kind]}>"
        return self._given[text]

    def _page(self, text: str) -> str:
        """The token of a list's next page: a sort key in Base64."""
        key = base64.urlsafe_b64decode(text).decode()
        return f"<page after {self.text(key)}>" if _RANDOM.search(key) else text

    def _opened(self, match: re.Match[str]) -> str:
        payload = match[1]
        try:
            content = base64.urlsafe_b64decode(payload.lstrip(".") + "==")
            claims = (zlib.decompress(content) if payload.startswith(".") else content).decode()
            json.loads(claims)
        except (ValueError, zlib.error):
            return match[0]
        return f"<token {claims}>" if _RANDOM.search(claims) else match[0]


def without_numbers(value: Any) -> str:
    """The value as text in which all random values of a kind are the same: what can be sorted by."""
    return re.sub(r"-[0-9]+>", ">", json.dumps(Placeholders().value(value), sort_keys=True))
