"""Facts about invitations to surveys and answers; what a customer wrote is never in one."""

from typing import Annotated, Final, Literal, NotRequired, TypedDict

from shared.core.facts import FactType, Member, Timestamp
from shared.nps.comments import Sentiment, Theme
from shared.nps.margin import Group


class _Run(TypedDict):
    survey_id: Annotated[str, Member("the survey", "after-purchase")]
    run: Annotated[str, Member("the night, the day of the purchase, or the case that it is about", "2026-11-14")]


class _Subject(TypedDict):
    segment: NotRequired[Annotated[str, Member("RFM segment of the customer when asked", "Champions")]]
    channel: NotRequired[Annotated[str, Member("sales channel of the order", "web")]]
    category: NotRequired[Annotated[str, Member("category of the order's most valuable line", "Kitchen")]]
    order_id: NotRequired[Annotated[str, Member("the order", "A-1001")]]


class SurveyInvited(_Run, _Subject):
    """Members of `SurveyInvited`."""

    send_at: Annotated[Timestamp, Member("not to be sent before, for quiet hours", "2026-11-21T20:14:00.000Z")]
    expires_at: Annotated[Timestamp, Member("end of the link", "2026-12-05T20:14:00.000Z")]
    case_id: NotRequired[Annotated[str, Member("the case that a recovery asks about", "c-0f3b1c9a7d2e44")]]


class SurveySkipped(_Run):
    """Members of `SurveySkipped`."""

    reason: Annotated[
        Literal[
            "NOT_SAMPLED",
            "NO_ADDRESS",
            "NO_CONSENT",
            "SUPPRESSED",
            "PAUSED",
            "OPEN_CASE",
            "ASKED_THIS_BEFORE",
            "ASKED_RECENTLY",
        ],
        Member("why not", "ASKED_RECENTLY"),
    ]


class SurveyAnswered(_Run, _Subject):
    """Members of `SurveyAnswered`."""

    score: Annotated[int, Member("0 to 10", 9)]
    group: Annotated[Group, Member("9 and 10 are promoters, 7 and 8 passives, the others detractors", "PROMOTER")]
    sentiment: NotRequired[Annotated[Sentiment, Member("mood of the comment, if there is one", "POSITIVE")]]
    themes: Annotated[list[Theme], Member("themes of the comment", ["DELIVERY"])]
    points: NotRequired[Annotated[int, Member("what the survey itself has set to be earned by an answer", 50)]]


class SurveyAnswerChanged(SurveyAnswered):
    """Members of `SurveyAnswerChanged`."""

    score_before: Annotated[int, Member("the score before the change, 0 to 10", 4)]


_INVITATION: Final = Member("the survey `.` the run", "after-purchase.2026-11-14")

SURVEY_INVITED: Final = FactType(
    name="SurveyInvited", summary="A customer is asked.", id=_INVITATION, data=SurveyInvited
)
SURVEY_SKIPPED: Final = FactType(
    name="SurveySkipped", summary="A candidate is not asked, and why.", id=_INVITATION, data=SurveySkipped
)
SURVEY_ANSWERED: Final = FactType(
    name="SurveyAnswered", summary="The first answer to an invitation.", id=_INVITATION, data=SurveyAnswered
)
SURVEY_ANSWER_CHANGED: Final = FactType(
    name="SurveyAnswerChanged",
    summary="An answer was changed while it may be.",
    id=Member("the survey `.` the run `/` the number of the change", "after-purchase.2026-11-14/1"),
    data=SurveyAnswerChanged,
)
