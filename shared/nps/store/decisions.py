"""A night's invitations by segment of the scorecards; each decision also in the bucket, `invitations/<run>/`."""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, tzinfo
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from shared.core import aws, environment
from shared.core import fact_store as facts
from shared.core.facts import Fact
from shared.nps import survey
from shared.nps.store import definitions as surveys
from shared.nps.survey import Rules, Survey, Trigger
from shared.scorecards.scorecard import Scorecard
from shared.scorecards.store import cards as scorecards

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INVITED: Final = "INVITED"
_WRITERS: Final = 16
_EPOCH: Final = date(1970, 1, 1)

Decision = tuple[str, str, str, str]


def invite(run_id: str, segment: int, total_segments: int, now: datetime, zone: tzinfo) -> dict[str, int]:
    """Decide for every candidate of one segment; how many were invited, and how many not for which reason.

    Running it again finds every decision made. Costs ½ read unit per 4 KB of scorecards, some 5 per candidate that
    the dice chose, and the writes of `surveys.decide`.
    """
    held, running = surveys.rules(), [one for one in surveys.every() if one.enabled]
    decisions: list[Decision] = []
    failed: list[Exception] = []
    with ThreadPoolExecutor(_WRITERS) as pool:
        for page in scorecards.scan(segment, total_segments) if running else ():
            cards = [scorecards.from_item(item) for item in page]

            def decided(card: Scorecard) -> list[Decision] | Exception:
                try:
                    return list(_decisions(card, running, held, now, zone))
                except Exception as error:
                    return error

            for made in pool.map(decided, cards):
                if isinstance(made, Exception):
                    failed.append(made)
                else:
                    decisions += made
    if decisions:
        _keep(f"invitations/{run_id}/part-{segment:05d}.csv.gz", decisions)
    if failed:
        # Not before all others were decided: one customer must not end everybody's night.
        raise failed[0]
    return dict(Counter(outcome for *_, outcome in decisions))


def _decisions(card: Scorecard, running: list[Survey], held: Rules, now: datetime, zone: tzinfo) -> Iterator[Decision]:
    today = now.astimezone(zone).date()
    for one in running:
        run, ordered_on = _candidate(card, one, today)
        if run is None:
            continue
        if one.trigger is Trigger.NIGHTLY and not survey.is_sampled(card.customer_id, one, run):
            # Almost everybody, every night: written into the bucket only.
            yield card.customer_id, one.survey_id, run, survey.Refusal.NOT_SAMPLED
            continue

        def about(day: date | None = ordered_on) -> dict[str, str]:
            return _about(card, day, zone)

        reason = surveys.decide(card.customer_id, one, held, run, about, now, zone)
        yield card.customer_id, one.survey_id, run, reason or INVITED


def _candidate(card: Scorecard, one: Survey, today: date) -> tuple[str | None, date | None]:
    """The run of which she is a candidate, and the day of the purchase that it is about."""
    days = sorted(_EPOCH + timedelta(days=day) for day in card.order_days)
    past = [day for day in days if day <= today]
    if one.trigger is Trigger.NIGHTLY:
        return survey.run_of(one, today, None), past[-1] if past else None
    for day in reversed(past):
        run = survey.run_of(one, today, day)
        if run:
            return run, day
    return None, None


def _about(card: Scorecard, ordered_on: date | None, zone: tzinfo) -> dict[str, str]:
    about = {"segment": card.score.segment} if card.score else {}
    if ordered_on is None:
        return about
    for fact in facts.around(card.customer_id, ordered_on):
        if fact.type == "PurchaseRecorded" and fact.occurred_at.astimezone(zone).date() == ordered_on:
            return {**about, **_order_about(fact)}
    return about


def _order_about(fact: Fact) -> dict[str, str]:
    lines: list[Mapping[str, Any]] = [line for line in fact.data["products"] if line.get("category")]
    largest = max(lines, key=lambda line: line["price"] * line["quantity"], default=None)
    # The parts of a figure's key are told apart by this sign.
    found = {"channel": fact.data.get("channel"), "category": largest["category"] if largest else None}
    kept = {name: text.replace("#", " ") for name, text in found.items() if text}
    return {"order_id": fact.data["order_id"], **kept}


def _keep(key: str, decisions: list[Decision]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("customer_id", "survey_id", "run", "decision"))
    writer.writerows(decisions)
    body = gzip.compress(text.getvalue().encode(), mtime=0)
    _s3().put_object(Bucket=environment.variable("DATA_BUCKET"), Key=key, Body=body)


@cache
def _s3() -> "S3Client":
    return aws.client("s3")
