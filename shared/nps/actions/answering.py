"""Answers to surveys: on an invitation, which may open a case, and by anonymous links."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.cases.actions import after_answer
from shared.cases.case import Complaint
from shared.core import fact_store
from shared.core.dynamodb import CUSTOMERS, Cancelled, Write, optimistic, transact
from shared.core.months import month_of
from shared.core.shop_time import ShopTime
from shared.customers.customer import Customer, check_epoch
from shared.customers.store.profiles import PROFILES
from shared.nps import counting, survey
from shared.nps.margin import Group, group_of
from shared.nps.store import anonymous_answers, figures, invitations, monthly_comments
from shared.nps.store.anonymous_answers import AnonymousAnswer
from shared.nps.store.definitions import RULES, SURVEYS
from shared.nps.store.invitations import INVITATIONS
from shared.nps.store.monthly_comments import Comment
from shared.nps.survey import Answer, Invitation, NotInvited, Rules, Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedInvitation:
    """An invitation with its survey, the rules, and the customer, None where they are not known any more."""

    invitation: Invitation
    survey: Survey
    rules: Rules
    customer: Customer | None

    @property
    def locale(self) -> str | None:
        """The customer's locale such as `de-AT`, if it is known."""
        return self.customer.locale if self.customer else None


def get(customer_id: str, invitation_id: str) -> OpenedInvitation:
    """An invitation and what belongs to it, in one call (1 read unit each). Raises NotInvited."""
    asked, profile, definition, rules = CUSTOMERS.get_together(
        INVITATIONS.key(customer_id=customer_id, invitation_id=invitation_id),
        PROFILES.key(customer_id=customer_id),
        SURVEYS.key(survey_id=survey.survey_id_of(invitation_id)),
        RULES.key(),
    )
    invitation = invitations.invitation_of(asked)
    customer = PROFILES.entity_if_any(profile)
    if invitation is None:
        raise NotInvited(f"there is no invitation {invitation_id}", locale=customer.locale if customer else None)
    return OpenedInvitation(
        invitation=invitation,
        survey=survey.survey_of(invitation_id, SURVEYS.entity_if_any(definition)),
        rules=RULES.entity_if_any(rules) or Rules(),
        customer=customer,
    )


@optimistic
def answer(
    customer_id: str, epoch: int, invitation_id: str, score: int, comment: str, time: ShopTime
) -> OpenedInvitation:
    """Record or change an answer, count it, and open a case for a detractor, in one transaction.

    Costs 4 read units and 6 to 10 write units; a new case 1 and 10 more, a changed answer 1 for each earlier one.
    Raises NotInvited, SignedOut where the customer's epoch has passed, TooLate where it can no longer be changed, and
    Invalid.
    """
    before = get(customer_id, invitation_id)
    if before.customer:
        check_epoch(before.customer, epoch)
    change = survey.answer(before.invitation, before.survey, score, comment, time.now, before.locale)
    if change is None:
        return before
    invitation, fact = change
    transact(
        invitations.put(invitation),
        fact_store.record(fact),
        *_answer_writes(invitation, before.invitation.answer, before.rules, time),
    )
    return replace(before, invitation=invitation)


def _answer_writes(invitation: Invitation, before: Answer | None, rules: Rules, time: ShopTime) -> list[Write]:
    """The writes that follow from an answer: the figures, the case, the comment of its month."""
    latest = invitation.answer
    assert latest is not None, "the rule for answers makes one"
    month, dimensions = month_of(time.day_of(invitation.invited_at)), counting.dimensions_of(invitation)
    complaint = Complaint(
        text=latest.comment,
        score=latest.score,
        sentiment=latest.sentiment,
        themes=latest.themes,
        about=invitation.about,
    )
    causes = survey.causes_of_case(invitation)
    opens = group_of(latest.score) is Group.DETRACTOR
    writes = [
        *figures.count_scores(month, dimensions, invitation.customer_id, counting.score_counts(latest, before)),
        *figures.count_themes(month, counting.theme_counts(latest, before)),
        *after_answer(invitation.customer_id, causes, complaint, opens, rules.cases, time),
    ]
    if latest.comment or (before and before.comment):
        about = {"survey_id": invitation.survey_id, "customer_id": invitation.customer_id, **invitation.about}
        writes.append(_list_comment(latest, about, f"{invitation.customer_id}#{invitation.invitation_id}", time))
    return writes


@optimistic
def answer_anonymously(survey: Survey, place: str, answer_id: str, answer: Answer, time: ShopTime) -> Answer | None:
    """Record an answer by an anonymous link, once for each `answer_id`; None where the day's limit is reached.

    Returns the answer on record: the first one where a form is sent again. Costs 6 to 10 write units.
    """
    dimensions = {"survey_id": survey.survey_id, "segment": counting.ANONYMOUS, "channel": place}
    month = month_of(time.day_of(answer.answered_at))
    writes = [
        anonymous_answers.put_new(
            AnonymousAnswer(
                survey_id=survey.survey_id,
                answer_id=answer_id,
                place=place,
                score=answer.score,
                comment=answer.comment,
                sentiment=answer.sentiment,
                themes=answer.themes,
                answered_at=answer.answered_at,
            )
        ),
        anonymous_answers.count(survey.survey_id, place, time.today, survey.anonymous_per_day),
        *figures.count_scores(month, dimensions, answer_id, counting.score_counts(answer, None)),
        *figures.count_themes(month, counting.theme_counts(answer, None)),
    ]
    if answer.comment:
        about = {"survey_id": survey.survey_id, "place": place}
        writes.append(_list_comment(answer, about, answer_id, time))
    try:
        transact(*writes)
    except Cancelled as cancelled:
        if cancelled.refused(0):
            return replace(answer, score=cancelled.items[0]["score"])
        if cancelled.refused(1):
            return None
        raise
    return answer


def _list_comment(answer: Answer, about: Mapping[str, str], answer_id: str, time: ShopTime) -> Write:
    return monthly_comments.put(
        Comment(
            month=month_of(time.day_of(answer.answered_at)),
            position=monthly_comments.position(answer.answered_at, answer_id),
            **about,
            score=answer.score,
            comment=answer.comment,
            sentiment=answer.sentiment,
            themes=answer.themes,
            answered_at=answer.answered_at,
        )
    )
