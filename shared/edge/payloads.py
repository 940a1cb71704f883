"""The base of all request bodies, validated once at the edge, and the fields that several capabilities share."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from shared.core.addresses import normalise_email
from shared.core.errors import RegularsError

_EARLIEST: Final = date(1970, 1, 1)
# A year below the last that a datetime can have, so that no offset leads beyond it.
_LATEST: Final = date(9998, 12, 31)


def as_value_error(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn refusals of the rules into errors that pydantic collects."""

    def checked(value: Any) -> Any:
        try:
            return function(value)
        except RegularsError as error:
            raise ValueError(error.detail) from None

    return checked


def _no_control_characters(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must not contain control characters")
    return text


def _blank_to_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _moment(value: datetime) -> datetime:
    if not _EARLIEST <= value.date() <= _LATEST:
        raise ValueError(f"want a time from {_EARLIEST} to {_LATEST}")
    return value


def _iso_text(value: Any) -> Any:
    if not isinstance(value, str | datetime) or str(value).isdigit():
        raise ValueError("want an ISO 8601 date or time such as 2026-11-21T20:14:00+01:00")
    return value


def _day_text(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    # Pydantic would take a number for seconds since 1970, and a time for its day in UTC.
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("want a day such as 2026-11-21")
    return value


EmailAddress = Annotated[str, StringConstraints(max_length=320), AfterValidator(as_value_error(normalise_email))]
# A date alone is midnight, a time without offset is local: both in the shop's time zone.
Moment = Annotated[datetime, BeforeValidator(_iso_text), AfterValidator(_moment)]
# A day of a calendar, as text in the form YYYY-MM-DD and no other.
Day = Annotated[date, BeforeValidator(_day_text)]
CLEAN = AfterValidator(_no_control_characters)
BLANK = BeforeValidator(_blank_to_none)
# Optional text, trimmed; blank is absent.
Text60 = Annotated[Annotated[str, StringConstraints(strip_whitespace=True, max_length=60), CLEAN] | None, BLANK]
Text120 = Annotated[Annotated[str, StringConstraints(strip_whitespace=True, max_length=120), CLEAN] | None, BLANK]
Text500 = Annotated[Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), CLEAN] | None, BLANK]


class Payload(BaseModel):
    """Unknown members are refused, so that a misspelt member is not lost. Errors do not repeat what was sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def example(**members: Any) -> ConfigDict:
    """The part of a body's configuration that is an example of it, for the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [members]})


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """UTC to the millisecond; a moment without an offset is in `zone`."""
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
