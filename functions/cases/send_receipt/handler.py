"""`CaseOpened`, `CaseContinued` by a complaint → a receipt to the customer, by mail."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.cases.case import Case, Message, Origin, messages
from shared.cases.store import case_files
from shared.core import environment
from shared.core.locales import choose_locale
from shared.customers.customer import Customer, address_for_answers, home_of
from shared.customers.store import profiles
from shared.edge.queues import consume, fact_of
from shared.mail import deliver
from shared.mail.compose import Email, Letter, render_email
from shared.mail.store import mails


def send(record: SQSRecord) -> None:
    """Send once per complaint, to the profile's address alone: whoever has the link chooses no address.

    Killed between sending and recording, it sends again: two receipts are better than none.
    """
    fact = fact_of(record)
    if fact.data["origin"] != Origin.COMPLAINT:
        return
    mail_id = f"receipt-{fact.id}"
    customer = profiles.get(fact.customer_id)
    address = address_for_answers(customer)
    if customer is None or address is None or mails.was_sent(fact.customer_id, mail_id):
        return
    case = case_files.get(fact.data["case_id"])
    assert case is not None, "a case is written with its fact"
    message_id = fact.data.get("message_id", case.case_id)
    if not case.resolved_at:
        complaint = next(message for message in messages(case) if message.message_id == message_id)
        deliver.at_least_once(fact.customer_id, mail_id, _compose(case, complaint, customer, address))


def _compose(case: Case, complaint: Message, customer: Customer, address: str) -> Email:
    settings = environment.settings()
    home = home_of(customer, settings.zone)
    context = {
        "case_id": case.case_id,
        "text": complaint.text,
        "received_at": complaint.at.astimezone(home),
        "due_at": case.due_at.astimezone(home),
    }
    return render_email(
        Letter(template="complaint_receipt", context=context),
        settings,
        language=choose_locale(customer.locale, default=settings.locale),
        to=address,
        unsubscribe_url=None,
        name=customer.contact.name,
    )


handler = consume(send)
