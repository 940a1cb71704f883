"""The night's invitations: each candidate of each survey is invited, or the reason is recorded why not."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final

from shared.contact.check import Reason
from shared.core import fact_store
from shared.core.dynamodb import CUSTOMERS, optimistic, transact
from shared.core.months import month_of
from shared.core.shop_time import ShopTime
from shared.customers.contact_history import ContactHistory
from shared.customers.customer import home_of
from shared.customers.store import contact_histories
from shared.customers.store.contact_histories import HISTORIES
from shared.customers.store.profiles import PROFILES
from shared.nps import candidates, counting
from shared.nps.job import INVITING, DecidedSegment
from shared.nps.store import decision_files, definitions, figures, invitations
from shared.nps.store.decision_files import Decision
from shared.nps.store.invitations import INVITATIONS, Refused
from shared.nps.survey import (
    Rules,
    Survey,
    Trigger,
    invitation_id,
    invite,
    is_sampled,
    refusal,
    skipped_fact,
)
from shared.scorecards.actions import Plan
from shared.scorecards.scorecard import Scorecard
from shared.scorecards.store import cards

INVITED: Final = "INVITED"
# How long the item of a refusal is kept; the fact stays.
REFUSED_DAYS: Final = 30
_WRITERS: Final = 16


def decide_segment(plan: Plan, segment: int, zone: tzinfo, began: datetime) -> int:
    """Decide for every candidate of one segment; how many customers it has.

    Running it again finds every decision made, and writes the same file of them. Costs ½ read unit per 4 KB of
    scorecards, and for each candidate in the sample what `decide` costs.
    """
    time = ShopTime(plan.started_at, zone)
    rules, surveys = definitions.get_all()
    enabled = [survey for survey in surveys if survey.enabled]
    decisions: list[Decision] = []
    errors: list[Exception] = []
    customers, half_read_units = 0, 0

    def decide_for(card: Scorecard) -> list[Decision] | Exception:
        try:
            return list(_decisions(card, enabled, rules, time))
        except Exception as error:
            return error

    with ThreadPoolExecutor(_WRITERS) as pool:
        for page in cards.scan(segment, plan.total_segments) if enabled else ():
            customers += len(page.items)
            half_read_units += round(2 * page.read_units)
            for outcome in pool.map(decide_for, map(cards.CARDS.entity, page.items)):
                if isinstance(outcome, Exception):
                    errors.append(outcome)
                else:
                    decisions += outcome
    if decisions:
        decision_files.put(plan.run_id, segment, decisions)
    outcomes = Counter(each.decision for each in decisions)
    part = DecidedSegment(
        run_id=plan.run_id,
        segment=segment,
        customers=customers,
        decisions=outcomes,
        half_read_units=half_read_units + 6 * (outcomes.total() - outcomes[Reason.NOT_SAMPLED]),
    )
    INVITING.note_part(part, began)
    if errors:
        # Only after all others were decided: an error with one customer must not keep the others from being asked.
        raise errors[0]
    return customers


def close(plan: Plan, finished_at: datetime) -> Mapping[str, Any]:
    """Put the result of a night on record and let the next one begin; the figures.

    Costs some 3 read units, 1 per 4 KB of all parts, and 3 write units. Running it again answers the same. Raises
    Superseded where another night has taken over.
    """
    figures = INVITING.figures(plan.run_id)
    if figures is None:
        INVITING.check_lease(plan.run_id)
        parts = INVITING.parts(DecidedSegment, plan.run_id)
        decisions: Counter[str] = Counter()
        for part in parts:
            decisions.update(part.decisions)
        figures = {
            "segments_decided": len(parts),
            "customers": sum(part.customers for part in parts),
            "decisions": dict(decisions),
            "seconds": round((finished_at - plan.started_at).total_seconds(), 1),
            "read_units": sum(part.half_read_units for part in parts) / 2,
        }
        INVITING.finish(plan.run_id, finished_at, figures)
    # Whoever was not decided on by a night that died was a candidate again.
    INVITING.close(plan.run_id, INVITING.unfinished(but=plan.run_id))
    return figures


@optimistic
def decide(
    customer_id: str,
    survey: Survey,
    rules: Rules,
    run: str,
    about: Callable[[], Mapping[str, str]],
    time: ShopTime,
) -> Reason | None:
    """Invite a candidate of a run, or record why not; decided once, the first decision stands.

    `about` reads what an invitation is counted by, and is not called for a refusal. Of a nightly survey a refusal is
    not written here: nearly everybody is refused every night, and the run's file in the bucket says why. Costs 3 read
    units, and 8 write units for an invitation, 4 for a refusal.
    """
    identity = invitation_id(survey.survey_id, run)
    decided, profile, asked_before = CUSTOMERS.get_together(
        INVITATIONS.key(customer_id=customer_id, invitation_id=identity),
        PROFILES.key(customer_id=customer_id),
        HISTORIES.key(customer_id=customer_id),
    )
    if decided:
        return invitations.refusal_of(decided)
    customer = PROFILES.entity_if_any(profile)
    history = HISTORIES.entity_if_any(asked_before) or ContactHistory(customer_id=customer_id)
    reason = refusal(customer, history, survey, rules, run, time)
    if reason and survey.trigger is Trigger.NIGHTLY:
        return reason
    if reason:
        expires_at = time.now + timedelta(days=REFUSED_DAYS)
        transact(
            invitations.put_refused(
                Refused(customer_id=customer_id, invitation_id=identity, refusal=reason, expires_at=expires_at)
            ),
            fact_store.record(skipped_fact(customer_id, survey, run, reason, time.now)),
        )
        return reason
    home_time = ShopTime(time.now, home_of(customer, time.zone))
    after, invitation, fact = invite(history, survey, rules, run, about(), home_time)
    transact(
        invitations.put_new(invitation),
        fact_store.record(fact),
        contact_histories.put_invitation(history, after),
        figures.count_invitation(month_of(time.today), counting.dimensions_of(invitation), customer_id),
    )
    return None


def _decisions(card: Scorecard, surveys: list[Survey], rules: Rules, time: ShopTime) -> Iterator[Decision]:
    for survey in surveys:
        candidacy = candidates.candidacy(card, survey, time.today)
        if candidacy is None:
            continue
        if survey.trigger is Trigger.NIGHTLY and not is_sampled(card.customer_id, survey, candidacy.run):
            # Almost everybody, every night: written into the bucket only.
            yield Decision(card.customer_id, survey.survey_id, candidacy.run, Reason.NOT_SAMPLED)
            continue

        def about(ordered_on: date | None = candidacy.ordered_on) -> dict[str, str]:
            facts = fact_store.around(card.customer_id, ordered_on) if ordered_on else ()
            return candidates.about(card, ordered_on, facts, time)

        reason = decide(card.customer_id, survey, rules, candidacy.run, about, time)
        yield Decision(card.customer_id, survey.survey_id, candidacy.run, reason or INVITED)
