"""The first half of a rescoring: customers by segment, and the thresholds over all of them."""

from datetime import datetime
from itertools import chain

import numpy as np

from shared.scoring import ranks, rescoring
from shared.scoring.job import RESCORING, ScannedSegment
from shared.scoring.plan import Plan
from shared.scoring.ranks import Ints
from shared.scoring.store import forecasters, parts, scan


def scan_segment(plan: Plan, segment: int, began: datetime) -> int:
    """Read a segment of the scorecards and put it into the bucket; how many customers it has.

    Costs ½ read unit per 4 KB of scorecards. Repeating it replaces the same objects.
    """
    scanned = scan.scan(segment, plan.total_segments, plan.as_of, plan.sample, frozenset(plan.unfinished))
    parts.save_scan(plan.rescoring_id, segment, scanned, rescoring.count(scanned.part))
    customers = len(scanned.part.customer_ids)
    part = ScannedSegment(
        run_id=plan.rescoring_id,
        segment=segment,
        scanned=customers,
        half_read_units=round(2 * scanned.read_units),
    )
    RESCORING.note_part(part, began)
    return customers


def rank(plan: Plan) -> int:
    """Find the thresholds over all customers; how many of these have bought.

    Where nothing is fitted this time, the forecaster in use becomes that of the rescoring.
    """
    read = parts.read_all(parts.counts, plan.rescoring_id, plan.total_segments)
    counts = rescoring.merge_counts(chain.from_iterable(read))

    def money_of(bucket: int) -> Ints:
        def money(rescoring_id: str, segment: int) -> Ints:
            return parts.money(rescoring_id, segment, bucket)

        return np.concatenate([*chain.from_iterable(parts.read_all(money, plan.rescoring_id, plan.total_segments))])

    cuts = ranks.cuts_of_buckets(counts.buckets, money_of)
    parts.save_thresholds(plan.rescoring_id, rescoring.thresholds(counts, cuts), counts.caveats)
    if not plan.fits:
        forecaster = forecasters.get()
        if forecaster is None:
            raise LookupError("there is no forecaster, although the plan read one")
        parts.save_forecaster(plan.rescoring_id, forecaster.content)
    return counts.buyers
