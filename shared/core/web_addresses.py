"""Web addresses of others: read strictly, so that a browser understands them as we do."""

import re
from typing import Final
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

# RFC 3986: what an address consists of. Browsers repair the rest, each in its way: blanks, controls, backslashes.
_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")
_PORTS: Final = {"http": 80, "https": 443}
# In a path, encoded: a server may take them for what they stand for after the address was checked.
_SLASHES_AND_CONTROLS: Final = re.compile(rb"[/\\\x00-\x1f\x7f]")

Origin = tuple[str, str, int]


def parse(url: str) -> SplitResult | None:
    """The parts of a plain http(s) address in ASCII; None for anything that could be understood in another way.

    Refused besides what RFC 3986 does not allow: user names, `.` and `..` in the path, and in the path encoded slashes,
    backslashes and control characters.
    """
    if not _CHARACTERS.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        # Read for what it raises.
        _ = parts.port
    except ValueError:
        return None
    host = parts.netloc.removesuffix(f":{parts.port}")
    if parts.scheme not in _PORTS or "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    segments = [unquote_to_bytes(segment) for segment in parts.path.split("/")]
    # Twice encoded dots and slashes are refused like those that are encoded once.
    segments += [unquote_to_bytes(segment) for segment in segments]
    if any(segment in (b".", b"..") or _SLASHES_AND_CONTROLS.search(segment) for segment in segments):
        return None
    return parts


def origin(parts: SplitResult) -> Origin:
    """Scheme, host and port, by which browsers tell sites apart."""
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]


def is_below(url: str, base: str) -> bool:
    """Whether `url` has the origin of `base` and its path or one below; False where either is not a plain address."""
    target, allowed = parse(url), parse(base)
    if target is None or allowed is None or origin(target) != origin(allowed):
        return False
    path = allowed.path.rstrip("/")
    return target.path.rstrip("/") == path or target.path.startswith(path + "/")
