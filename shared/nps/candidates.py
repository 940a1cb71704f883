"""Candidates: in which run of a survey a customer may be asked, and by what their answer will be counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from shared.core.facts import Fact
from shared.core.shop_time import ShopTime
from shared.nps.survey import Survey, Trigger, run_of
from shared.scorecards.scorecard import Scorecard

_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Candidacy:
    """A customer's run of a survey, and the shop's day of the purchase that it is about, if there was any."""

    run: str
    ordered_on: date | None


def candidacy(card: Scorecard, survey: Survey, today: date) -> Candidacy | None:
    """The run of which a customer is a candidate tonight, about the latest purchase that is due; None if of none."""
    past = sorted(day for number in card.order_days if (day := _EPOCH + timedelta(days=number)) <= today)
    if survey.trigger is Trigger.NIGHTLY:
        run = run_of(survey, today, None)
        return Candidacy(run, past[-1] if past else None) if run else None
    return next((Candidacy(run, day) for day in reversed(past) if (run := run_of(survey, today, day))), None)


def about(card: Scorecard, ordered_on: date | None, facts: Iterable[Fact], time: ShopTime) -> dict[str, str]:
    """The subject by which an answer is counted: the customer's segment, and of the first order of that day among the
    facts its id, its channel and the category of its largest line.
    """
    segment = {"segment": card.score.segment} if card.score else {}
    orders = (fact for fact in facts if fact.type == "PurchaseRecorded" and time.day_of(fact.occurred_at) == ordered_on)
    order = next(orders, None)
    return {**segment, **(_about_order(order) if order else {})}


def _about_order(order: Fact) -> dict[str, str]:
    lines: list[Mapping[str, Any]] = [line for line in order.data["products"] if line.get("category")]
    largest = max(lines, key=lambda line: line["price"] * line["quantity"], default=None)
    # This character separates the parts of a figure's key.
    texts = {"channel": order.data.get("channel"), "category": largest["category"] if largest else None}
    return {
        "order_id": order.data["order_id"],
        **{name: text.replace("#", " ") for name, text in texts.items() if text},
    }
