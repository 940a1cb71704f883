"""Scorecards: a customer's counters and score, small enough to read a million of them for a cent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta, tzinfo
from typing import Annotated, Final

from shared.core.codec import AS_TEXT, As
from shared.core.facts import Fact, from_timestamp
from shared.core.months import month_of, months_after
from shared.core.shop_time import ShopTime
from shared.scorecards.score import Score

WINDOW_MONTHS: Final = 24
# With more days a daily buyer's card would outgrow the kilobyte that a write unit covers.
MAX_ORDER_DAYS: Final = 64
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One calendar month: orders kept (not wholly refunded) and money kept, in minor units."""

    orders: int = 0
    spent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """Counters of one customer; the same in whatever order their orders came.

    `orders` and `spent` are of all time, net of refunds. `months` (`1997-01` → Month) are the WINDOW_MONTHS that end
    with the month of the last order. `order_days` are the last MAX_ORDER_DAYS days with an order, as days since
    1970-01-01. Days and months are the shop's own. A wholly refunded order no longer counts in `orders`; its day
    stays, for the customer did buy then. `score` is the last rescoring's. `version` counts the writes of purchases,
    not those of rescoring.
    """

    customer_id: str
    orders: int = 0
    spent: int = 0
    first_order_on: date | None = None
    last_order_on: date | None = None
    order_days: frozenset[int] = frozenset()
    # Stored as `2|4990`: a million are read every night.
    months: Mapping[str, Annotated[Month, AS_TEXT]] = field(default_factory=dict)
    score: Annotated[Score, As(Score.to_text, Score.from_text)] | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Rfm:
    """Recency in days since the last order, frequency in orders, monetary in minor units, of the last WINDOW_MONTHS."""

    recency_days: int
    frequency: int
    monetary: int


def with_order(card: Scorecard, ordered_on: date, total: int) -> Scorecard:
    """The counters after one more order."""
    first = min(card.first_order_on or ordered_on, ordered_on)
    last = max(card.last_order_on or ordered_on, ordered_on)
    days = card.order_days | {(ordered_on - _EPOCH).days}
    return replace(
        card,
        orders=card.orders + 1,
        spent=card.spent + total,
        first_order_on=first,
        last_order_on=last,
        order_days=frozenset(sorted(days)[-MAX_ORDER_DAYS:]),
        months=_in_window(_add(card.months, ordered_on, 1, total), last),
        version=card.version + 1,
    )


def with_refund(card: Scorecard, ordered_on: date, amount: int, *, fully_refunded: bool) -> Scorecard:
    """The counters after a refund of an order of that day; `fully_refunded` when nothing of the order is left."""
    returned = 1 if fully_refunded else 0
    months = card.months
    if month_of(ordered_on) in months:
        months = _add(months, ordered_on, -returned, -amount)
    return replace(
        card,
        orders=card.orders - returned,
        spent=card.spent - amount,
        months=months,
        version=card.version + 1,
    )


def rfm(card: Scorecard, as_of: date) -> Rfm | None:
    """The customer's R, F and M on a day; None for a prospect, who keeps no order or had none by then.

    A day in the past is for data from the past: what came later in the same month still counts.
    """
    last_order_on = _last_order_by(card, as_of)
    if not card.orders or last_order_on is None:
        return None
    first, last = months_after(month_of(as_of), 1 - WINDOW_MONTHS), month_of(as_of)
    counted = [month for name, month in card.months.items() if first <= name <= last]
    return Rfm(
        recency_days=(as_of - last_order_on).days,
        frequency=sum(month.orders for month in counted),
        monetary=sum(month.spent for month in counted),
    )


def scorecard_from(customer_id: str, facts: Iterable[Fact], zone: tzinfo) -> Scorecard:
    """The counters that a customer's facts, in any order, add up to."""
    card = Scorecard(customer_id=customer_id)
    for fact in sorted(facts, key=lambda f: f.type):  # a purchase stands before its refund
        if fact.type in ("PurchaseRecorded", "PurchaseRefunded"):
            ordered_on = ShopTime(from_timestamp(fact.data["ordered_at"]), zone).today
            if fact.type == "PurchaseRecorded":
                card = with_order(card, ordered_on, fact.data["total"])
            else:
                card = with_refund(card, ordered_on, fact.data["amount"], fully_refunded=fact.data["whole"])
    return card


def _last_order_by(card: Scorecard, as_of: date) -> date | None:
    if card.last_order_on is None or card.last_order_on <= as_of:
        return card.last_order_on
    days = [day for day in card.order_days if day <= (as_of - _EPOCH).days]
    return _EPOCH + timedelta(days=max(days)) if days else None


def _add(months: Mapping[str, Month], day: date, orders: int, spent: int) -> dict[str, Month]:
    name = month_of(day)
    before = months.get(name, Month())
    changed = Month(orders=before.orders + orders, spent=before.spent + spent)
    rest = {key: month for key, month in months.items() if key != name}
    return rest if changed == Month() else {**rest, name: changed}


def _in_window(months: Mapping[str, Month], last_order_on: date) -> dict[str, Month]:
    first = months_after(month_of(last_order_on), 1 - WINDOW_MONTHS)
    return {name: month for name, month in sorted(months.items()) if name >= first}
