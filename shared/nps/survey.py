"""Surveys: who is asked when, what an invitation allows, and what an answer changes."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as clock_time
from enum import StrEnum
from typing import Annotated, Final, Literal

from shared.cases.case import TEXT_MAX_LENGTH, Case, CaseRules
from shared.contact import check
from shared.contact.check import Occasion, Reason
from shared.core.codec import INLINE, Stored
from shared.core.errors import Conflict, Invalid, NotFound
from shared.core.facts import Fact, to_timestamp
from shared.core.locales import choose_locale, translatable
from shared.core.privacy import FREE_TEXT
from shared.core.shop_time import ShopTime
from shared.customers.consent import Topic
from shared.customers.contact_history import ContactHistory
from shared.customers.customer import Customer
from shared.nps import comments, facts
from shared.nps.margin import Group, group_of

# A detractor's comment is the text of a case.
COMMENT_MAX_LENGTH: Final = TEXT_MAX_LENGTH
# For how many nights after it was due a purchase still leads to a survey, where nights were missed.
NIGHTS_LATE: Final = 3
MAX_CHANGES: Final = 20
DEFAULT_LOCALE: Final = "en"
# The question whether a case was resolved well: a survey without a definition.
RECOVERY: Final = "recovery"
RECOVERY_LINK_DAYS: Final = 14
# The least time between any other question and it.
RECOVERY_COOLDOWN: Final = timedelta(days=1)


# The reason why an answer is refused, for the page to show.
Problem = Literal["AGAIN", "SCORE", "COMMENT"]


class Trigger(StrEnum):
    """The reason to be a candidate: a purchase some days ago, or any night."""

    PURCHASE = "PURCHASE"
    NIGHTLY = "NIGHTLY"


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
    answers a day the anonymous link of one place takes (0: there is none). Each change makes the next `version`.
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
    version: int = 1

    def texts_for(self, *locales: str | None) -> tuple[str, Texts]:
        """The words for the first of the locales, such as `de-AT`, that has any; else English's or the first.

        A locale has its own words, else its language's.
        """
        tags = [locale.replace("_", "-") for locale in locales if locale]
        for name in (*(name for tag in tags for name in (tag, tag.partition("-")[0])), DEFAULT_LOCALE):
            if name in self.texts:
                return name, self.texts[name]
        name = min(self.texts)
        return name, self.texts[name]


def next_version(latest: Survey | None, proposed: Survey, changed_from: int | None) -> Survey:
    """The survey that a change makes; the latest itself where nothing would change.

    `changed_from` is the version that the change was made from, 0 for none: raises Conflict where another is the
    latest, or where it is left out and there is one.
    """
    version = latest.version if latest else 0
    if changed_from is not None and changed_from != version:
        raise Conflict(f"version {changed_from} was changed from, {version} is in force", version=version)
    if latest is not None and replace(proposed, version=version) == latest:
        return latest
    if latest is not None and changed_from is None:
        raise Conflict(f"version {version} is in force: send it as `version` with your change", version=version)
    return replace(proposed, version=version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The shop's rules across surveys, with those for cases.

    No survey asks a customer who was asked anything in the last `cooldown_days`. No invitation arrives from
    `quiet_from` until before `quiet_until` o'clock where the customer lives. `recovery_question` asks whether a case
    was resolved well.
    """

    cooldown_days: int = 30
    quiet_from: int = 20
    quiet_until: int = 8
    cases: Annotated[CaseRules, INLINE] = field(default_factory=CaseRules)
    recovery_question: str = DEFAULT_RECOVERY_QUESTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer: first given at `answered_at`, and `changes` times changed since."""

    score: int
    answered_at: datetime
    comment: Annotated[str, FREE_TEXT] = ""
    sentiment: str | None = None
    themes: tuple[str, ...] = ()
    changes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A customer is asked a survey in one of its runs: sent at `send_at`, good until `expires_at`.

    `about` are the dimensions by which it is counted: `segment`, `channel`, `category`, `order_id`. `case_id` is the
    case that a recovery asks about.
    """

    invitation_id: str
    customer_id: str
    survey_id: str
    run: str
    invited_at: datetime
    send_at: datetime
    expires_at: Annotated[datetime, Stored("open_until")]
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


