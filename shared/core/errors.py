"""Errors that the rules raise. `shared/edge/http.py` maps the bases to problem+json."""

from typing import Any


class RegularsError(Exception):
    """A refusal: `detail` is a sentence for the caller, `members` are further members of the answer."""

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class NotFound(RegularsError):
    """The requested object does not exist."""


class Conflict(RegularsError):
    """The request contradicts what is already recorded."""


class Invalid(RegularsError):
    """The request is understood and cannot be carried out as it is."""


class Forbidden(RegularsError):
    """The caller may not do this."""


class SignedOut(Exception):
    """A link from before its customer, with this locale, was signed out everywhere. A page answers it."""

    def __init__(self, locale: str | None) -> None:
        super().__init__()
        self.locale = locale


class Busy(RegularsError):
    """Other writers kept changing the same records; the same request may succeed in a moment."""
