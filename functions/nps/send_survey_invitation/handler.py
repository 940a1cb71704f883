"""`SurveyInvited` → the mail with eleven scores to choose from, at most once, and not in the customer's quiet hours."""

import math
from datetime import datetime, timedelta

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.cases.store import case_files
from shared.contact.actions import write_to
from shared.contact.check import Occasion
from shared.core import clock, environment
from shared.core.locales import choose_locale
from shared.core.settings import Settings
from shared.core.shop_time import ShopTime
from shared.customers.consent import Topic
from shared.customers.customer import Customer, home_of
from shared.edge.outcomes import NotYet
from shared.edge.queues import consume, fact_of
from shared.edge.templates import translate
from shared.loyalty.program import points_for_answer
from shared.loyalty.store import program_versions
from shared.mail.compose import Letter
from shared.nps import survey
from shared.nps.actions import answering
from shared.nps.actions.answering import OpenedInvitation
from shared.nps.links import survey_path
from shared.nps.survey import RECOVERY


def send(record: SQSRecord) -> None:
    """An invitation that was answered, or has expired meanwhile, is not sent. In quiet hours it comes again later."""
    fact = fact_of(record)
    opened = answering.get(fact.customer_id, fact.id)
    now, home = clock.now(), home_of(opened.customer, environment.settings().zone)
    send_at = max(survey.out_of_quiet_hours(now, opened.rules, home), opened.invitation.send_at)
    if send_at > now:
        raise NotYet(send_at)
    write_to(
        opened.customer,
        fact.customer_id,
        f"survey-{fact.id}",
        # Whether a case was resolved well may be asked while another is open.
        Occasion(topic=Topic.SURVEYS, despite_case=opened.survey.survey_id == RECOVERY),
        lambda customer, settings, root: _write(opened, customer, settings, root, now),
    )


def _write(opened: OpenedInvitation, customer: Customer, settings: Settings, root: str, now: datetime) -> Letter | None:
    invitation = opened.invitation
    if invitation.answer or now >= invitation.expires_at or not opened.survey.enabled:
        return None
    language = choose_locale(customer.locale, default=settings.locale)
    path = survey_path(customer.customer_id, customer.epoch, invitation.invitation_id, invitation.expires_at)
    url = f"{root}/{path}"
    context: dict[str, object] = {
        "survey_url": url,
        "score_urls": [f"{url}?score={score}" for score in range(11)],
        "valid_days": math.ceil((invitation.expires_at - now) / timedelta(days=1)),
    }
    if opened.survey.survey_id == RECOVERY:
        case = case_files.get(invitation.case_id or "")
        if case is None or case.resolved_at is None:
            return None
        resolved_on = ShopTime(now, settings.zone).day_of(case.resolved_at)
        _, texts = survey.recovery_words(opened.rules, language, settings.locale, translate)
        context |= {"question": texts.question, "resolved_on": resolved_on}
        return Letter(template="recovery_invitation", context=context)
    _, texts = survey.words(opened.survey, customer.locale, language, translate)
    context |= {
        "question": texts.question,
        "points": points_for_answer(program_versions.latest(), opened.survey.points),
    }
    return Letter(template="survey_invitation", context=context)


handler = consume(send)
