"""`PurchaseRecorded`, `PurchaseRefunded`, `ConsentGranted`, `SurveyAnswered` → what they earn or take back, once."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.core import clock, environment
from shared.core import fact_store as facts
from shared.core.facts import Fact
from shared.customers.store import profiles as customers
from shared.edge.queues import consume
from shared.loyalty import bonus
from shared.loyalty import program as loyalty
from shared.loyalty.program import Bonus, Program
from shared.loyalty.store import accounts
from shared.loyalty.store import program_versions as programs
from shared.loyalty.store import referral_guards as referrals


def post(record: SQSRecord) -> None:
    """Whatever comes again, late or in another order leaves the same account."""
    fact = facts.from_members(json.loads(record.body)["detail"])
    versions = programs.versions()
    # A refund may be dated before the launch, and its order after it.
    if not versions or (fact.type != "PurchaseRefunded" and loyalty.in_force(versions, fact.occurred_at) is None):
        return
    program = versions[-1]
    zone, now = environment.settings().zone, clock.now()
    match fact.type:
        case "PurchaseRecorded":
            accounts.earn_order(fact, versions, now, zone)
            referrals.reward(fact.customer_id, now, zone)
        case "PurchaseRefunded":
            accounts.take_back_refund(fact, versions, now, zone)
            if fact.data["whole"]:
                referrals.take_back(fact.customer_id, now, zone)
        case "ConsentGranted" if "signup_id" in fact.data:
            _welcome(fact, program, now, zone)
        case "SurveyAnswered":
            # A survey may have points of its own, also none.
            worth = fact.data.get("points")
            _give(fact, Bonus.SURVEY_ANSWERED, fact.id, program, now, zone, fact.occurred_at, worth)


def _welcome(fact: Fact, program: Program, now: datetime, zone: ZoneInfo) -> None:
    """A signup was confirmed: only then is what was entered on the profile."""
    _give(fact, Bonus.SIGNUP_CONFIRMED, bonus.ONCE, program, now, zone)
    found = customers.get(fact.customer_id)
    if found and bonus.profile_is_complete(found):
        _give(fact, Bonus.PROFILE_COMPLETED, bonus.ONCE, program, now, zone)
    # She may have bought between signing up and confirming.
    referrals.reward(fact.customer_id, now, zone)


def _give(
    fact: Fact,
    what: Bonus,
    period: str,
    program: Program,
    now: datetime,
    zone: ZoneInfo,
    occurred_at: datetime | None = None,
    worth: int | None = None,
) -> None:
    accounts.change(
        fact.customer_id, lambda account: bonus.give(account, what, period, program, now, zone, occurred_at, worth)
    )


handler = consume(post)
