"""`PointsExpiring`, `TierEnding` → a mail that says so, to those who asked for offers; at most once each."""

from datetime import date

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.contact.actions import write_to
from shared.contact.check import Occasion
from shared.core import clock
from shared.core.facts import Fact
from shared.core.shop_time import ShopTime
from shared.customers.consent import Topic
from shared.customers.customer import Customer
from shared.customers.store import profiles
from shared.edge.queues import consume, fact_of
from shared.loyalty import points
from shared.loyalty.links import POINTS_LINK, points_path
from shared.loyalty.store import accounts, program_versions
from shared.mail.compose import Letter


def remind(record: SQSRecord) -> None:
    """Points spent since are left out; points earned since may make the mail needless."""
    fact = fact_of(record)
    time = clock.shop_time()
    write = _expiring if fact.type == "PointsExpiring" else _ending
    write_to(
        profiles.get(fact.customer_id),
        fact.customer_id,
        f"{fact.type}-{fact.id}",
        Occasion(topic=Topic.OFFERS),
        lambda customer, _settings, root: write(fact, customer, root, time),
    )


def _expiring(fact: Fact, customer: Customer, root: str, time: ShopTime) -> Letter | None:
    account, today = accounts.get(customer.customer_id), time.today
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
            "points_url": _page(customer, root, time),
        },
    )


def _ending(fact: Fact, customer: Customer, root: str, time: ShopTime) -> Letter | None:
    account, today = accounts.get(customer.customer_id), time.today
    ends_on, program = date.fromisoformat(fact.data["ends_on"]), program_versions.latest()
    if program is None or account.tier_ends_on != ends_on or ends_on < today:
        return None
    # As of now: the next settlement keeps the tier for points earned since the last.
    missing = points.tier_of(account, program, today).threshold - account.qualifying(program, today)
    if missing <= 0:
        return None
    return Letter(
        template="tier_ending",
        context={
            "tier": fact.data["tier"],
            "ends_on": ends_on,
            "missing": missing,
            "points_url": _page(customer, root, time),
        },
    )


def _page(customer: Customer, root: str, time: ShopTime) -> str:
    return f"{root}/{points_path(customer.customer_id, customer.epoch, time.now + POINTS_LINK)}"


handler = consume(remind)
