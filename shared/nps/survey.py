"""Surveys: whom to ask when, what an invitation allows, and what an answer changes."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final, Literal

from shared.core.errors import Conflict, Invalid
from shared.core.facts import Fact, to_timestamp
from shared.core.locales import choose_locale, translatable
from shared.customers.consent import Channel, Status, Topic, allows
from shared.customers.contact_history import ContactHistory
from shared.customers.customer import Customer
from shared.nps import comments, facts
from shared.nps.margin import Group, group_of

COMMENT_MAX_LENGTH: Final = 2_000
# For how many nights a purchase that was due for a survey is caught up with, where nights were missed.
NIGHTS_LATE: Final = 3
MAX_CHANGES: Final = 20
DEFAULT_LOCALE: Final = "en"
RECOVERY: Final = "recovery"


# Why an answer is not taken as it is; the page says it.
Problem = Literal["AGAIN", "SCORE", "COMMENT"]


class Trigger(StrEnum):
    """What makes somebody a candidate: a purchase some days ago, or any night."""

    PURCHASE = "PURCHASE"
    NIGHTLY = "NIGHTLY"


class Refusal(StrEnum):
    """Why a candidate is not asked."""

    NOT_SAMPLED = "NOT_SAMPLED"
    NO_ADDRESS = "NO_ADDRESS"
    NO_CONSENT = "NO_CONSENT"
    SUPPRESSED = "SUPPRESSED"
    PAUSED = "PAUSED"
    OPEN_CASE = "OPEN_CASE"
    ASKED_THIS_BEFORE = "ASKED_THIS_BEFORE"
    ASKED_RECENTLY = "ASKED_RECENTLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The words of a survey in one language; follow-ups and thanks by group."""

    question: str
    follow_ups: Mapping[Group, str]
    thanks: Mapping[Group, str]


DEFAULT_TEXTS: Final = Texts(
    question=translatable("How likely are you to recommend us to a friend?"),
    follow_ups={
        Group.PROMOTER: translatable("What did you like best?"),
        Group.PASSIVE: translatable("What would have made it a ten?"),
        Group.DETRACTOR: translatable("What went wrong, and how can we put it right?"),
    },
    thanks={
        Group.PROMOTER: translatable("Thank you! We are glad to hear that."),
        Group.PASSIVE: translatable("Thank you! We will work on it."),
        Group.DETRACTOR: translatable("Thank you for telling us. Somebody will look into it and get back to you."),
    },
)


