"""`PointsExpiring`, `TierEnding` → a mail that says so, to those who asked for offers; at most once each."""

import json
from datetime import date, datetime

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.contact.actions import write_to
from shared.contact.check import Occasion
from shared.core import clock
from shared.core import fact_store as facts
from shared.core.facts import Fact
from shared.core.settings import Settings
from shared.customers.consent import Topic
from shared.customers.customer import Customer
from shared.customers.store import profiles as customers
from shared.edge.queues import consume
from shared.loyalty import points
from shared.loyalty.links import POINTS_LINK, points_path
from shared.loyalty.store import accounts
from shared.loyalty.store import program_versions as programs
from shared.mail.compose import Letter


def remind(record: SQSRecord) -> None:
    """What has been spent or earned since is left out, or makes the mail needless."""
    fact = facts.from_members(json.loads(record.body)["detail"])
    now = clock.now()
    write = _expiring if fact.type == "PointsExpiring" else _ending
    write_to(
        customers.get(fact.customer_id),
        fact.customer_id,
        f"{fact.type}-{fact.id}",
        Occasion(topic=Topic.OFFERS),
        lambda customer, settings, root: write(fact, customer, settings, root, now),
    )


def _expiring(fact: Fact, customer: Customer, settings: Settings, root: str, now: datetime) -> Letter | None:
    account, today = accounts.find(customer.customer_id), now.astimezone(settings.zone).date()
    last = date.fromisoformat(fact.data["expires_on"])
    left = dict(points.expiring(account, today)).get(last, 0)
    if not left:
        return None
    return Letter(
        template="points_expiring",
        context={
            "points": left,
            "expires_on": last,
            "active": points.balance(account, today).active,
            "points_url": _page(customer, root, now),
        },
    )


def _ending(fact: Fact, customer: Customer, settings: Settings, root: str, now: datetime) -> Letter | None:
    account, today = accounts.find(customer.customer_id), now.astimezone(settings.zone).date()
    ends_on, program = date.fromisoformat(fact.data["ends_on"]), programs.latest()
    if program is None or account.tier_ends_on != ends_on or ends_on < today:
        return None
    # Of now: the next night lets the tier stay for what has been earned since the last one.
    missing = points.tier_of(account, program, today).threshold - account.qualifying(program, today)
    if missing <= 0:
        return None
    return Letter(
        template="tier_ending",
        context={
            "tier": fact.data["tier"],
            "ends_on": ends_on,
            "missing": missing,
            "points_url": _page(customer, root, now),
        },
    )


def _page(customer: Customer, root: str, now: datetime) -> str:
    return f"{root}/{points_path(customer.customer_id, now + POINTS_LINK)}"


handler = consume(remind)
