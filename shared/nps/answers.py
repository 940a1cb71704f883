"""Answers about surveys, and the report of NPS."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from shared.core.codec import to_members
from shared.edge.answers import Answer, Count, Month, Next, Share, Timestamp, Url, absent, example
from shared.nps.comments import Sentiment, Theme
from shared.nps.margin import Group
from shared.nps.survey import DEFAULT_LOCALE, DEFAULT_TEXTS, Rules, Trigger

Score = Annotated[int, Field(ge=0, le=10)]
Nps = Annotated[float, Field(ge=-100, le=100)]
Hour = Annotated[int, Field(ge=0, le=23)]


class SurveyTexts(Answer):
    """The words of a survey in one language."""

    question: str
    follow_ups: dict[Group, str] = Field(description="the second question, by group")
    thanks: dict[Group, str] = Field(description="words of thanks, by group")


_SURVEY = {
    "survey_id": "after-purchase",
    "enabled": True,
    "days_after": 7,
    "percent": 100,
    "cooldown_days": 90,
    "link_days": 14,
    "edit_hours": 24,
    "points": None,
    "anonymous_per_day": 0,
    "version": 1,
    "trigger": "PURCHASE",
    "texts": {
        DEFAULT_LOCALE: {
            "question": DEFAULT_TEXTS.question,
            "follow_ups": {group.value: text for group, text in DEFAULT_TEXTS.follow_ups.items()},
            "thanks": {group.value: text for group, text in DEFAULT_TEXTS.thanks.items()},
        }
    },
}


class SurveyView(Answer):
    """A survey as data."""

    model_config = example(**_SURVEY)

    survey_id: str
    trigger: Trigger = Field(description="PURCHASE asks some days after one, NIGHTLY any night")
    enabled: bool = Field(description="whether anybody is asked")
    days_after: Count = Field(description="days after the purchase")
    percent: Annotated[int, Field(ge=0, le=100)] = Field(description="how many of the candidates are asked")
    cooldown_days: Count = Field(description="the same customer is asked this survey once in so many days")
    link_days: Count = Field(description="how long a link lasts, in days")
    edit_hours: Count = Field(description="how long an answer may be changed, in hours")
    points: Count | None = Field(description="points for the first answer; null: the loyalty programme's bonus")
    anonymous_per_day: Count = Field(description="answers a day of one place's anonymous link; 0: there is no link")
    texts: dict[str, SurveyTexts] = Field(description="the words by locale")
    version: Annotated[int, Field(ge=1)] = Field(description="to be sent back with a change")


class SurveyList(Answer):
    """All surveys."""

    model_config = example(surveys=[_SURVEY])

    surveys: list[SurveyView]


class SurveyLink(Answer):
    """The anonymous link of a place."""

    model_config = example(
        survey_id="after-purchase",
        place="counter",
        url="https://crm.shop.example/feedback/eyJzIjoiYWZ0ZXItcHVyY2hhc2UifQ.c2lnbmF0dXJl",
        answers_per_day=200,
    )

    survey_id: str
    place: str
    url: Url = Field(description="holds for good: it may be printed")
    answers_per_day: Count = Field(description="how many answers a day are taken; 0: none, until the survey says so")


class SurveyRules(Answer):
    """The rules across surveys and cases; hours of the day in the customer's time zone."""

    model_config = example(**to_members(Rules()))

    cooldown_days: Count = Field(description="no survey asks customers who were asked anything in so many days")
    quiet_from: Hour = Field(description="hour from which no invitation arrives")
    quiet_until: Hour = Field(description="hour from which invitations arrive again")
    owner: str | None = Field(description="id of the member of staff who has new cases")
    due_hours_high: Count = Field(description="hours in which a case of priority HIGH is due")
    due_hours_normal: Count = Field(description="hours in which a case of priority NORMAL is due")
    due_hours_low: Count = Field(description="hours in which a case of priority LOW is due")
    recovery_after_days: Count = Field(description="days after a case is resolved until the customer is asked about it")
    recovery_question: str


class InvitationsStarted(Answer):
    """Tonight's invitations have started."""

    model_config = example(run_id="20261121T201400-2f1c9f0e", status="RUNNING")

    run_id: str
    status: Literal["RUNNING"]


class CommentView(Answer):
    """A comment of a customer. Answers by an anonymous link have a `place`, others say what they are counted by."""

    survey_id: str
    score: Score
    comment: str
    sentiment: Sentiment = absent("mood of the comment")
    themes: list[Theme]
    answered_at: Timestamp
    customer_id: str = absent("who wrote it; absent for anonymous answers")
    place: str = absent("the place of an anonymous link")
    segment: str = absent("RFM segment of the customer when they were asked")
    channel: str = absent("sales channel of the order")
    category: str = absent("category of the order's most valuable line")
    order_id: str = absent()


