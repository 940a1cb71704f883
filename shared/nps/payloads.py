"""Bodies that configure surveys."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from shared.cases.case import CaseRules
from shared.core.locales import LANGUAGES
from shared.edge.payloads import Payload, Text120, example
from shared.nps.margin import Group
from shared.nps.survey import DEFAULT_LOCALE, DEFAULT_TEXTS, Rules, Survey, Texts, Trigger

Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$")]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class TextsPayload(Payload):
    """The words of a survey in one language; what is left out is ours, in English and German only."""

    question: Sentence = DEFAULT_TEXTS.question
    follow_ups: dict[Group, Sentence] = Field(default_factory=lambda: dict(DEFAULT_TEXTS.follow_ups))
    thanks: dict[Group, Sentence] = Field(default_factory=lambda: dict(DEFAULT_TEXTS.thanks))

    def missing(self) -> list[str]:
        """The words that are left to ours, as `thanks/PASSIVE`."""
        words = {"question": self.question == DEFAULT_TEXTS.question}
        for name, own, ours in (
            ("follow_ups", self.follow_ups, DEFAULT_TEXTS.follow_ups),
            ("thanks", self.thanks, DEFAULT_TEXTS.thanks),
        ):
            words |= {f"{name}/{group}": own.get(group, ours[group]) == ours[group] for group in Group}
        return [name for name, is_ours in words.items() if is_ours]

    def to_texts(self) -> Texts:
        """The words, complete."""
        return Texts(
            question=self.question,
            follow_ups={**DEFAULT_TEXTS.follow_ups, **self.follow_ups},
            thanks={**DEFAULT_TEXTS.thanks, **self.thanks},
        )


class SurveyPayload(Payload):
    """A survey; what is left out has its default."""

    model_config = example(
        trigger="PURCHASE", days_after=7, percent=50, texts={"en": {"question": DEFAULT_TEXTS.question}}
    )

    trigger: Trigger = Field(
        default=Trigger.PURCHASE, description="PURCHASE asks some days after one, NIGHTLY any night"
    )
    enabled: Annotated[bool, Field(strict=True)] = Field(default=True, description="whether anybody is asked")
    days_after: Annotated[int, Field(ge=0, le=60, strict=True)] = Field(
        default=7, description="days after the purchase"
    )
    percent: Annotated[int, Field(ge=0, le=100, strict=True)] = Field(
        default=100, description="how many of the candidates are asked"
    )
    cooldown_days: Annotated[int, Field(ge=0, le=1_000, strict=True)] = Field(
        default=90, description="the same customer is asked this survey once in so many days"
    )
    link_days: Annotated[int, Field(ge=1, le=90, strict=True)] = Field(
        default=14, description="how long a link lasts, in days"
    )
    edit_hours: Annotated[int, Field(ge=0, le=720, strict=True)] = Field(
        default=24, description="how long an answer may be changed, in hours"
    )
    points: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] | None = Field(
        default=None, description="points for the first answer; null: the loyalty programme's bonus"
    )
    anonymous_per_day: Annotated[int, Field(ge=0, le=10_000, strict=True)] = Field(
        default=0, description="answers a day of one place's anonymous link; 0: there is no link"
    )
    texts: dict[Locale, TextsPayload] = Field(
        default_factory=lambda: {DEFAULT_LOCALE: TextsPayload()},
        min_length=1,
        max_length=20,
        description="the words by locale",
    )

    version: Annotated[int, Field(ge=0, strict=True)] | None = Field(
        default=None,
        description="the version that the change was made from, demanded once there is one; another one is a 409",
    )
    survey_id: str | None = Field(default=None, max_length=60, description="shown, and not taken: the path names it")

    @field_validator("texts")
    @classmethod
    def _check_languages(cls, texts: dict[str, TextsPayload]) -> dict[str, TextsPayload]:
        """Else a customer would be asked in one language and thanked in another."""
        for locale, words in texts.items():
            if locale.partition("-")[0] not in LANGUAGES and (missing := words.missing()):
                raise ValueError(
                    f"{locale} needs {', '.join(missing)} as well: our own words are in {', '.join(LANGUAGES)} only"
                )
        return texts

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

    model_config = example(cooldown_days=30, quiet_from=20, quiet_until=8, owner="grace")

    cooldown_days: Annotated[int, Field(ge=0, le=1_000, strict=True)] = Field(
        default=30, description="no survey asks customers who were asked anything in so many days"
    )
    quiet_from: Annotated[int, Field(ge=0, le=23, strict=True)] = Field(
        default=20, description="hour from which no invitation arrives"
    )
    quiet_until: Annotated[int, Field(ge=0, le=23, strict=True)] = Field(
        default=8, description="hour from which invitations arrive again"
    )
    owner: Text120 = Field(default=None, description="id of the member of staff who has new cases")
    due_hours_high: Annotated[int, Field(ge=1, le=2_000, strict=True)] = Field(
        default=24, description="hours in which a case of priority HIGH is due"
    )
    due_hours_normal: Annotated[int, Field(ge=1, le=2_000, strict=True)] = Field(
        default=48, description="hours in which a case of priority NORMAL is due"
    )
    due_hours_low: Annotated[int, Field(ge=1, le=2_000, strict=True)] = Field(
        default=120, description="hours in which a case of priority LOW is due"
    )
    recovery_after_days: Annotated[int, Field(ge=0, le=90, strict=True)] = Field(
        default=7, description="days after a case is resolved until the customer is asked about it"
    )
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
