"""Planning jobs that go over the scorecards: whoever has confirmed a signup, bought or earned points has a card; and
scorecards made again from facts.
"""

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Final

from shared.core import fact_store
from shared.core.differences import Difference, differences
from shared.core.dynamodb import Cancelled, apply, optimistic
from shared.core.shop_time import ShopTime
from shared.edge.jobs import Execution, Job, plan_segments
from shared.scorecards.scorecard import scorecard_from
from shared.scorecards.store import cards

# The facts after which a customer has a scorecard.
_GIVING_A_CARD: Final = frozenset({"ConsentGranted", "PurchaseRecorded", "PointsEarned", "PointsAdjusted"})
# What one function goes through well within its fifteen minutes.
CUSTOMERS_PER_SEGMENT: Final = 25_000
MIN_SEGMENTS: Final = 4
# What the steps of all of them answer has to fit into the 256 KB of a state, even where it is thrown away.
MAX_SEGMENTS: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run as its steps hand it on; `started_at` is the moment as of which they act."""

    run_id: str
    started_at: datetime
    total_segments: int


def plan_run(job: Job, execution: Execution, zone: tzinfo, now: datetime) -> Plan | None:
    """The plan of a run of a job, as of the start of its execution; None while another run is at work.

    Costs 1 read unit and 4 write units, and ½ read unit per 4 MB of scorecards.
    """
    started_at = job.enter(execution, now)
    if started_at is None:
        return None
    segments = plan_segments(cards.estimate(), CUSTOMERS_PER_SEGMENT, MIN_SEGMENTS, MAX_SEGMENTS)
    as_of = ShopTime(execution.started_at, zone).today
    job.begin(execution, started_at=started_at, as_of=as_of, segments=segments)
    return Plan(run_id=execution.run_id, started_at=execution.started_at, total_segments=segments)


@optimistic
def rebuild(customer_id: str, zone: tzinfo, *, write: bool) -> tuple[Difference, ...]:
    """Compare a scorecard's counters with what the customer's facts say, and `write` that; the score stays as it is.

    Costs 1 read unit, 1 per 4 KB of the customer's facts, and a write unit of a card that differs. Raises Busy where
    others keep changing the card.
    """
    card = cards.get(customer_id)
    # The facts are read after the card: one that came in between changed its version, too.
    facts = fact_store.every(customer_id)
    rebuilt = scorecard_from(customer_id, facts, zone)
    if card is None and not any(fact.type in _GIVING_A_CARD for fact in facts):
        return ()
    different = differences(card, rebuilt, but=("version", "score"))
    if different and write:
        apply(cards.recount(replace(rebuilt, version=(card.version if card else 0) + 1)))
    elif different and cards.get(customer_id) != card:
        raise Cancelled(["changed meanwhile"], [{}])
    return different