class NotInvited(NotFound):
    """There is no such invitation of this customer; the member `locale` is the customer's, None where not known."""


class TooLate(Conflict):
    """The answer is final: the time for changing it is over. The member `locale` is that of the answer."""


def invitation_id(survey_id: str, run: str) -> str:
    """The id of an invitation, unique for a customer."""
    return f"{survey_id}.{run}"


def survey_id_of(invitation_id: str) -> str:
    """The id of an invitation's survey."""
    return invitation_id.partition(".")[0]


def survey_of(invitation_id: str, definition: Survey | None) -> Survey:
    """The survey of an invitation: as defined, or the question whether it helped; else a disabled one."""
    survey_id = survey_id_of(invitation_id)
    if survey_id == RECOVERY:
        return Survey(survey_id=RECOVERY, trigger=Trigger.NIGHTLY, points=0)
    return definition or Survey(survey_id=survey_id, trigger=Trigger.NIGHTLY, enabled=False, points=0)


def run_of(survey: Survey, today: date, ordered_on: date | None) -> str | None:
    """The run of which a customer is a candidate tonight: a night, or the day of their purchase; None if of none."""
    if survey.trigger is Trigger.NIGHTLY:
        return today.isoformat()
    if ordered_on is None or not 0 <= (today - ordered_on).days - survey.days_after <= NIGHTS_LATE:
        return None
    return ordered_on.isoformat()