RECOVERY_TEXTS: Final = Texts(
    question="",
    follow_ups={
        Group.PROMOTER: translatable("What helped most?"),
        Group.PASSIVE: translatable("What is still missing?"),
        Group.DETRACTOR: translatable("What is still wrong?"),
    },
    thanks={
        Group.PROMOTER: translatable("Thank you! We are glad that it is well again."),
        Group.PASSIVE: translatable("Thank you! We will remember it."),
        Group.DETRACTOR: translatable(
            "Thank you for telling us. Somebody will look into it again and get back to you."
        ),
    },
)
DEFAULT_RECOVERY_QUESTION: Final = translatable("How well did we put things right for you?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A survey as data.

    `percent` of the candidates are asked. `days_after` a purchase it comes (trigger PURCHASE). The same customer is
    asked this survey once in `cooldown_days`. A link lasts `link_days`; an answer may be changed for `edit_hours`.
    `points` are earned by the first answer (None: the loyalty programme's bonus). `anonymous_per_day` is how many
    answers a day the anonymous link of one place takes (0: there is none).
    """

    survey_id: str
    trigger: Trigger
    enabled: bool = True
    days_after: int = 7
    percent: int = 100
    cooldown_days: int = 90
    link_days: int = 14
    edit_hours: int = 24
    points: int | None = None
    anonymous_per_day: int = 0
    texts: Mapping[str, Texts] = field(default_factory=lambda: {DEFAULT_LOCALE: DEFAULT_TEXTS})

    def texts_for(self, *locales: str | None) -> tuple[str, Texts]:
        """The words for the first of the locales, such as `de-AT`, that has any; else English's or the first.

        A locale has its own words, else its language's.
        """
        wanted = [locale.replace("_", "-") for locale in locales if locale]
        for name in (*(name for tag in wanted for name in (tag, tag.partition("-")[0])), DEFAULT_LOCALE):
            if name in self.texts:
                return name, self.texts[name]
        name = min(self.texts)
        return name, self.texts[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds across surveys and cases.

    No survey asks somebody who was asked anything in the last `cooldown_days`. No invitation arrives from `quiet_from`
    until before `quiet_until` o'clock where the customer lives. Cases are due after so many hours by priority, and
    belong to `owner` at first. `recovery_after_days` after a case is resolved the customer is asked whether it helped.
    """

    cooldown_days: int = 30
    quiet_from: int = 20
    quiet_until: int = 8
    owner: str | None = None
    due_hours_high: int = 24
    due_hours_normal: int = 48
    due_hours_low: int = 120
    recovery_after_days: int = 7
    recovery_question: str = DEFAULT_RECOVERY_QUESTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered: `answered_at` first, and `changes` times changed since."""

    score: int
    answered_at: datetime
    comment: str = ""
    sentiment: str | None = None
    themes: tuple[str, ...] = ()
    changes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One customer, one survey, one run: sent at `send_at`, good until `expires_at`.

    `about` is what it is counted by: `segment`, `channel`, `category`, `order_id`. `case_id` is the case that a
    recovery asks about.
    """

    invitation_id: str
    customer_id: str
    survey_id: str
    run: str
    invited_at: datetime
    send_at: datetime
    expires_at: datetime
    about: Mapping[str, str] = field(default_factory=dict)
    case_id: str | None = None
    answer: Answer | None = None
    version: int = 1


def words(survey: Survey, locale: str | None, language: str, translate: Callable[[str, str], str]) -> tuple[str, Texts]:
    """The words of a survey for a customer with this `locale` whose page is in `language`, and their locale.

    The shop's own words come as they are, ours between them in the same language; where all are ours, they come in
    `language`. `translate` takes a text and a language.
    """
    name, texts = survey.texts_for(locale, language)
    if texts == DEFAULT_TEXTS:
        name = language
    return name, _translated(texts, choose_locale(name), translate)


def recovery_words(
    rules: Rules, language: str, shop_language: str, translate: Callable[[str, str], str]
) -> tuple[str, Texts]:
    """The words that ask whether a case was resolved well, and their language.

    `language` is that of the page. A question of the shop's own is in the shop's language, and the other words with it.
    """
    if rules.recovery_question != DEFAULT_RECOVERY_QUESTION:
        language = shop_language
    texts = replace(RECOVERY_TEXTS, question=rules.recovery_question)
    return language, _translated(texts, language, translate)


def _translated(texts: Texts, language: str, translate: Callable[[str, str], str]) -> Texts:
    return Texts(
        question=translate(texts.question, language),
        follow_ups={group: translate(text, language) for group, text in texts.follow_ups.items()},
        thanks={group: translate(text, language) for group, text in texts.thanks.items()},
    )


class TooLate(Conflict):
    """The answer stands: the time for changing it is over."""


def invitation_id(survey_id: str, run: str) -> str:
    """The id of an invitation, unique for a customer."""
    return f"{survey_id}.{run}"


def run_of(survey: Survey, today: date, ordered_on: date | None) -> str | None:
    """Which run a customer is a candidate of tonight: a night, or the day of her purchase; None if of none."""
    if survey.trigger is Trigger.NIGHTLY:
        return today.isoformat()
    if ordered_on is None or not 0 <= (today - ordered_on).days - survey.days_after <= NIGHTS_LATE:
        return None
    return ordered_on.isoformat()


def is_sampled(customer_id: str, survey: Survey, run: str) -> bool:
    """Whether the dice chose her: the same for the same run however often it is thrown."""
    digest = hashlib.sha256(f"{survey.survey_id}/{run}/{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100 < survey.percent


def refusal(
    customer: Customer | None, care: ContactHistory, survey: Survey, rules: Rules, run: str, now: datetime, zone: tzinfo
) -> Refusal | None:
    """Why this candidate is not asked now; None if she is."""
    if not is_sampled(care.customer_id, survey, run):
        return Refusal.NOT_SAMPLED
    if customer is None or customer.email is None:
        return Refusal.NO_ADDRESS
    if not allows(customer.consents, Channel.EMAIL, Topic.SURVEYS):
        held = customer.consents.get((Channel.EMAIL, Topic.SURVEYS))
        return Refusal.SUPPRESSED if held and held.status is Status.SUPPRESSED else Refusal.NO_CONSENT
    if customer.paused_until and customer.paused_until > now.astimezone(zone).date():
        return Refusal.PAUSED
    if care.open_cases:
        return Refusal.OPEN_CASE
    asked = care.invited.get(survey.survey_id)
    if asked and now - datetime.fromisoformat(asked) < timedelta(days=survey.cooldown_days):
        return Refusal.ASKED_THIS_BEFORE
    if care.invited_at and now - care.invited_at < timedelta(days=rules.cooldown_days):
        return Refusal.ASKED_RECENTLY
    return None


def invite(
    care: ContactHistory, survey: Survey, rules: Rules, run: str, about: Mapping[str, str], now: datetime, zone: tzinfo
) -> tuple[ContactHistory, Invitation, Fact]:
    """Ask: `zone` is where the customer lives. The invitation, and what is known of her after it."""
    send_at = out_of_quiet_hours(now, rules, zone)
    asked = Invitation(
        invitation_id=invitation_id(survey.survey_id, run),
        customer_id=care.customer_id,
        survey_id=survey.survey_id,
        run=run,
        invited_at=now,
        send_at=send_at,
        expires_at=send_at + timedelta(days=survey.link_days),
        about=about,
    )
    after = replace(care, invited_at=now, invited={**care.invited, survey.survey_id: to_timestamp(now)})
    return after, asked, invited_fact(asked)


def invited_fact(asked: Invitation) -> Fact:
    """`SurveyInvited`."""
    data = {
        "survey_id": asked.survey_id,
        "run": asked.run,
        "send_at": to_timestamp(asked.send_at),
        "expires_at": to_timestamp(asked.expires_at),
        "case_id": asked.case_id,
        **asked.about,
    }
    return facts.SURVEY_INVITED.fact(
        id=asked.invitation_id, customer_id=asked.customer_id, now=asked.invited_at, data=data
    )


def skipped_fact(customer_id: str, survey: Survey, run: str, reason: Refusal, now: datetime) -> Fact:
    """`SurveySkipped`: a candidate was not asked, and why."""
    data = {"survey_id": survey.survey_id, "run": run, "reason": reason}
    return facts.SURVEY_SKIPPED.fact(
        id=invitation_id(survey.survey_id, run), customer_id=customer_id, now=now, data=data
    )


def out_of_quiet_hours(now: datetime, rules: Rules, zone: tzinfo) -> datetime:
    """Now, or the end of the quiet hours where it is quiet in the zone now."""
    local = now.astimezone(zone)
    start, end = rules.quiet_from, rules.quiet_until
    quiet = start <= local.hour < end if start <= end else local.hour >= start or local.hour < end
    if start == end or not quiet:
        return now
    day = local.date() if local.hour < end else local.date() + timedelta(days=1)
    return datetime.combine(day, time(end), zone).astimezone(UTC)


def changeable_until(given: Answer, survey: Survey) -> datetime:
    """When an answer becomes final."""
    return given.answered_at + timedelta(hours=survey.edit_hours)


def can_change(asked: Invitation, survey: Survey, now: datetime) -> bool:
    """Whether there is no answer yet, or one that may still be changed."""
    if asked.answer is None:
        return True
    return now < changeable_until(asked.answer, survey) and asked.answer.changes < MAX_CHANGES


def answer(
    asked: Invitation, survey: Survey, score: int, comment: str, now: datetime, locale: str | None
) -> tuple[Invitation, Fact] | None:
    """Record or change an answer; None where the same is recorded already. Raises TooLate and Invalid."""
    group_of(score)
    if len(comment) > COMMENT_MAX_LENGTH:
        raise Invalid(f"comment: want at most {COMMENT_MAX_LENGTH} characters")
    if not can_change(asked, survey, now):
        raise TooLate("this answer can no longer be changed")
    before = asked.answer
    if before and (before.score, before.comment) == (score, comment):
        return None
    reading = comments.read(comment, locale)
    given = Answer(
        score=score,
        answered_at=before.answered_at if before else now,
        comment=comment,
        sentiment=reading.sentiment,
        themes=tuple(reading.themes),
        changes=before.changes + 1 if before else 0,
    )
    data = {
        "survey_id": asked.survey_id,
        "run": asked.run,
        "score": score,
        "group": group_of(score),
        "sentiment": given.sentiment,
        "themes": list(given.themes),
        "points": survey.points,
        "score_before": before.score if before else None,
        **asked.about,
    }
    if before:
        type_, fact_id = facts.SURVEY_ANSWER_CHANGED, f"{asked.invitation_id}/{given.changes}"
    else:
        type_, fact_id = facts.SURVEY_ANSWERED, asked.invitation_id
    fact = type_.fact(id=fact_id, customer_id=asked.customer_id, now=now, data=data)
    return replace(asked, answer=given, version=asked.version + 1), fact
