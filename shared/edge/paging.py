"""Lists page by page: `?limit=` gives the size, `?next=` continues where the page before ended."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from shared.core.errors import Invalid

DEFAULT_PAGE_SIZE: Final = 25
MAX_PAGE_SIZE: Final = 100
# Of sort keys: no longer key is written.
_MAX_KEY_LENGTH: Final = 300


def page_size(query: Mapping[str, str]) -> int:
    """The number in `limit`, from 1 to MAX_PAGE_SIZE. Raises Invalid for anything else."""
    text = query.get("limit", str(DEFAULT_PAGE_SIZE))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_PAGE_SIZE):
        raise Invalid(f"limit: want a number from 1 to {MAX_PAGE_SIZE}")
    return int(text)


def cursor(sort_key: str | None) -> str | None:
    """The `next` of a page that ends with this sort key; None at the end."""
    return base64.urlsafe_b64encode(sort_key.encode()).decode() if sort_key else None


def sort_key(query: Mapping[str, str], prefix: str = "") -> str | None:
    """The sort key in `next`, None for the first page. Raises Invalid where no page of such keys can end there."""
    token = query.get("next")
    if token is None:
        return None
    try:
        key = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not key or not key.startswith(prefix) or len(key) > _MAX_KEY_LENGTH:
        raise Invalid("next: want the value of `next` from the page before")
    return key
