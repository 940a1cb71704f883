"""`SurveyAnswered`, `SurveyAnswerChanged` by a promoter → a mail with their code for friends, once a calendar year."""

from datetime import datetime

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.contact.actions import write_to
from shared.contact.check import Occasion
from shared.core import clock
from shared.customers.consent import Topic
from shared.customers.customer import Customer
from shared.customers.store import profiles
from shared.edge.queues import consume, fact_of
from shared.loyalty.actions import referring
from shared.loyalty.links import POINTS_LINK, points_path
from shared.loyalty.program import Bonus, Program
from shared.loyalty.store import program_versions
from shared.mail.compose import Letter
from shared.nps.margin import Group
from shared.nps.survey import RECOVERY


def invite(record: SQSRecord) -> None:
    """Only where the loyalty programme rewards referrals."""
    fact = fact_of(record)
    if fact.data["group"] != Group.PROMOTER or fact.data["survey_id"] == RECOVERY:
        return
    program = program_versions.latest()
    if program is None or not program.bonuses.get(Bonus.REFERRAL):
        return
    time = clock.shop_time()
    year = time.day_of(fact.occurred_at).year
    write_to(
        profiles.get(fact.customer_id),
        fact.customer_id,
        f"referral-{year}",
        Occasion(topic=Topic.OFFERS),
        lambda customer, _settings, root: _write(customer, program, root, time.now),
        skip_id=f"referral-{fact.id}",
    )


def _write(customer: Customer, program: Program, root: str, now: datetime) -> Letter:
    return Letter(
        template="referral_invitation",
        context={
            "code": referring.code_of(customer.customer_id),
            "points": program.bonuses[Bonus.REFERRAL],
            "friend_points": program.bonuses.get(Bonus.REFERRED, 0),
            "points_url": f"{root}/{points_path(customer.customer_id, customer.epoch, now + POINTS_LINK)}",
        },
    )


handler = consume(invite)
