"""Starting a rescoring, and its plan."""

from datetime import date, datetime, tzinfo

from shared import forecasting
from shared.core.shop_time import ShopTime
from shared.edge.jobs import Execution, plan_segments
from shared.scorecards.store import cards
from shared.scoring.job import RESCORING
from shared.scoring.plan import (
    CUSTOMERS_PER_SEGMENT,
    MAX_SEGMENTS,
    MIN_SEGMENTS,
    Plan,
    check_day,
    is_fit_due,
    sample_of,
)
from shared.scoring.store import forecasters, reports


def start(as_of: date | None, time: ShopTime) -> str:
    """Start a rescoring for a day, or for the day on which it runs; its id.

    Costs 1 write unit; for a named day some read units more, 1,000 at most. Raises Invalid for a day to come or before
    the shop's first order.
    """
    if as_of:
        check_day(as_of, time.today, has_orders=cards.has_orders_until(as_of))
    return RESCORING.start({"as_of": as_of.isoformat() if as_of else None}, time.now)


def plan(execution: Execution, as_of: date | None, zone: tzinfo, now: datetime) -> Plan | None:
    """The plan of a rescoring `as_of` a day or, for None, the day in the shop's zone on which its execution started.

    None while another rescoring is running: facts and reports stand in the order in which rescorings get their turn.
    Costs some 6 read units and 4 write units, and ½ read unit per 4 MB of scorecards.
    """
    started_at = RESCORING.enter(execution, now)
    if started_at is None:
        return None
    customers = cards.estimate()
    forecaster = forecasters.get()
    # A forecaster of another format cannot be used.
    last = forecaster.fit if forecaster and forecaster.format == forecasting.FORMAT else None
    report = reports.get("SEGMENTS")
    day = as_of or ShopTime(execution.started_at, zone).today
    fits = is_fit_due(day, last, customers, report.content["buyers"] if report else 0)
    planned = Plan(
        rescoring_id=execution.run_id,
        started_at=started_at,
        as_of=day,
        customers=customers,
        total_segments=plan_segments(customers, CUSTOMERS_PER_SEGMENT, MIN_SEGMENTS, MAX_SEGMENTS),
        fits=fits,
        sample=sample_of(customers) if fits else 0,
        unfinished=RESCORING.unfinished(but=execution.run_id),
    )
    RESCORING.begin(execution, started_at=started_at, as_of=day, segments=planned.total_segments)
    return planned
