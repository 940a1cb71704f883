"""The body of a signup; one module per capability, because each model slows every cold start that imports it."""

from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from shared.core import clock
from shared.core.settings import is_time_zone
from shared.customers.consent import ALL_TOPICS, Topic
from shared.customers.customer import Contact, Evidence, Signup
from shared.edge.payloads import BLANK, Day, EmailAddress, Payload, Text60, Text120, Text500, example

# Of what a browser says of itself.
MAX_EVIDENCE_LENGTH: Final = 300


def _time_zone(text: str) -> str:
    if not is_time_zone(text):
        raise ValueError("want an IANA time zone such as Europe/Berlin")
    return text


def _birthday(day: date) -> date:
    if not date(1900, 1, 1) <= day <= clock.now().date():
        raise ValueError("want a date between 1900-01-01 and today")
    return day


class SignupPayload(Payload):
    """A signup, by JSON or by an HTML form with the same names. `website` is a trap for robots: leave it empty."""

    model_config = example(
        email="ada@example.com",
        consent=True,
        consent_text="footer-2026-05",
        name="Ada",
        locale="de-DE",
        topics=["NEWS"],
    )

    email: EmailAddress = Field(description="e-mail address; a mail asks to confirm it")
    consent: Annotated[
        Literal[True], BeforeValidator(lambda v: v is True or str(v).lower() in ("true", "on", "yes", "1"))
    ] = Field(description="the box was ticked; a form may send true, on, yes or 1")
    consent_text: Text500 = Field(default=None, description="the text that was agreed to, or its name")
    name: Text120 = Field(default=None, description="as they want to be called")
    phone: Annotated[Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()/.-]{5,25}$")] | None, BLANK] = Field(
        default=None, description="phone number"
    )
    birthday: Annotated[Annotated[Day, AfterValidator(_birthday)] | None, BLANK] = Field(
        default=None, description="day of birth, from 1900-01-01 to today"
    )
    locale: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,3}$")] | None, BLANK
    ] = Field(default=None, description="language, such as de-DE")
    time_zone: Annotated[Annotated[str, AfterValidator(_time_zone)] | None, BLANK] = Field(
        default=None, description="IANA time zone in which they live, such as Europe/Berlin"
    )
    source: Text60 = Field(default=None, description="name of the form")
    referral_code: Text60 = Field(default=None, description="code of the friend who referred them")
    topics: Annotated[tuple[Topic, ...], Field(min_length=1, max_length=len(ALL_TOPICS))] = Field(
        default=ALL_TOPICS, description="the topics agreed to"
    )
    redirect: Text500 = Field(
        default=None, description="forms only: where the browser is sent on, one that the shop allows"
    )
    website: Text500 = Field(default=None, description="leave it empty")

    def to_signup(
        self, *, signup_id: str, now: datetime, ip: str | None, user_agent: str = "", form_url: str = ""
    ) -> Signup:
        """The signup that waits for its confirmation, with where it came from as its evidence."""
        contact = Contact(
            name=self.name,
            phone=self.phone,
            birthday=self.birthday,
            locale=self.locale,
            time_zone=self.time_zone,
        )
        return Signup(
            signup_id=signup_id,
            requested_at=now,
            contact=contact,
            evidence=Evidence(
                source=self.source or "form",
                consent_text=self.consent_text,
                ip=ip,
                user_agent=user_agent[:MAX_EVIDENCE_LENGTH] or None,
                form_url=form_url[:MAX_EVIDENCE_LENGTH] or None,
            ),
            topics=tuple(dict.fromkeys(self.topics)),
            referral_code=self.referral_code,
        )
