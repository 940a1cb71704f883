"""Bodies that configure surveys."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from shared.cases.case import CaseRules
from shared.edge.payloads import Payload, Text120
from shared.nps.margin import Group
from shared.nps.survey import DEFAULT_LOCALE, DEFAULT_TEXTS, Rules, Survey, Texts, Trigger

Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$")]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class TextsPayload(Payload):
    """The words of a survey in one language; what is left out is ours, shown in that language where we speak it."""

    question: Sentence = DEFAULT_TEXTS.question
    follow_ups: dict[Group, Sentence] = Field(default_factory=lambda: dict(DEFAULT_TEXTS.follow_ups))
    thanks: dict[Group, Sentence] = Field(default_factory=lambda: dict(DEFAULT_TEXTS.thanks))

    def to_texts(self) -> Texts:
        """The words, complete."""
        return Texts(
            question=self.question,
            follow_ups={**DEFAULT_TEXTS.follow_ups, **self.follow_ups},
            thanks={**DEFAULT_TEXTS.thanks, **self.thanks},
        )


class SurveyPayload(Payload):
    """A survey; what is left out has its default."""

    trigger: Trigger = Trigger.PURCHASE
    enabled: Annotated[bool, Field(strict=True)] = True
    days_after: Annotated[int, Field(ge=0, le=60, strict=True)] = 7
    percent: Annotated[int, Field(ge=0, le=100, strict=True)] = 100
    cooldown_days: Annotated[int, Field(ge=0, le=1_000, strict=True)] = 90
    link_days: Annotated[int, Field(ge=1, le=90, strict=True)] = 14
    edit_hours: Annotated[int, Field(ge=0, le=720, strict=True)] = 24
    points: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] | None = None
    anonymous_per_day: Annotated[int, Field(ge=0, le=10_000, strict=True)] = 0
    texts: dict[Locale, TextsPayload] = Field(
        default_factory=lambda: {DEFAULT_LOCALE: TextsPayload()}, min_length=1, max_length=20
    )

    def to_survey(self, survey_id: str) -> Survey:
        """The survey with this id."""
        return Survey(
            survey_id=survey_id,
            trigger=self.trigger,
            enabled=self.enabled,
            days_after=self.days_after,
            percent=self.percent,
            cooldown_days=self.cooldown_days,
            link_days=self.link_days,
            edit_hours=self.edit_hours,
            points=self.points,
            anonymous_per_day=self.anonymous_per_day,
            texts={locale: texts.to_texts() for locale, texts in self.texts.items()},
        )


class RulesPayload(Payload):
    """The rules across surveys and cases; hours of the day in the customer's time zone."""

    cooldown_days: Annotated[int, Field(ge=0, le=1_000, strict=True)] = 30
    quiet_from: Annotated[int, Field(ge=0, le=23, strict=True)] = 20
    quiet_until: Annotated[int, Field(ge=0, le=23, strict=True)] = 8
    owner: Text120 = None
    due_hours_high: Annotated[int, Field(ge=1, le=2_000, strict=True)] = 24
    due_hours_normal: Annotated[int, Field(ge=1, le=2_000, strict=True)] = 48
    due_hours_low: Annotated[int, Field(ge=1, le=2_000, strict=True)] = 120
    recovery_after_days: Annotated[int, Field(ge=0, le=90, strict=True)] = 7
    recovery_question: Sentence = Rules().recovery_question

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.due_hours_high <= self.due_hours_normal <= self.due_hours_low:
            raise ValueError("due_hours: want high ≤ normal ≤ low")
        return self

    def to_rules(self) -> Rules:
        """The rules."""
        members = self.model_dump()
        own = {name: members.pop(name) for name in ("cooldown_days", "quiet_from", "quiet_until", "recovery_question")}
        return Rules(**own, cases=CaseRules(**members))