class CommentList(Answer):
    """A page of what customers wrote in a month, newest first."""

    model_config = example(
        month="2026-11",
        comments=[
            {
                "survey_id": "after-purchase",
                "score": 9,
                "comment": "Quick and friendly.",
                "sentiment": "POSITIVE",
                "themes": ["DELIVERY"],
                "answered_at": "2026-11-21T20:14:00.000Z",
                "customer_id": "K-77",
                "segment": "Champions",
                "channel": "web",
            }
        ],
        next=None,
    )

    month: Month
    comments: list[CommentView]
    next: Next


class NpsFigures(Answer):
    """Figures of some answers; below a least number of answers only counts, and null for what is not shown."""

    n: Count = Field(description="answers")
    nps: Nps | None = Field(description="promoters less detractors in percent of the answers")
    margin: Annotated[float, Field(ge=0)] | None = Field(description="95 % margin: nps ± margin")
    promoters: Count
    passives: Count
    detractors: Count
    promoter_share: Share | None
    passive_share: Share | None
    detractor_share: Share | None
    invited: Count = Field(description="customers who were asked")
    response_rate: Share | None = Field(description="answers per invitation")


class NpsOfMonth(NpsFigures):
    """Figures of the invitations of a month."""

    month: Month


class NpsOfSegment(NpsFigures):
    """Figures of a segment."""

    segment: str


class NpsOfChannel(NpsFigures):
    """Figures of a sales channel."""

    channel: str = Field(description="`-` where it is not known")


class NpsOfCategory(NpsFigures):
    """Figures of a product category."""

    category: str = Field(description="`-` where it is not known")


class NpsOfSurvey(NpsFigures):
    """Figures of a survey."""

    survey: str


class NpsOfPlace(NpsFigures):
    """Figures of a place."""

    place: str


class AnonymousNps(NpsFigures):
    """Figures of answers by anonymous links, which anybody may give."""

    by_place: list[NpsOfPlace]


class NpsChange(Answer):
    """The change against as many months before."""

    difference: float = Field(description="in points of NPS")
    margin: Annotated[float, Field(ge=0)] = Field(description="95 % margin of the difference")
    significant: bool = Field(description="whether the difference is larger than its margin")


class CaseFigures(Answer):
    """Cases that were opened in these months."""

    opened: Count
    resolved: Count
    hours_to_resolve: Annotated[float, Field(ge=0)] | None = Field(description="mean; null where none is resolved")
    recovery_answers: Count = Field(description="customers who said whether a resolved case helped")
    recovered: Count = Field(description="those of them who answered 7 or more")
    recovered_share: Share | None


_FIGURES = {
    "n": 120,
    "nps": 42.5,
    "margin": 13.1,
    "promoters": 72,
    "passives": 27,
    "detractors": 21,
    "promoter_share": 0.6,
    "passive_share": 0.225,
    "detractor_share": 0.175,
    "invited": 400,
    "response_rate": 0.3,
}


class NpsReport(NpsFigures):
    """NPS with its margin and n, by month, segment, channel, category and survey; cases and recoveries."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "from": "2026-11",
                    "to": "2026-11",
                    **_FIGURES,
                    "change": {"difference": 3.5, "margin": 17.0, "significant": False},
                    "by_month": [{"month": "2026-11", **_FIGURES}],
                    "by_survey": [{"survey": "after-purchase", **_FIGURES}],
                    "by_segment": [{"segment": "Champions", **_FIGURES}],
                    "by_channel": [{"channel": "web", **_FIGURES}],
                    "by_category": [{"category": "Kitchen", **_FIGURES}],
                    "anonymous": {**_FIGURES, "by_place": [{"place": "counter", **_FIGURES}]},
                    "themes": {"DETRACTOR": {"DELIVERY": 12}},
                    "cases": {
                        "opened": 21,
                        "resolved": 19,
                        "hours_to_resolve": 20.5,
                        "recovery_answers": 8,
                        "recovered": 6,
                        "recovered_share": 0.75,
                    },
                }
            ]
        },
    )

    from_: Month = Field(alias="from", description="the first month of invitations")
    to: Month = Field(description="the last month of invitations")
    change: NpsChange | None = Field(description="null where one side has too few answers")
    by_month: list[NpsOfMonth]
    by_survey: list[NpsOfSurvey]
    by_segment: list[NpsOfSegment]
    by_channel: list[NpsOfChannel]
    by_category: list[NpsOfCategory]
    anonymous: AnonymousNps
    themes: dict[Group, dict[Theme, Count]] = Field(description="how often each theme came up, by group")
    cases: CaseFigures