def is_sampled(customer_id: str, survey: Survey, run: str) -> bool:
    """Whether a customer is in the sample of a run: `percent` of all are, and always the same customers."""
    digest = hashlib.sha256(f"{survey.survey_id}/{run}/{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100 < survey.percent


def refusal(
    customer: Customer | None, history: ContactHistory, survey: Survey, rules: Rules, run: str, time: ShopTime
) -> Reason | None:
    """Why this candidate is not asked now; None where they are."""
    if not is_sampled(history.customer_id, survey, run):
        return Reason.NOT_SAMPLED
    if reason := check.refusal(customer, history, Occasion(topic=Topic.SURVEYS), time.today):
        return reason
    asked_at = history.invited.get(survey.survey_id)
    if asked_at and time.now - datetime.fromisoformat(asked_at) < timedelta(days=survey.cooldown_days):
        return Reason.ASKED_THIS_BEFORE
    if history.invited_at and time.now - history.invited_at < timedelta(days=rules.cooldown_days):
        return Reason.ASKED_RECENTLY
    return None


def invite(
    history: ContactHistory, survey: Survey, rules: Rules, run: str, about: Mapping[str, str], home_time: ShopTime
) -> tuple[ContactHistory, Invitation, Fact]:
    """Ask now, in the zone where the customer lives: the history after it, the invitation and its fact."""
    now, send_at = home_time.now, out_of_quiet_hours(home_time.now, rules, home_time.zone)
    invitation = Invitation(
        invitation_id=invitation_id(survey.survey_id, run),
        customer_id=history.customer_id,
        survey_id=survey.survey_id,
        run=run,
        invited_at=now,
        send_at=send_at,
        expires_at=send_at + timedelta(days=survey.link_days),
        about=about,
    )
    after = replace(history, invited_at=now, invited={**history.invited, survey.survey_id: to_timestamp(now)})
    return after, invitation, invited_fact(invitation)


def may_ask_whether_it_helped(history: ContactHistory, now: datetime) -> bool:
    """Whether nothing else was asked within RECOVERY_COOLDOWN; another case of theirs, or a survey, may have been."""
    return history.invited_at is None or now - history.invited_at >= RECOVERY_COOLDOWN


def ask_whether_it_helped(case: Case, rules: Rules, time: ShopTime) -> Invitation:
    """The invitation that asks about a resolved case, when the shop's quiet hours are over."""
    send_at = out_of_quiet_hours(time.now, rules, time.zone)
    return Invitation(
        invitation_id=invitation_id(RECOVERY, case.case_id),
        customer_id=case.customer_id,
        survey_id=RECOVERY,
        run=case.case_id,
        invited_at=time.now,
        send_at=send_at,
        expires_at=send_at + timedelta(days=RECOVERY_LINK_DAYS),
        case_id=case.case_id,
    )


def invited_fact(invitation: Invitation) -> Fact:
    """`SurveyInvited`."""
    data = {
        "survey_id": invitation.survey_id,
        "run": invitation.run,
        "send_at": to_timestamp(invitation.send_at),
        "expires_at": to_timestamp(invitation.expires_at),
        "case_id": invitation.case_id,
        **invitation.about,
    }
    return facts.SURVEY_INVITED.fact(
        id=invitation.invitation_id, customer_id=invitation.customer_id, now=invitation.invited_at, data=data
    )


def skipped_fact(customer_id: str, survey: Survey, run: str, reason: Reason, now: datetime) -> Fact:
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
    return datetime.combine(day, clock_time(end), zone).astimezone(UTC)


def changeable_until(answer: Answer, survey: Survey) -> datetime:
    """When an answer becomes final."""
    return answer.answered_at + timedelta(hours=survey.edit_hours)


def can_change(invitation: Invitation, survey: Survey, now: datetime) -> bool:
    """Whether there is no answer yet, or an answer that may still be changed."""
    if invitation.answer is None:
        return True
    return now < changeable_until(invitation.answer, survey) and invitation.answer.changes < MAX_CHANGES


def read_answer(score: int, comment: str, now: datetime, locale: str | None = None) -> Answer:
    """A first answer, with the mood and the themes of its comment. Raises Invalid for what is no score, or too long."""
    group_of(score)
    if len(comment) > COMMENT_MAX_LENGTH:
        raise Invalid(f"comment: want at most {COMMENT_MAX_LENGTH} characters")
    reading = comments.read(comment, locale)
    return Answer(
        score=score, answered_at=now, comment=comment, sentiment=reading.sentiment, themes=tuple(reading.themes)
    )


def answer(
    invitation: Invitation, survey: Survey, score: int, comment: str, now: datetime, locale: str | None
) -> tuple[Invitation, Fact] | None:
    """Record or change an answer; None where the same is recorded already. Raises TooLate and Invalid."""
    latest = read_answer(score, comment, now, locale)
    if not can_change(invitation, survey, now):
        raise TooLate("this answer can no longer be changed", locale=locale)
    before = invitation.answer
    if before and (before.score, before.comment) == (score, comment):
        return None
    if before:
        latest = replace(latest, answered_at=before.answered_at, changes=before.changes + 1)
    data = {
        "survey_id": invitation.survey_id,
        "run": invitation.run,
        "score": score,
        "group": group_of(score),
        "sentiment": latest.sentiment,
        "themes": list(latest.themes),
        "points": survey.points,
        "score_before": before.score if before else None,
        **invitation.about,
    }
    if before:
        fact_type, fact_id = facts.SURVEY_ANSWER_CHANGED, f"{invitation.invitation_id}/{latest.changes}"
    else:
        fact_type, fact_id = facts.SURVEY_ANSWERED, invitation.invitation_id
    fact = fact_type.fact(id=fact_id, customer_id=invitation.customer_id, now=now, data=data)
    return replace(invitation, answer=latest, version=invitation.version + 1), fact


def causes_of_case(invitation: Invitation) -> list[str]:
    """The causes of cases that the answer may have opened: the answer itself, then each of its changes."""
    changes = invitation.answer.changes if invitation.answer else 0
    return [invitation.invitation_id, *(f"{invitation.invitation_id}/{number + 1}" for number in range(changes))]
