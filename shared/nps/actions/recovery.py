"""Asking the customers of resolved cases whether it helped."""

from shared.cases.case import Case
from shared.cases.store import case_files, case_lists
from shared.cases.store.case_lists import FollowUp
from shared.core import fact_store
from shared.core.dynamodb import Cancelled, apply, transact
from shared.core.months import month_of
from shared.core.shop_time import ShopTime
from shared.customers.store import contact_histories
from shared.nps import counting, survey
from shared.nps.store import definitions, figures, invitations
from shared.nps.survey import Rules


def ask_whether_it_helped(time: ShopTime) -> int:
    """Invite the customers of cases that were resolved long enough ago, once each; returns the number.

    Costs 1 read unit per 4 KB of the cases that wait, 2 read units for each that is due and 10 write units for each
    invitation.
    """
    follow_ups = case_lists.list_follow_ups(time.today)
    if not follow_ups:
        return 0
    rules = definitions.get_rules()
    cases = {case.case_id: case for case in case_files.get_all([follow_up.case_id for follow_up in follow_ups])}
    return sum(_ask(follow_up, cases.get(follow_up.case_id), rules, time) for follow_up in follow_ups)


def _ask(follow_up: FollowUp, case: Case | None, rules: Rules, time: ShopTime) -> bool:
    """Whether the customer is invited now; where something else was asked just before, a later hour asks."""
    if case is None:
        apply(case_lists.delete_follow_up(follow_up))
        return False
    if not survey.may_ask_whether_it_helped(contact_histories.get(case.customer_id), time.now):
        return False
    invitation = survey.ask_whether_it_helped(case, rules, time)
    try:
        transact(
            invitations.put_new(invitation),
            fact_store.record(survey.invited_fact(invitation)),
            contact_histories.put_question(case.customer_id, time.now),
            figures.count_invitation(month_of(time.today), counting.dimensions_of(invitation), case.customer_id),
            case_lists.delete_follow_up(follow_up),
        )
    except Cancelled as cancelled:
        if cancelled.refused(0):
            # The invitation is there already.
            apply(case_lists.delete_follow_up(follow_up))
        # Otherwise other writers changed the same items: the next hour asks.
        return False
    return True
