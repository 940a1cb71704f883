"""`CaseOpened`, `CaseContinued`, `CaseOverdue` → a mail to the shop's marketer, at once."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.cases import case as rules
from shared.cases.case import Case
from shared.cases.store import case_files
from shared.core import environment
from shared.core.dynamodb import CUSTOMERS
from shared.core.money import to_decimal
from shared.core.settings import Settings
from shared.core.shop_time import ShopTime
from shared.customers.customer import Customer
from shared.customers.store.contact_histories import HISTORIES
from shared.customers.store.profiles import PROFILES
from shared.edge.queues import consume, fact_of
from shared.mail import deliver
from shared.mail.compose import Letter
from shared.mail.store import mails
from shared.purchases.store import orders
from shared.scorecards.store import cards


def notify(record: SQSRecord) -> None:
    """A case that was resolved meanwhile needs no mail. The answer to the mail goes to the customer."""
    fact = fact_of(record)
    case = case_files.get(fact.data["case_id"])
    assert case is not None, "a case is written with its fact"
    if case.resolved_at:
        return
    mail_id = f"{fact.type}-{fact.id}"
    if mails.was_sent(case.customer_id, mail_id):
        return
    profile, history = CUSTOMERS.get_together(
        PROFILES.key(customer_id=case.customer_id), HISTORIES.key(customer_id=case.customer_id)
    )
    customer, settings = PROFILES.entity_if_any(profile), environment.settings()
    if fact.type == "CaseOverdue":
        letter = Letter(template="case_overdue", context={"cases": [_in_short(case, customer, settings)]})
    else:
        past = HISTORIES.entity_if_any(history)
        context = {
            **_in_short(case, customer, settings),
            "continued": fact.type == "CaseContinued",
            "messages": _messages(case, settings),
            "sentiment": case.sentiment,
            "themes": list(case.themes),
            "order": _order(case, settings),
            "customer": _customer(case.customer_id, settings),
            "cases_before": past.cases - 1 if past and past.cases else 0,
            "can_reply": bool(customer and customer.email),
        }
        letter = Letter(template="case_opened", context=context)
    reply_to = customer.email if customer else None
    deliver.to_marketer(case.customer_id, mail_id, letter, reply_to=reply_to)


def _in_short(case: Case, customer: Customer | None, settings: Settings) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "customer_id": case.customer_id,
        "customer_name": customer.contact.name if customer else None,
        "priority": case.priority,
        "due_at": case.due_at.astimezone(settings.zone),
        "owner": case.owner,
    }


def _messages(case: Case, settings: Settings) -> list[dict[str, Any]]:
    return [
        {
            "origin": message.origin,
            "at": message.at.astimezone(settings.zone),
            "score": message.score,
            "text": message.text,
        }
        for message in rules.messages(case)
    ]


def _order(case: Case, settings: Settings) -> Mapping[str, Any] | None:
    """The order that the case is about, where it is known (2 read units)."""
    order_id = case.about.get("order_id")
    state = orders.get(order_id) if order_id else None
    if state is None or state.customer_id != case.customer_id:
        return None
    order = orders.order_of(state)
    return {
        "order_id": order.order_id,
        "day": ShopTime(order.ordered_at, settings.zone).today,
        "total": to_decimal(order.total, order.currency),
        "refunded": to_decimal(state.refunded, order.currency),
        "currency": order.currency,
        "lines": [
            {
                "quantity": line.quantity,
                "name": line.name or line.sku,
                "amount": to_decimal(line.price * line.quantity, order.currency),
            }
            for line in order.products
        ],
    }


def _customer(customer_id: str, settings: Settings) -> Mapping[str, Any] | None:
    """The customer's purchases and segment (1 read unit); None where they have bought nothing."""
    card = cards.get(customer_id)
    if card is None or card.last_order_on is None:
        return None
    return {
        "orders": card.orders,
        "spent": to_decimal(card.spent, settings.currency),
        "currency": settings.currency,
        "last_order_on": card.last_order_on,
        "segment": card.score.segment if card.score else None,
    }


handler = consume(notify)
